-- Builds blocks of the bitmap index from the tables, and removes them. All that writes the index
-- holds one lock (lock.sql).

create or replace function gallery.write_slots(
    p_block_no int, first_slot int, ids bigint[], sources text[], created_ats timestamptz[])
returns void
language plpgsql
set search_path from current
as $function$
begin
    insert into gallery.bitmap_slot as z (block_no, chunk, lower_at, lower_id, lower_source, ids, sources, created_ats)
    select p_block_no, (first_slot + u.n - 1) / gallery.chunk_capacity(),
           (array_agg(u.created_at order by u.n))[1], (array_agg(u.id order by u.n))[1], (array_agg(u.source order by u.n))[1],
           array_agg(u.id order by u.n), array_agg(gallery.source_code(u.source) order by u.n), array_agg(u.created_at order by u.n)
    from unnest(ids, sources, created_ats) with ordinality u (id, source, created_at, n)
    group by 2
    on conflict (block_no, chunk) do update     -- the chunk that was not full yet
    set ids = z.ids || excluded.ids, sources = z.sources || excluded.sources,
        created_ats = z.created_ats || excluded.created_ats;

    insert into gallery.bitmap_item (content_id, content_source, block_no, slot)
    select u.id, u.source, p_block_no, first_slot + u.n - 1
    from unnest(ids, sources) with ordinality u (id, source, n);

    update gallery.bitmap_block b set slots = first_slot + cardinality(ids) where b.block_no = p_block_no;
end
$function$;
comment on function gallery.write_slots(int, int, bigint[], text[], timestamptz[]) is
    'Puts items, in page order, into the slots of a block from first_slot on.';

create or replace function gallery.build_block(
    p_block_no int, lower gallery.position, ids bigint[], sources text[], created_ats timestamptz[])
returns void
language plpgsql
set search_path from current
set enable_hashjoin = 'off' set enable_mergejoin = 'off' set enable_seqscan = 'off' set enable_bitmapscan = 'off'
set work_mem = '256MB' set jit = 'off'
as $function$
begin
    insert into gallery.bitmap_block (block_no, lower_at, lower_id, lower_source, slots)
    values (p_block_no, lower.created_at, lower.id, lower.source, 0);
    perform gallery.write_slots(p_block_no, 0, ids, sources, created_ats);

    with item as materialized (
        select (u.n - 1)::smallint as slot, i.id, i.source_type, i.creator_id, i.is_private
        from unnest(ids, sources) with ordinality u (id, source, n)
        cross join lateral (select a.* from @schema@.content_items_all a where a.id = u.id and a.source_type = u.source offset 0) i
    ),
    carried as (
        select gallery.kind_tag() as kind, t.tag_id as key, i.slot
        from item i join @schema@.content_tags t on t.content_id = i.id and t.content_source = i.source_type
        union all
        select k.kind, k.key, i.slot
        from item i cross join lateral gallery.own_keys(i.creator_id, i.source_type, i.is_private) k
    ),
    container as (                      -- bits are made of whole arrays: growing thousands of bit strings at
        select c.kind, c.key, array_agg(c.slot) as slots       -- once would miss the processor's caches
        from carried c
        group by 1, 2
    )
    insert into gallery.bitmap_container (key, block_no, kind, cardinality, bits, slots)
    select c.key, p_block_no, c.kind, cardinality(c.slots),
           case when cardinality(c.slots) > gallery.sparse_limit()
                then (select gallery.slots_to_bits(e, 1) from unnest(c.slots) e) end,
           case when cardinality(c.slots) <= gallery.sparse_limit() then c.slots end
    from container c
    order by c.kind, c.key;
end
$function$;
comment on function gallery.build_block(int, gallery.position, bigint[], text[], timestamptz[]) is
    'Builds a block of the items given, in page order, as the tables have them now. The statistics are the caller''s.';

create or replace function gallery.remove_block(p_block_no int)
returns void
language plpgsql
set search_path from current
set enable_hashjoin = 'off' set enable_mergejoin = 'off' set enable_seqscan = 'off' set enable_bitmapscan = 'off'
set jit = 'off'
as $function$
begin
    delete from gallery.bitmap_container k where k.block_no = p_block_no;
    delete from gallery.bitmap_item t
    using (select unnest(z.ids) as id, unnest(z.sources) as source from gallery.bitmap_slot z where z.block_no = p_block_no) z
    where t.content_id = z.id and t.content_source = gallery.source_of(z.source) and t.block_no = p_block_no;
    delete from gallery.bitmap_slot z where z.block_no = p_block_no;
    delete from gallery.bitmap_block b where b.block_no = p_block_no;
end
$function$;
comment on function gallery.remove_block(int) is 'Removes a block and what it holds. The statistics are the caller''s.';

-- The items of a stretch of the page order that no block holds. An item that another block holds
-- has changed its place since; it is dirty, and the refresh that takes it moves it.
create or replace function gallery.items_to_index(
    lower gallery.position, upper gallery.position, newest bigint,
    out ids bigint[], out sources text[], out created_ats timestamptz[])
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = 'off' set enable_bitmapscan = 'off' set enable_hashjoin = 'off' set enable_mergejoin = 'off'
set jit = 'off'
as $function$
#variable_conflict use_variable
begin
    select array_agg(n.id order by n.created_at, n.id, n.source),
           array_agg(n.source order by n.created_at, n.id, n.source),
           array_agg(n.created_at order by n.created_at, n.id, n.source)
    into ids, sources, created_ats
    from (select t.created_at, t.id, t.source
          from (select i.created_at, i.id, i.source_type collate "C" as source
                from @schema@.content_items_all i
                where (i.created_at, i.id, i.source_type collate "C") < (upper.created_at, upper.id, upper.source)
                  and (i.created_at, i.id, i.source_type collate "C") >= (lower.created_at, lower.id, lower.source)
                  and not exists (select from gallery.bitmap_item b
                                  where b.content_id = i.id and b.content_source = i.source_type offset 0)
                order by i.created_at desc, i.id desc
                fetch first (newest) rows with ties) t
          order by t.created_at desc, t.id desc, t.source desc
          limit newest) n;
end
$function$;
comment on function gallery.items_to_index(gallery.position, gallery.position, bigint) is
    'Of the items from lower up to, but without, upper: the newest so many that stand in no block, in page order.';

create or replace function gallery.first_place()
returns gallery.position
language sql immutable
return row(false, '-infinity'::timestamptz, null, -9223372036854775808, '')::gallery.position;
comment on function gallery.first_place() is 'A place before every item.';

create or replace function gallery.last_place()
returns gallery.position
language sql immutable
return row(false, 'infinity'::timestamptz, null, 9223372036854775807, E'\x7f')::gallery.position;
comment on function gallery.last_place() is 'A place after every item.';

revoke execute on function
    gallery.items_to_index(gallery.position, gallery.position, bigint),
    gallery.write_slots(int, int, bigint[], text[], timestamptz[]),
    gallery.build_block(int, gallery.position, bigint[], text[], timestamptz[]),
    gallery.remove_block(int)
from public;
