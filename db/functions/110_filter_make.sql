-- Makes the canonical filter of the arguments that every public read function shares, and
-- refuses those that are out of range or contradict each other.

create or replace function gallery.most_elements()
returns int
language sql immutable
return 5000;
comment on function gallery.most_elements() is
    'So many elements may stand in all the arrays of a call together.';

create or replace function gallery.most_search_bytes()
returns int
language sql immutable
return 8192;
comment on function gallery.most_search_bytes() is
    'So many bytes may a search have.';

create or replace function gallery.refuse_excess(what text, given bigint, most int, unit text)
returns void
language plpgsql immutable
set search_path from current
as $function$
begin
    perform gallery.raise_error('TG004', format('%s: %s %s are too many', what, given, unit),
        format('Give %s %s at most in one call.', most, unit));
end
$function$;
comment on function gallery.refuse_excess(text, bigint, int, text) is
    'TG004: an argument is larger than its bound. To be found out before anything that takes longer the larger the argument is.';

create or replace function gallery.refuse_null_elements(name text, elements anyarray)
returns void
language plpgsql immutable
set search_path from current
as $function$
begin
    if array_ndims(elements) > 1 then
        elements := array(select e from unnest(elements) e);
    end if;
    if array_position(elements, null) is not null then
        perform gallery.raise_error('TG004', format('%s has a NULL element', name),
            'Leave the element out; leave the argument out (or give NULL) for no condition.');
    end if;
end
$function$;
comment on function gallery.refuse_null_elements(text, anyarray) is
    'TG004 if an array argument has a NULL element.';

create or replace function gallery.as_set(elements uuid[])
returns uuid[]
language plpgsql immutable
set search_path from current
as $function$
begin
    if cardinality(elements) = 1 and array_ndims(elements) = 1 and array_lower(elements, 1) = 1 then
        return elements;                -- the commonest case, without a statement
    end if;
    return array(select distinct e from unnest(elements) e order by e);
end
$function$;
comment on function gallery.as_set(uuid[]) is 'The elements of an array, sorted and without duplicates.';

-- && and <@ compare every element of one array with every one of the other. EXCEPT and INTERSECT sort or
-- hash, whatever the planner's settings are.
create or replace function gallery.share_elements(a uuid[], b uuid[])
returns boolean
language plpgsql immutable strict
set search_path from current
as $function$
begin
    return exists (select unnest(a) intersect select unnest(b));
end
$function$;
comment on function gallery.share_elements(uuid[], uuid[]) is
    'Whether two arrays have an element in common; null if one of them is. Cost: that of sorting both.';

create or replace function gallery.all_elements_in(a uuid[], b uuid[])
returns boolean
language plpgsql immutable strict
set search_path from current
as $function$
begin
    return not exists (select unnest(a) except select unnest(b));
end
$function$;
comment on function gallery.all_elements_in(uuid[], uuid[]) is
    'Whether every element of a is one of b; null if one of the arrays is. Cost: that of sorting both.';

create or replace function gallery.make_filter(
    tags_all uuid[], tags_any uuid[], tags_none uuid[],
    content_source_types text[], viewer uuid, creators uuid[], content_types text[], search text,
    created_from timestamptz, created_before timestamptz, min_quality double precision,
    in_force gallery.settings_in_force default null)
returns gallery.filter
language plpgsql stable
set search_path from current
as $function$
declare
    f          gallery.filter;
    v_elements bigint;
