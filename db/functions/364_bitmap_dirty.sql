-- Items that changed since they were last indexed. In any one snapshot the index is exact for every
-- other item; a reader leaves these out of the bitmaps and tests them against the tables instead.

drop type if exists gallery.index_state cascade;
create type gallery.index_state as (
    lacks       text,                   -- why the index can't be used now; null if it can
    dirty       bigint                  -- rows of the log
);
comment on type gallery.index_state is 'How far the bitmap index is.';

create or replace function gallery.index_state(dirty_limit int)
returns gallery.index_state
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan'
as $function$
declare
    n       gallery.index_state;
    v_built boolean;
    v_whole boolean;
begin
    if not has_table_privilege('gallery.bitmap_state', 'select') then
        n.lacks := 'this role may not read the bitmap index';
        return n;
    end if;
    select s.built, d.rows, d.whole into v_built, n.dirty, v_whole
    from gallery.bitmap_state s
    cross join (select count(*) as rows, bool_or(l.content_id is null) as whole
                from (select i.content_id from gallery.dirty_item i limit dirty_limit + 1) l) d;
    n.lacks := case when not v_built then 'the bitmap index is not built yet'
                    when n.dirty > dirty_limit then format('more than %s changed items are not indexed yet', dirty_limit)
                    when v_whole then 'a table was truncated and the bitmap index not built anew since' end;
    return n;
end
$function$;
comment on function gallery.index_state(int) is
    'Whether the bitmap index can be used now, given the setting dirty_limit. A role without SELECT on it is served by the other strategies.';

create or replace function gallery.dirty_mask(out block_nos int[], out bits bit varying[])
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan' set enable_hashjoin = 'off' set enable_mergejoin = 'off' set enable_seqscan = 'off'
as $function$
begin
    select array_agg(m.block_no), array_agg(m.bits::bit varying) into block_nos, bits
    from (select b.block_no, ~ gallery.slots_to_bits(b.slot, 1) as bits
          from (select distinct i.content_source, i.content_id from gallery.dirty_item i) d
          join gallery.bitmap_item b using (content_id, content_source)
          group by b.block_no) m;
end
$function$;
comment on function gallery.dirty_mask() is
    'For every block with dirty items, the bits of all others.';

create or replace function gallery.dirty_ids(source text)
returns bigint[]
language plpgsql stable
set search_path from current
as $function$
begin
    return array(select distinct d.content_id from gallery.dirty_item d where d.content_source = source order by 1);
end
$function$;
comment on function gallery.dirty_ids(text) is
    'The dirty items of a source, in the order of their ids.';

create or replace function gallery.ids_between(source text, low timestamptz, high timestamptz, most int)
returns bigint[]
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan' set enable_seqscan = 'off' set enable_bitmapscan = 'off'
as $function$
begin
    if source = 'items' then
        return array(select i.id from content_items i where i.created_at between low and high limit most);
    end if;
    return array(select i.id from content_items_auto i where i.created_at between low and high limit most);
end
$function$;
comment on function gallery.ids_between(text, timestamptz, timestamptz, int) is
    'The items of a source that were created in a time, both ends included, or as many of them as asked for. Cost: entries of the sort index alone.';

create or replace function gallery.dirty_ids_between(source text, s gallery.scan, before gallery.position)
returns bigint[]
language plpgsql stable
set search_path from current
as $function$
declare
    c_some constant int := 50;          -- fewer are tested as soon as told apart
    c_each constant int := 4;           -- entries of the sort index read for one that may be spared a test
    v_ids  bigint[] := gallery.dirty_ids(source);
    v_near bigint[];
begin
    if cardinality(v_ids) <= c_some or before is null then
        return v_ids;
    end if;
    v_near := gallery.ids_between(source,
        case when s.descending then before.created_at else coalesce((s.after).created_at, '-infinity') end,
        case when s.descending then coalesce((s.after).created_at, 'infinity') else before.created_at end,
        c_each * cardinality(v_ids));
    if cardinality(v_near) = c_each * cardinality(v_ids) then     -- there may be more
        return v_ids;
    end if;
    return array(select e from unnest(v_ids) e where e in (select n from unnest(v_near) n) order by e);
end
$function$;
comment on function gallery.dirty_ids_between(text, gallery.scan, gallery.position) is
    'The dirty items of a source without those that surely lie outside a page: after the scan''s position and before another. Most pages take a short stretch of the page order, in which few items are dirty.';

create or replace function gallery.listed_between(conditions gallery.narrowing[], source text, ids bigint[])
returns gallery.narrowing[]
language plpgsql stable
set search_path from current
as $function$
declare
    v_least bigint := case source when 'items' then (select min(i.id) from content_items i) else (select min(i.id) from content_items_auto i) end;
    v_most  bigint := case source when 'items' then (select max(i.id) from content_items i) else (select max(i.id) from content_items_auto i) end;
    v_share double precision := least(1, (ids[cardinality(ids)]::double precision - ids[1] + 1) / (v_most::double precision - v_least + 1));
begin
    for v_n in 1 .. cardinality(conditions) loop
        conditions[v_n].listed := conditions[v_n].listed * v_share;
    end loop;
    return conditions;
end
$function$;
comment on function gallery.listed_between(gallery.narrowing[], text, bigint[]) is
    'Conditions on tags with as much of their lists as lies between the first and the last of some ids, were they spread evenly: what a merge with the lists reads. Items that changed lately often have ids close together.';

-- Dirty items are candidates like those that a list strategy has: narrowed by their tags, in the way
-- that costs less, then fetched and tested.
create or replace function gallery.dirty_matches(f gallery.filter, s gallery.scan, before gallery.position)
returns gallery.position[]
language plpgsql stable
set search_path from current
as $function$
declare
    g        gallery.figures := s.figures;
    v_places gallery.position[];
begin
    v_places := array(
        select c
        from unnest(f.sources) source
        cross join lateral gallery.dirty_ids_between(source, s, before) dirty
        cross join lateral gallery.listed_between(g.narrowings, source, dirty) conditions
        cross join lateral gallery.keep_matches(dirty, source, conditions, g) ids
        cross join lateral gallery.page_of_candidates(f, s, source, ids) c);
    if before is null then
        return v_places;
    end if;
    return array(select p from unnest(v_places) p
                 where case when s.descending then p > before else p < before end);
end
$function$;
comment on function gallery.dirty_matches(gallery.filter, gallery.scan, gallery.position) is
    'The places of the dirty items that match, after the scan''s position and before another (null: no such bound), each source''s first wanted.';
