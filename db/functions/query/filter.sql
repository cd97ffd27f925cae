-- Makes the canonical filter of the arguments that every public read function shares, and
-- refuses those that are out of range or contradict each other.

drop type if exists gallery.filter cascade;
create type gallery.filter as (
    tags_all        uuid[],             -- every condition: null where there is none
    tags_any        uuid[],
    tags_none       uuid[],
    sources         text[],             -- the source types to look into; never null
    own_sources     text[],             -- those in which the viewer's own items count, and those
    other_sources   text[],             --   in which everybody else's do; null where that is one
    viewer          uuid,
    creators        uuid[],
    content_types   text[],
    terms           text[],             -- lower-case words and phrases
    created_from    timestamptz,
    created_before  timestamptz,
    min_quality     double precision,
    everything      boolean,            -- true: private items of all count, for an administrator
    impossible      boolean             -- true: the conditions contradict each other
);
comment on type gallery.filter is
    'A checked filter in canonical form: sets are sorted and without duplicates, so equal filters are equal rows.';

create or replace function gallery.is_impossible(f gallery.filter)
returns boolean
language plpgsql immutable
set search_path from current
as $function$
begin
    return f.sources = '{}'
        or coalesce(f.tags_any = '{}' or f.creators = '{}' or f.content_types = '{}', false)
        or coalesce(gallery.share_elements(f.tags_all, f.tags_none), false)
        or coalesce(gallery.all_elements_in(f.tags_any, f.tags_none), false)
        or coalesce(f.created_from = f.created_before, false);
end
$function$;
comment on function gallery.is_impossible(gallery.filter) is
    'Whether the conditions contradict each other, so that nothing can match.';

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
    f gallery.filter;
begin
    perform gallery.refuse_large_filter(
        coalesce(cardinality(tags_all), 0)::bigint + coalesce(cardinality(tags_any), 0) + coalesce(cardinality(tags_none), 0)
        + coalesce(cardinality(content_source_types), 0) + coalesce(cardinality(creators), 0) + coalesce(cardinality(content_types), 0),
        search);
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
    f.impossible     := gallery.is_impossible(f);
    return f;
end
$function$;
comment on function gallery.make_filter(uuid[], uuid[], uuid[], text[], uuid, uuid[], text[], text, timestamptz, timestamptz, double precision, gallery.settings_in_force) is
    'The canonical filter of the shared filter arguments, for whom the settings in force take the viewer to be; without settings, for the one who is named. Errors: TG004.';

create or replace function gallery.filter_sources(f gallery.filter, content_source_types text[])
returns gallery.filter
language plpgsql stable
set search_path from current
as $function$
declare
    v_odd text;
begin
    if content_source_types is null then
        f.sources := gallery.source_types();
        return f;
    end if;
    perform gallery.refuse_null_elements('content_source_types', content_source_types);
    select t into v_odd from unnest(content_source_types) t
    where not exists (select from gallery.sources() s where t in (s.own_label, s.other_label)) limit 1;
    if found then
        perform gallery.raise_error('TG004', format('unknown content source type %L', left(v_odd, 60)),
            format('Known are %s.', (select string_agg(s.own_label || ', ' || s.other_label, ', ' order by s.source_type collate "C" desc)
                                     from gallery.sources() s)));
    end if;
    f.own_sources   := array(select s.source_type from gallery.sources() s
                             where s.own_label = any (content_source_types) order by s.source_type collate "C");
    f.other_sources := array(select s.source_type from gallery.sources() s
                             where s.other_label = any (content_source_types) order by s.source_type collate "C");
    if f.viewer is null and f.own_sources <> '{}' then
        perform gallery.raise_error('TG004', 'the user-... source types need a viewer',
            'Give viewer => the uuid of the one who is looking, or log in where the setting viewer.pinned_to says who that is, or ask for the community-... types only.');
    end if;
    f.sources       := array(select s from unnest(f.own_sources || f.other_sources) s group by s order by s collate "C");
    if f.own_sources = f.other_sources or f.viewer is null then
        f.own_sources := null;
        f.other_sources := null;
    end if;
    return f;
end
$function$;
comment on function gallery.filter_sources(gallery.filter, text[]) is
    'Fills in which source types a filter looks into, and in which of them whose items count. Errors: TG004.';
