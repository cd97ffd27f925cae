-- gallery_facets: the tags most carried by the items that match.

-- Few items: read their tags.
create or replace function gallery.facets_of_items(places gallery.position[], facet_limit int)
returns table (tag_id uuid, name text, item_count bigint)
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan' set enable_hashjoin = 'off' set enable_mergejoin = 'off' set enable_seqscan = 'off'
set jit = 'off'
as $function$
begin
    return query
    select t.id, t.name, c.item_count
    from (select ct.tag_id, count(*) as item_count, rank() over (order by count(*) desc) as rank
          from unnest(places) p
          join content_tags ct on ct.content_id = p.id and ct.content_source = p.source
          group by ct.tag_id) c
    join tags t on t.id = c.tag_id
    where c.rank <= facet_limit         -- ties of the last place stay: their names decide
    order by c.item_count desc, t.name collate "C", t.id
    limit facet_limit;
end
$function$;
comment on function gallery.facets_of_items(gallery.position[], int) is
    'The tags most carried by some items. Cost: all tag rows of these items.';

-- Many items, as bits: a tag's count is that of the bits which it shares with them.
create or replace function gallery.count_tags_in_bits(
    tag_ids uuid[], result_blocks int[], result_bits bit varying[], out counts bigint[], out seen bigint[])
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan'
set enable_hashjoin = 'on' set enable_nestloop = 'off' set enable_mergejoin = 'off'
set enable_seqscan = 'off' set enable_bitmapscan = 'off'
as $function$
begin
    select array_agg(coalesce(c.n, 0) order by t.n), array_agg(coalesce(c.seen, 0) order by t.n) into counts, seen
    from unnest(tag_ids) with ordinality t (tag_id, n)
    left join (
        select k.key, sum(k.cardinality)::bigint as seen,     -- an array: a join would hash, and so copy, the containers
               sum(case when k.bits is not null then bit_count(k.bits & result_bits[array_position(result_blocks, k.block_no)])
                        else (select count(*) from unnest(k.slots) e
                              where get_bit(result_bits[array_position(result_blocks, k.block_no)], e) = 1) end)::bigint as n
        from gallery.bitmap_container k
        where k.key = any (tag_ids) and k.kind = 0
          and k.block_no between least(result_blocks[1], result_blocks[cardinality(result_blocks)])
                             and greatest(result_blocks[1], result_blocks[cardinality(result_blocks)])
        group by k.key) c on c.key = t.tag_id;
end
$function$;
comment on function gallery.count_tags_in_bits(uuid[], int[], bit varying[]) is
    'How many of some bits each of some tags has, and how many items it has at all from the first to the last of these blocks, in the order of the tags. The blocks are in order, in either direction; those between them have no bits.';

-- So count tag after tag, the commonest of all first, until no tag that is left has items enough to
-- reach the list; and a tag itself only as far as it may still do so, a part of the blocks after
-- another. Exact: no tag is dropped that could have as many matches as the list's last one, those found in
-- the blocks read and, in the others, every item that carries it or every bit, whichever are less; of equal
-- counts the first by name are listed.
create or replace function gallery.facets_of_bits(
    block_nos int[], bits bit varying[], dirty gallery.position[], facet_limit int)
returns table (tag_id uuid, name text, item_count bigint)
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan'
set jit = 'off'
as $function$
declare
    c_batch constant int := 100;
    c_parts constant int := 10;
    v_blocks int := cardinality(block_nos);
    v_total  bigint := coalesce(gallery.count_bits(bits), 0);
    v_bits   bit varying[];
    v_tags   uuid[];                    -- every tag, in falling order of
    v_most   bigint[];                  --   how many items can carry it, indexed and dirty ones
    v_dirty  bigint[];                  -- matching dirty items among them
    v_rest   bigint;                    -- bits in the blocks not read yet
    v_last   bigint := 1::bigint;               -- the count of the list's last place so far
    v_listed uuid[] := array[]::uuid[];
    v_counts bigint[] := array[]::bigint[];
    b record;
    c record;
