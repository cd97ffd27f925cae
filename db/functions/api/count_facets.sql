-- Facets of many items, as bits: a tag's count is that of the bits which it shares with them. Tags are
-- looked at in batches, the commonest first, and fall out as soon as they can't reach the list.

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
    -- The block's bits are an array's: a join would hash, and so copy, the containers. Slots are tested
    -- where they are unnested, for a function in "from" would store them first.
    select array_agg(coalesce(c.n, 0) order by t.n), array_agg(coalesce(c.seen, 0) order by t.n) into counts, seen
    from unnest(tag_ids) with ordinality t (tag_id, n)
    left join (
        select k.key, sum(k.cardinality)::bigint as seen,
               sum(case when k.bits is not null then bit_count(k.bits & result_bits[array_position(result_blocks, k.block_no)])
                        else (select sum(get_bit(s.bits, s.slot))
                              from (select b.bits, unnest(k.slots) as slot
                                    from (select result_bits[array_position(result_blocks, k.block_no)] as bits offset 0) b) s)
                   end)::bigint as n
        from gallery.bitmap_container k
        where k.key = any (tag_ids) and k.kind = gallery.kind_tag()
          and k.block_no between least(result_blocks[1], result_blocks[cardinality(result_blocks)])
                             and greatest(result_blocks[1], result_blocks[cardinality(result_blocks)])
        group by k.key) c on c.key = t.tag_id;
end
$function$;
comment on function gallery.count_tags_in_bits(uuid[], int[], bit varying[]) is
    'How many of some bits each of some tags has, and how many items it has at all from the first to the last of these blocks, in the order of the tags. The blocks are in order, in either direction; those between them have no bits.';

create or replace function gallery.commonest_tags(
    after int, wanted int, at_least bigint, dirty_tags uuid[], dirty_counts bigint[],
    out tag_ids uuid[], out most bigint[], out counts bigint[], out reached bigint)
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan'
set enable_hashjoin = 'on' set enable_nestloop = 'off' set enable_mergejoin = 'off'
set enable_seqscan = 'off' set enable_bitmapscan = 'off'
as $function$
begin
    select array_agg(c.tag_id) filter (where c.most >= at_least), array_agg(c.most) filter (where c.most >= at_least),
           array_agg(c.n) filter (where c.most >= at_least), min(c.in_all)
    into tag_ids, most, counts, reached
    from (select l.tag_id, l.in_all, l.in_all + coalesce(d.n, 0) as most, coalesce(d.n, 0) as n
          from (select i.tag_id, i.item_count as in_all
                from gallery.tag_count i
                where i.scope = ''
                order by -i.item_count, i.tag_id
                offset after limit wanted) l
          left join unnest(dirty_tags, dirty_counts) d (tag_id, n) using (tag_id)) c;
end
$function$;
comment on function gallery.commonest_tags(int, int, bigint, uuid[], bigint[]) is
    'Of the tags after the first so many, the commonest first, those that at_least so many items can carry: how many can, and how many dirty ones do. reached: how many carry the last one looked at; null if there are no more.';

-- So count tag after tag, the commonest of all first, until no tag that is left has items enough to
-- reach the list; and a tag itself only as far as it may still do so, a part of the blocks after
-- another, each so long that a quarter of the tags may fall out. Exact: no tag is dropped that
-- could have as many matches as the list's last one, those found in the blocks read and, in the others,
-- every item that carries it or every bit, whichever are less; of equal counts the first by name are listed.
create or replace function gallery.facets_of_bits(
    block_nos int[], bits bit varying[], dirty gallery.position[], facet_limit int)
returns table (tag_id uuid, name text, item_count bigint)
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan'
set jit = 'off'
as $function$
#variable_conflict use_variable
declare
    v_blocks int := coalesce(cardinality(block_nos), 0);
    v_total  bigint := coalesce(gallery.count_bits(bits), 0);
    v_rests  bigint[];                  -- bits in the blocks after each
    v_batch  int := gallery.first_facet_batch();
    v_after  int := 0;                  -- tags looked at
    v_tags   uuid[];                    -- of a batch those that may reach the list,
    v_most   bigint[];                  --   how many matches each can have,
    v_found  bigint[];                  --   how many it has in the blocks read and among the dirty items
    v_read   int;                       -- blocks read
    v_to     int;
    v_rest   bigint;                    -- bits in the others
    v_need   double precision;          -- which part of these is read next
    v_dirty_tags   uuid[] := array[]::uuid[];
    v_dirty_counts bigint[] := array[]::bigint[];
    v_dirty_most   bigint := 0::bigint;
    v_last   bigint := 1::bigint;       -- the count of the list's last place so far
    v_listed uuid[] := array[]::uuid[];
    v_counts bigint[] := array[]::bigint[];
    b record;
    c record;