begin
    v_elements := coalesce(cardinality(tags_all), 0)::bigint + coalesce(cardinality(tags_any), 0) + coalesce(cardinality(tags_none), 0)
                + coalesce(cardinality(content_source_types), 0) + coalesce(cardinality(creators), 0) + coalesce(cardinality(content_types), 0);
    if v_elements > gallery.most_elements() then
        perform gallery.refuse_excess('tags_all, tags_any, tags_none, content_source_types, creators and content_types together',
            v_elements, gallery.most_elements(), 'elements');
    end if;
    if octet_length(search) > gallery.most_search_bytes() then
        perform gallery.refuse_excess('search', octet_length(search), gallery.most_search_bytes(), 'bytes');
    end if;
    if tags_all <> '{}' then
        perform gallery.refuse_null_elements('tags_all', tags_all);
        f.tags_all := gallery.as_set(tags_all);
    end if;
    if tags_any is not null then
        perform gallery.refuse_null_elements('tags_any', tags_any);
        f.tags_any := gallery.as_set(tags_any);
        if cardinality(f.tags_any) = 1 then     -- any one of one tag is that tag
            f.tags_all := array(select e from unnest(f.tags_all || f.tags_any) e group by e order by e);
        end if;
        if gallery.share_elements(f.tags_any, f.tags_all) then      -- already required
            f.tags_any := null;
        end if;
    end if;
    if tags_none <> '{}' then
        perform gallery.refuse_null_elements('tags_none', tags_none);
        f.tags_none := gallery.as_set(tags_none);
    end if;
    if creators is not null then
        perform gallery.refuse_null_elements('creators', creators);
        f.creators := gallery.as_set(creators);
    end if;
    if content_types is not null then
        perform gallery.refuse_null_elements('content_types', content_types);
        f.content_types := array(select e from unnest(content_types) e group by e order by e collate "C");
    end if;
    if search <> '' then
        f.terms := gallery.search_terms(search);
    end if;
    if created_from > created_before then
        perform gallery.raise_error('TG004', 'created_from is later than created_before',
            'The range is half-open: created_from <= created_at < created_before.');
    end if;
    if min_quality = 'NaN' then
        perform gallery.raise_error('TG004', 'min_quality is not a number', 'Give a number, or leave it out.');
    end if;

    f.viewer         := case when in_force is null then viewer else gallery.viewer_in_force(viewer, in_force) end;
    f.everything     := not in_force is null and gallery.sees_everything(in_force);
    f.created_from   := created_from;
    f.created_before := created_before;
    f.min_quality    := min_quality;
    f                := gallery.filter_sources(f, content_source_types);
    f.impossible     := f.sources = '{}'
                     or coalesce(f.tags_any = '{}' or f.creators = '{}' or f.content_types = '{}', false)
                     or coalesce(gallery.share_elements(f.tags_all, f.tags_none), false)
                     or coalesce(gallery.all_elements_in(f.tags_any, f.tags_none), false)
                     or coalesce(f.created_from = f.created_before, false);
    return f;
end
$function$;
comment on function gallery.make_filter(uuid[], uuid[], uuid[], text[], uuid, uuid[], text[], text, timestamptz, timestamptz, double precision, gallery.settings_in_force) is
    'The canonical filter of the shared filter arguments, for whom the settings in force take the viewer to be; without settings, for the one who is named. Errors: TG004.';

create or replace function gallery.filter_sources(f gallery.filter, content_source_types text[])
returns gallery.filter
language plpgsql immutable
set search_path from current
as $function$
declare
    v_odd text;
begin
    if content_source_types is null then
        f.sources := '{auto,items}';
        return f;
    end if;
    perform gallery.refuse_null_elements('content_source_types', content_source_types);
    select t into v_odd from unnest(content_source_types) t
    where t not in ('user-regular', 'user-auto', 'community-regular', 'community-auto') limit 1;
    if found then
        perform gallery.raise_error('TG004', format('unknown content source type %L', left(v_odd, 60)),
            'Known are user-regular, user-auto, community-regular and community-auto.');
    end if;
    if f.viewer is null and content_source_types && '{user-regular,user-auto}' then
        perform gallery.raise_error('TG004', 'the user-... source types need a viewer',
            'Give viewer => the uuid of the one who is looking, or log in where the setting viewer.pinned_to says who that is, or ask for the community-... types only.');
    end if;
    f.own_sources   := array(select s.source from (values ('auto', 'user-auto'), ('items', 'user-regular')) s (source, kind)
                             where s.kind = any (content_source_types));
    f.other_sources := array(select s.source from (values ('auto', 'community-auto'), ('items', 'community-regular')) s (source, kind)
                             where s.kind = any (content_source_types));
    f.sources       := array(select s from unnest(f.own_sources || f.other_sources) s group by s order by s);
    if f.own_sources = f.other_sources or f.viewer is null then
        f.own_sources := null;
        f.other_sources := null;
    end if;
    return f;
end
$function$;
comment on function gallery.filter_sources(gallery.filter, text[]) is
    'Fills in which source types a filter looks into, and in which of them whose items count. Errors: TG004.';
