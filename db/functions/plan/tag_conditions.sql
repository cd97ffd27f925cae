-- What a filter asks of tags, as steps that narrow a list of items, in the order in which they are best
-- applied: the tag that the fewest items carry first.

create or replace function gallery.count_carriers(tags uuid[], sources text[], fallback_count bigint)
returns double precision[]
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan'
as $function$
begin
    if not has_table_privilege('@schema_text@.tag_cardinality_stats', 'select') then
        return array_fill(fallback_count::double precision, array[coalesce(cardinality(tags), 0)]);
    end if;
    return array(
        select (select (case when count(*) = 0 then fallback_count       -- no items in these sources is not the same as unknown
                            else greatest(sum(t.cardinality) filter (where t.content_source = any (sources)), 0) end)::double precision
                from @schema@.tag_cardinality_stats t where t.tag_id = w.tag)
        from unnest(tags) with ordinality w (tag, n)
        order by w.n);
end
$function$;
comment on function gallery.count_carriers(uuid[], text[], bigint) is
    'How many items of some sources carry each of the tags, by the statistics; the fallback for a tag without any, and for a role that may not read them.';

create or replace function gallery.read_narrowings(f gallery.filter, fallback_count bigint)
returns gallery.narrowing[]
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan'
as $function$
declare
    v_all    int := coalesce(cardinality(f.tags_all), 0);
    v_any    int := coalesce(cardinality(f.tags_any), 0);
    v_listed double precision[] := gallery.count_carriers(f.tags_all || f.tags_any || f.tags_none, f.sources, fallback_count);
    v_found  gallery.narrowing[] := array[]::gallery.narrowing[];
begin
    if v_all = 1 then
        v_found := array[row(f.tags_all, true, v_listed[1])::gallery.narrowing];
    elsif v_all > 1 then
        v_found := array(select row(array[w.tag], true, w.listed)::gallery.narrowing
                         from unnest(f.tags_all, v_listed[:v_all]) w (tag, listed)
                         order by w.listed, w.tag);
    end if;
    if v_any > 0 then
        v_found := v_found || row(f.tags_any, true, (select sum(l) from unnest(v_listed[v_all + 1 : v_all + v_any]) l))::gallery.narrowing;
        v_found := array(select n from unnest(v_found) n order by n.listed, n.tags);
    end if;
    if f.tags_none is not null then
        v_found := v_found || (select row(array_agg(w.tag order by w.listed desc, w.tag), false, sum(w.listed))::gallery.narrowing
                               from unnest(f.tags_none, v_listed[v_all + v_any + 1 :]) w (tag, listed));    -- the commonest first: it rules out most
    end if;
    return v_found;
end
$function$;
comment on function gallery.read_narrowings(gallery.filter, bigint) is
    'What a filter asks of tags, in the order in which it is best applied. fallback_count: what a tag without statistics counts as.';

create or replace function gallery.tag_conditions(g gallery.figures, required boolean)
returns gallery.narrowing[]
language plpgsql immutable
set search_path from current
as $function$
begin
    return array(select n
                 from unnest(g.narrowings) with ordinality c (tags, carried, listed, place)
                 cross join lateral (select row(c.tags, c.carried, c.listed)::gallery.narrowing) r (n)
                 where (c.carried and cardinality(c.tags) = 1) = required
                 order by c.place);
end
$function$;
comment on function gallery.tag_conditions(gallery.figures, boolean) is
    'What a filter asks of tags: each required tag, the rarest first; or the rest, tags_any and tags_none.';

create or replace function gallery.rarest_count(g gallery.figures)
returns bigint
language plpgsql immutable
set search_path from current
as $function$
declare
    n gallery.narrowing;
begin
    foreach n in array g.narrowings loop
        if n.carried and cardinality(n.tags) = 1 then
            return n.listed::bigint;
        end if;
    end loop;
    return null;
end
$function$;
comment on function gallery.rarest_count(gallery.figures) is
    'How many items carry the rarest required tag, by the statistics; null where none is required.';

create or replace function gallery.required_tags(g gallery.figures)
returns uuid[]
language plpgsql immutable
set search_path from current
as $function$
declare
    n      gallery.narrowing;
    v_tags uuid[];
begin
    foreach n in array g.narrowings loop
        if n.carried and cardinality(n.tags) = 1 then
            v_tags := v_tags || n.tags[1];
        end if;
    end loop;
    return v_tags;
end
$function$;
comment on function gallery.required_tags(gallery.figures) is
    'A filter''s tags_all in the order in which they are best applied, the rarest first; null if there are none.';