begin
    select array_agg(r.n order by r.place) into v_rests
    from (select w.place, v_total - (sum(bit_count(w.bits)) over (order by w.place))::bigint as n
          from unnest(bits) with ordinality w (bits, place)) r;
    if cardinality(dirty) > 0 then
        select coalesce(array_agg(d.tag_id), v_dirty_tags), coalesce(array_agg(d.n), v_dirty_counts), coalesce(max(d.n), 0)
        into v_dirty_tags, v_dirty_counts, v_dirty_most
        from (select ct.tag_id, count(*) as n
              from unnest(dirty) p
              join @schema@.content_tags ct on ct.content_id = p.id and ct.content_source = p.source collate "default"
              group by ct.tag_id) d;
        -- those that no indexed item carries
        select coalesce(array_agg(d.tag_id), v_listed), coalesce(array_agg(d.n), v_counts) into v_listed, v_counts
        from unnest(v_dirty_tags, v_dirty_counts) d (tag_id, n)
        where not exists (select from gallery.tag_count l where l.tag_id = d.tag_id);
    end if;

    loop
        b := gallery.commonest_tags(v_after, v_batch, v_last, v_dirty_tags, v_dirty_counts);
        v_after := v_after + v_batch;
        v_batch := least(v_batch * 2, gallery.most_facet_batch());
        v_tags := b.tag_ids;
        v_most := b.most;
        v_found := b.counts;
        v_read := 0;
        v_rest := v_total;
        loop
            -- a tag falls out at the soonest where it has missed as many bits, or has had as many items
            -- without them, as its count could exceed the last place's
            select array_agg(u.tag_id), array_agg(u.most), array_agg(u.found),
                   percentile_disc(0.25) within group (order by
                       least((u.found + v_rest - v_last + 1)::double precision / nullif(v_rest, 0),
                             (u.most - v_last + 1)::double precision / nullif(u.most - u.found, 0)))
            into v_tags, v_most, v_found, v_need
            from unnest(v_tags, v_most, v_found) u (tag_id, most, found)
            where least(u.most, u.found + v_rest) >= v_last;
            exit when v_tags is null or v_rest = 0;
            v_to := v_read + 1;
            while v_to < v_blocks and v_rest - v_rests[v_to] < v_need * v_rest loop
                v_to := v_to + 1;
            end loop;
            c := gallery.count_tags_in_bits(v_tags, block_nos[v_read + 1 : v_to], bits[v_read + 1 : v_to]);
            select array_agg(u.tag_id), array_agg(u.most - u.seen + u.n), array_agg(u.found + u.n) into v_tags, v_most, v_found
            from unnest(v_tags, v_most, v_found, c.counts, c.seen) u (tag_id, most, found, n, seen);
            v_read := v_to;
            v_rest := v_rests[v_read];
        end loop;
        if v_tags is not null or v_after <= gallery.first_facet_batch() then
            select coalesce(array_agg(l.tag_id), '{}'), coalesce(array_agg(l.n), '{}'),
                   coalesce(min(l.n) filter (where l.place = facet_limit), 1)
            into v_listed, v_counts, v_last
            from (select u.tag_id, u.n, row_number() over (order by u.n desc) as place,
                         rank() over (order by u.n desc) as rank
                  from unnest(v_listed || v_tags, v_counts || v_found) u (tag_id, n)
                  where u.n > 0) l
            where l.rank <= facet_limit;    -- ties of the last place stay: their names decide
        end if;
        exit when b.reached is null or b.reached + v_dirty_most < v_last;
    end loop;

    return query
    select t.id, t.name, u.n
    from unnest(v_listed, v_counts) u (tag_id, n)
    join @schema@.tags t on t.id = u.tag_id
    order by u.n desc, t.name collate "C", t.id
    limit facet_limit;
end
$function$;
comment on function gallery.facets_of_bits(int[], bit varying[], gallery.position[], int) is
    'The tags most carried by the items of some bits and by some dirty ones. Cost: at most a container a block and tag, for as many tags as occur at least as often as the last one of the list.';
