-- A block of the bitmap index, built anew in memory and compared with what is stored.

create or replace function gallery.verify_block(p_block_no int)
returns table (object text, detail text)
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan'
set enable_hashjoin = 'off' set enable_mergejoin = 'off' set enable_seqscan = 'off' set enable_bitmapscan = 'off'
set work_mem = '256MB' set jit = 'off'
as $function$
#variable_conflict use_variable
declare
    v_clean bit varying := (
        select (~ gallery.slots_to_bits(b.slot, 1))::bit varying
        from (select distinct d.content_source, d.content_id from gallery.dirty_item d) d
        join gallery.bitmap_item b using (content_id, content_source)
        where b.block_no = p_block_no);
begin
    return query
    with item as materialized (         -- the clean items of the block, as the tables have them
        select z.slot, i.id, i.source_type, i.creator_id, i.is_private
        from (select (z.chunk * gallery.chunk_capacity() + u.n - 1)::int as slot, u.id,
                     gallery.source_of(u.source) as source, u.created_at
              from gallery.bitmap_slot z
              cross join lateral unnest(z.ids, z.sources, z.created_ats) with ordinality u (id, source, created_at, n)
              where z.block_no = p_block_no) z
        join gallery.bitmap_item b on b.content_id = z.id and b.content_source = z.source
                                  and b.block_no = p_block_no and b.slot = z.slot
        cross join lateral (select a.* from @schema@.content_items_all a
                            where a.id = z.id and a.source_type = z.source and a.created_at = z.created_at offset 0) i
        where get_bit(v_clean, z.slot) = 1
    ),
    carried as (
        select gallery.kind_tag() as kind, t.tag_id as key, i.slot
        from item i join @schema@.content_tags t on t.content_id = i.id and t.content_source = i.source_type
        union all
        select k.kind, k.key, i.slot
        from item i cross join lateral gallery.own_keys(i.creator_id, i.source_type, i.is_private) k
    ),
    compared as (
        select u.kind, u.key, coalesce(bit_or(u.expected), gallery.no_slots()) as expected,
               coalesce(bit_or(u.indexed), gallery.no_slots()) & v_clean as indexed
        from (select c.kind, c.key, (select gallery.slots_to_bits(e, 1) from unnest(c.slots) e), null::bit varying
              from (select c.kind, c.key, array_agg(c.slot) as slots from carried c group by 1, 2) c
              union all
              select k.kind, k.key, null, coalesce(k.bits, (select gallery.slots_to_bits(e, 1) from unnest(k.slots) e))
              from gallery.bitmap_container k where k.block_no = p_block_no) u (kind, key, expected, indexed)
        group by 1, 2
    )
    select format('block %s, %s %s', p_block_no,
                  gallery.kind_name(c.kind), c.key),
           format('%s items too many, %s missing', bit_count(c.indexed & ~ c.expected), bit_count(c.expected & ~ c.indexed))
    from compared c
    where c.indexed <> c.expected;

    return query
    select format('block %s, container %s', p_block_no, k.key), 'its count is not that of its bits'
    from gallery.bitmap_container k
    cross join lateral (select coalesce(k.bits, (select gallery.slots_to_bits(e, 1) from unnest(k.slots) e)) as bits) b
    where k.block_no = p_block_no
      and (k.cardinality <> bit_count(b.bits) or k.cardinality = 0);

    return query
    select format('block %s, slot %s', p_block_no, p.slot), 'it stands out of the page order, or outside of its block'
    from (select z.chunk * gallery.chunk_capacity() + u.n - 1 as slot,
                 row(false, u.created_at, null, u.id, gallery.source_of(u.source))::gallery.position as place,
                 lag(row(false, u.created_at, null, u.id, gallery.source_of(u.source))::gallery.position)
                     over (order by z.chunk, u.n) as before
          from gallery.bitmap_slot z
          cross join lateral unnest(z.ids, z.sources, z.created_ats) with ordinality u (id, source, created_at, n)
          where z.block_no = p_block_no) p
    join gallery.bitmap_block b on b.block_no = p_block_no
    left join lateral (select a.* from gallery.bitmap_block a where a.block_no > p_block_no order by a.block_no limit 1) a on true
    where p.place <= p.before
       or p.place < row(false, b.lower_at, null, b.lower_id, b.lower_source)::gallery.position
       or p.place >= row(false, a.lower_at, null, a.lower_id, a.lower_source)::gallery.position and a.block_no is not null
       or p.slot >= b.slots;
end
$function$;
comment on function gallery.verify_block(int) is
    'What in a block of the index disagrees with the tables, or with itself.';
