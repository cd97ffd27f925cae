-- Items that changed since they were last indexed. In any one snapshot the index is exact for every
-- other item; a reader leaves these out of the bitmaps and tests them against the tables instead.

drop type if exists gallery.index_state cascade;
create type gallery.index_state as (
    lacks       text,                   -- why the index can't be used now; null if it can
    dirty       bigint,                 -- rows of the log,
    dirty_ids   gallery.source_ids      -- and the items that they are of
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
    v_whole boolean;
begin
    n.lacks := case when gallery.rows_are_hidden() then 'row level security hides items or tags from this role'
                    when not has_table_privilege('gallery.bitmap_state', 'select') then 'this role may not read the bitmap index' end;
    if n.lacks is not null then
        return n;
    end if;
    select case when not s.built then 'the bitmap index is not built yet'
                when s.damage is not null then 'the bitmap index is damaged: ' || s.damage
                when s.filenodes is distinct from gallery.table_files() then 'a table was rewritten and the bitmap index not built anew since' end,
           d.rows, d.whole into n.lacks, n.dirty, v_whole
    from gallery.bitmap_state s
    cross join (select count(*) as rows, bool_or(l.content_id is null) as whole
                from (select i.content_id from gallery.dirty_item i limit dirty_limit + 1) l) d;
    n.lacks := case when n.lacks is not null then n.lacks
                    when n.dirty is null then 'the bitmap index is not built yet'
                    when n.dirty > dirty_limit then format('more than %s changed items are not indexed yet', dirty_limit)
                    when v_whole then 'a table was truncated and the bitmap index not built anew since' end;
    if n.lacks is null and n.dirty > 0 then
        n.dirty_ids := row(array(select distinct i.content_id from gallery.dirty_item i where i.content_source = 'items' order by 1),
                           array(select distinct i.content_id from gallery.dirty_item i where i.content_source = 'auto' order by 1))::gallery.source_ids;
    end if;
    return n;
end
$function$;
comment on function gallery.index_state(int) is
    'Whether the bitmap index can be used now, given the setting dirty_limit. A role without SELECT on it, or from which row level security hides rows, is served by the other strategies.';

drop function if exists gallery.dirty_mask();
create or replace function gallery.dirty_mask(d gallery.source_ids, out block_nos int[], out bits bit varying[])
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan' set enable_hashjoin = 'off' set enable_mergejoin = 'off' set enable_seqscan = 'off'
as $function$
begin
    select array_agg(m.block_no), array_agg(m.bits::bit varying) into block_nos, bits
    from (select b.block_no, ~ gallery.slots_to_bits(b.slot, 1) as bits
          from (select 'items', e from unnest(d.items) e union all select 'auto', e from unnest(d.auto) e) l (source, id)
          join gallery.bitmap_item b on b.content_id = l.id and b.content_source = l.source
          group by b.block_no) m;
end
$function$;
comment on function gallery.dirty_mask(gallery.source_ids) is
    'For every block that some dirty items stand in, the bits of all others.';

-- width_bucket finds an id among sorted ones by halving: they are as good as an index.
create or replace function gallery.without_dirty(places gallery.position[], d gallery.source_ids)
returns gallery.position[]
language plpgsql immutable
set search_path from current
set plan_cache_mode = 'force_generic_plan'
as $function$
begin
    return array(
        select p
        from unnest(places) p
        where case p.source when 'items' then d.items[width_bucket(p.id, d.items)] else d.auto[width_bucket(p.id, d.auto)] end
              is distinct from p.id);
end
$function$;
comment on function gallery.without_dirty(gallery.position[], gallery.source_ids) is
    'Of some places, those of items that are not dirty.';

create or replace function gallery.ids_between(source text, low timestamptz, high timestamptz, descending boolean, most int)
returns bigint[]
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan' set enable_seqscan = 'off' set enable_bitmapscan = 'off' set enable_sort = 'off'
as $function$
#variable_conflict use_variable
begin
    return case
        when source = 'items' and descending then
            array(select i.id from @schema@.content_items i where i.created_at between low and high
                  order by i.created_at desc, i.id desc limit most)
        when source = 'items' then
            array(select i.id from @schema@.content_items i where i.created_at between low and high
                  order by i.created_at, i.id limit most)
        when descending then
            array(select i.id from @schema@.content_items_auto i where i.created_at between low and high
                  order by i.created_at desc, i.id desc limit most)
        else
            array(select i.id from @schema@.content_items_auto i where i.created_at between low and high
                  order by i.created_at, i.id limit most)
    end;
end
$function$;
comment on function gallery.ids_between(text, timestamptz, timestamptz, boolean, int) is
    'The items of a source that were created in a time, both ends included, in their order; no more than asked for. Cost: entries of the sort index alone.';

create or replace function gallery.first_between(
    ids bigint[], source text, s gallery.scan, before gallery.position, out near bigint[], out complete boolean)
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan'
as $function$
declare
    c_each constant int := 2;           -- entries of the sort index read for one that may be spared a test
    v_most int := c_each * cardinality(ids);
begin
    near := gallery.ids_between(source,
        case when s.descending then before.created_at else coalesce((s.after).created_at, '-infinity') end,
        case when s.descending then coalesce((s.after).created_at, 'infinity') else before.created_at end,
        s.descending, v_most);
    complete := cardinality(near) < v_most;
    near := array(select n.id from unnest(near) with ordinality n (id, place)
                  where n.id in (select unnest(ids)) order by n.place);
end
$function$;
comment on function gallery.first_between(bigint[], text, gallery.scan, gallery.position) is
    'Of some items of a source, the first ones after the scan''s position and before another, in the page order; complete: these are all that lie there.';

create or replace function gallery.share_between(source text, low bigint, high bigint)
returns double precision
language plpgsql stable
set search_path from current
as $function$
declare
    v_items boolean := source = 'items';
    v_least bigint := case when v_items then (select min(i.id) from @schema@.content_items i) else (select min(i.id) from @schema@.content_items_auto i) end;
    v_most  bigint := case when v_items then (select max(i.id) from @schema@.content_items i) else (select max(i.id) from @schema@.content_items_auto i) end;
begin
    return least(1, (high::double precision - low + 1) / (v_most::double precision - v_least + 1));
end
$function$;
comment on function gallery.share_between(text, bigint, bigint) is
    'The share of a source''s items that lies between two ids, were these given without gaps.';

create or replace function gallery.single_conditions(conditions gallery.narrowing[])
returns gallery.narrowing[]
language plpgsql immutable
set search_path from current
as $function$
declare
    c_several constant int := 20;
    v_found   gallery.narrowing[] := array[]::gallery.narrowing[];
    n         gallery.narrowing;
begin
    foreach n in array conditions loop
        if n.carried or cardinality(n.tags) not between 2 and c_several then
            v_found := v_found || n;
        else
            for v_n in 1 .. cardinality(n.tags) loop
                v_found := v_found || row(n.tags[v_n : v_n], false, n.listed / cardinality(n.tags))::gallery.narrowing;
            end loop;
        end if;
    end loop;
    return v_found;
end
$function$;
comment on function gallery.single_conditions(gallery.narrowing[]) is
    'Conditions on tags in which each of several tags that must not be carried is a condition of its own: what fails one is not tested for the next.';

-- Dirty items are candidates like those that a list strategy has: narrowed by their tags, in the way
-- that costs less, then fetched and tested. Where many may match, or a condition would cost much, they
-- are told apart by their places first: most lie outside the page, and of the others some are taken in
-- the page order, for if these fill the page, none of the rest could stand before them.
create or replace function gallery.dirty_matches_of(
    source text, ids bigint[], f gallery.filter, s gallery.scan, before gallery.position)
returns gallery.position[]
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan'
as $function$
declare
    c_little constant double precision := 2::double precision;        -- buffers an item
    c_few    constant int := 300;       -- are not worth telling apart
    c_first  constant int := 100;       -- are taken in the page order
    g        gallery.figures := s.figures;
    v_steps  gallery.narrowing[] := gallery.single_conditions(g.narrowings);
    v_first  double precision := c_first::double precision;           -- of which so many should match
    v_places gallery.position[] := array[]::gallery.position[];
    n        gallery.narrowing;
    w        record;
begin
    -- of a list, what lies between the first and the last is read: items that changed lately often have ids close
    -- together; and their tags are seldom known to be visible to all
    g.list_row := (g.list_row + 1) * gallery.share_between(source, ids[1], ids[cardinality(ids)]);
    foreach n in array v_steps loop
        v_first := gallery.meeting(v_first, g, n);
    end loop;
    if before is null or cardinality(v_steps) < 2 or v_first < s.wanted / 2.0 then
        while cardinality(v_steps) > 0
              and (before is null or gallery.cost_of_narrowing(g, v_steps[1], cardinality(ids)) < c_little * cardinality(ids)) loop
            ids := gallery.keep_carriers(ids, source, v_steps[1], g);
            v_steps := v_steps[2:];
        end loop;
    end if;
    if not before is null and cardinality(ids) > c_few then
        w := gallery.first_between(ids, source, s, before);
        v_places := array(select c from gallery.page_of_candidates(
            f, s, source, gallery.keep_matches(w.near[:c_first], source, v_steps, g)) c);
        ids := case when w.complete then w.near[c_first + 1:]
                    else array(select e from unnest(ids) e where e not in (select unnest(w.near[:c_first]))) end;
    end if;
    if cardinality(v_places) < s.wanted then
        v_places := v_places || array(select c from gallery.page_of_candidates(
            f, s, source, gallery.keep_matches(ids, source, v_steps, g)) c);
    end if;
    return array(select p from unnest(v_places) p
                 where before is null or case when s.descending then p > before else p < before end);
end
$function$;
comment on function gallery.dirty_matches_of(text, bigint[], gallery.filter, gallery.scan, gallery.position) is
    'The places of those of some dirty items of a source that match, after the scan''s position and before another (null: no such bound): the first wanted, and perhaps more.';

create or replace function gallery.dirty_matches(f gallery.filter, s gallery.scan, before gallery.position)
returns gallery.position[]
language plpgsql stable
set search_path from current
as $function$
declare
    d        gallery.source_ids := (s.figures).dirty_ids;
    v_places gallery.position[] := array[]::gallery.position[];
begin
    if d.items <> '{}' and 'items' = any (f.sources) then
        v_places := gallery.dirty_matches_of('items', d.items, f, s, before);
    end if;
    if d.auto <> '{}' and 'auto' = any (f.sources) then
        v_places := v_places || gallery.dirty_matches_of('auto', d.auto, f, s, before);
    end if;
    return v_places;
end
$function$;
comment on function gallery.dirty_matches(gallery.filter, gallery.scan, gallery.position) is
    'The places of the dirty items that match, after the scan''s position and before another (null: no such bound), of each source the first wanted, and perhaps more.';