begin
    select array_agg(m.tag_id order by m.most desc, m.tag_id), array_agg(m.most order by m.most desc, m.tag_id),
           array_agg(m.dirty order by m.most desc, m.tag_id)
    into v_tags, v_most, v_dirty
    from (select u.tag_id, sum(u.n)::bigint as most, coalesce(sum(u.n) filter (where u.dirty), 0)::bigint as dirty
          from (select s.tag_id, s.cardinality, false from tag_cardinality_stats s
                union all
                select ct.tag_id, count(*), true
                from unnest(dirty) p
                join content_tags ct on ct.content_id = p.id and ct.content_source = p.source
                group by 1) u (tag_id, n, dirty)
          group by 1) m;

    for v_from in 1 .. coalesce(cardinality(v_tags), 0) by c_batch loop
        exit when v_most[v_from] < v_last;
        select v_tags[v_from : v_from + c_batch - 1] as tags, v_most[v_from : v_from + c_batch - 1] as most,
               v_dirty[v_from : v_from + c_batch - 1] as counts into b;
        v_rest := v_total;
        for v_part in 1 .. c_parts loop
            v_bits := bits[(v_part - 1) * v_blocks / c_parts + 1 : v_part * v_blocks / c_parts];
            continue when v_bits = '{}';
            c := gallery.count_tags_in_bits(b.tags, block_nos[(v_part - 1) * v_blocks / c_parts + 1 : v_part * v_blocks / c_parts], v_bits);
            v_rest := v_rest - gallery.count_bits(v_bits);
            select array_agg(u.tag_id), array_agg(u.counted + u.n), array_agg(u.most - u.seen + u.n) into b.tags, b.counts, b.most
            from unnest(b.tags, b.counts, b.most, c.counts, c.seen) u (tag_id, counted, most, n, seen)
            where least(u.most - u.seen, u.counted + v_rest) + u.n >= v_last;
            exit when b.tags is null;
        end loop;
        continue when b.tags is null;
        select array_agg(l.tag_id), array_agg(l.n), coalesce(min(l.n) filter (where l.place = facet_limit), 1)
        into v_listed, v_counts, v_last
        from (select u.tag_id, u.n, row_number() over (order by u.n desc) as place,
                     rank() over (order by u.n desc) as rank
              from unnest(v_listed || b.tags, v_counts || b.counts) u (tag_id, n)
              where u.n > 0) l
        where l.rank <= facet_limit;    -- ties of the last place stay: their names decide
        v_listed := coalesce(v_listed, '{}');
        v_counts := coalesce(v_counts, '{}');
    end loop;

    return query
    select t.id, t.name, u.n
    from unnest(v_listed, v_counts) u (tag_id, n)
    join tags t on t.id = u.tag_id
    order by u.n desc, t.name collate "C", t.id
    limit facet_limit;
end
$function$;
comment on function gallery.facets_of_bits(int[], bit varying[], gallery.position[], int) is
    'The tags most carried by the items of some bits and by some dirty ones. Cost: at most a container a block and tag, for as many tags as occur at least as often as the last one of the list.';

create or replace function gallery_facets(
    tags_all uuid[] default null, tags_any uuid[] default null, tags_none uuid[] default null,
    content_source_types text[] default null, viewer uuid default null, creators uuid[] default null,
    content_types text[] default null, search text default null,
    created_from timestamptz default null, created_before timestamptz default null,
    min_quality double precision default null, facet_limit int default 20)
returns table (tag_id uuid, name text, item_count bigint)
language plpgsql stable rows 20
set search_path from current
set jit = 'off' set max_parallel_workers_per_gather = 0
as $function$
#variable_conflict use_column
declare
    c_few    constant int := 2000;      -- reading the tags of so many items costs as much as some hundred tags' containers
    f        gallery.filter := gallery.make_filter(tags_all, tags_any, tags_none, content_source_types, viewer,
                                   creators, content_types, search, created_from, created_before, min_quality);
    s        gallery.scan := gallery.make_scan('created_at', 'desc');
    v_limit  int := coalesce(facet_limit, 20);
    v_result record;
    v_taken  record;
    v_dirty  gallery.position[];
    v_in_force gallery.settings_in_force := gallery.current_settings();
begin
    if v_limit not between 1 and 1000 then
        perform gallery.raise_error('TG004', format('facet_limit is %s', v_limit), 'Give a facet_limit from 1 to 1000.');
    end if;
    if f.impossible then
        return;
    end if;
    s.wanted := 9223372036854775806;
    s.figures := gallery.read_figures(f, s, v_in_force);
    if not v_in_force.enable_bitmap or (s.figures).index_lacks is not null or gallery.needs_item_test(f) then
        return query select * from gallery.facets_of_items(gallery.run_strategy(gallery.choose_strategy(f, s, null, v_in_force), f, s), v_limit);
        return;
    end if;
    f.tags_all := gallery.required_tags(s.figures);
    if (s.figures).dirty > 0 then
        v_dirty := gallery.dirty_matches(f, s, null);
    end if;
    v_result := gallery.bitmap_result(f, s, null);
    if v_result.total <= c_few then
        v_taken := gallery.bitmap_take(v_result.block_nos, v_result.bits, true, c_few);
        return query
        select * from gallery.facets_of_items(
            gallery.bitmap_places(v_taken.taken_blocks, v_taken.taken_slots) || v_dirty, v_limit);
    else
        return query select * from gallery.facets_of_bits(v_result.block_nos, v_result.bits, v_dirty, v_limit);
    end if;
end
$function$;
comment on function gallery_facets(uuid[], uuid[], uuid[], text[], uuid, uuid[], text[], text, timestamptz, timestamptz, double precision, int) is
    'The facet_limit (1 to 1000, default 20) tags most carried by the items that match the filter (see gallery_page), with how many of these items carry each: exact, by falling item_count, then name. Errors: TG004. Cost: a few milliseconds for some dozens of items, some tenths of a second from some thousands on.';
