-- gallery_verify: what in the derived data disagrees with the tables. A reader like the others: what
-- it compares is of one snapshot, so it may run while others write, and dirty items are left out.

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
                     case u.source when 'i' then 'items' else 'auto' end as source, u.created_at
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
        select 0 as kind, t.tag_id as key, i.slot
        from item i join @schema@.content_tags t on t.content_id = i.id and t.content_source = i.source_type
        union all select 1, i.creator_id, i.slot from item i where i.creator_id is not null
        union all select 2, gallery.source_key(i.source_type), i.slot from item i
        union all select 3, '00000000-0000-0000-0000-000000000000', i.slot from item i where i.is_private is not true
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
                  case c.kind when 0 then 'tag' when 1 then 'creator' when 2 then 'source' else 'public' end, c.key),
           format('%s items too many, %s missing', bit_count(c.indexed & ~ c.expected), bit_count(c.expected & ~ c.indexed))
    from compared c
    where c.indexed <> c.expected;

    return query
    select format('block %s, container %s', p_block_no, k.key), 'its counts are not those of its bits'
    from gallery.bitmap_container k
    cross join lateral (select coalesce(k.bits, (select gallery.slots_to_bits(e, 1) from unnest(k.slots) e)) as bits) b
    where k.block_no = p_block_no
      and (k.cardinality <> bit_count(b.bits) or k.cardinality = 0
           or k.in_items <> bit_count(b.bits & coalesce((
                select coalesce(i.bits, (select gallery.slots_to_bits(e, 1) from unnest(i.slots) e))
                from gallery.bitmap_container i
                where i.kind = 2 and i.key = gallery.source_key('items') and i.block_no = p_block_no), gallery.no_slots())));

    return query
    select format('block %s, slot %s', p_block_no, p.slot), 'it stands out of the page order, or outside of its block'
    from (select z.chunk * gallery.chunk_capacity() + u.n - 1 as slot,
                 row(false, u.created_at, null, u.id, case u.source when 'i' then 'items' else 'auto' end)::gallery.position as place,
                 lag(row(false, u.created_at, null, u.id, case u.source when 'i' then 'items' else 'auto' end)::gallery.position)
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

create or replace function gallery.verify_items()
returns table (object text, detail text)
language plpgsql stable
set search_path from current
set jit = 'off'
as $function$
begin
    return query
    select format('item %s of %s', coalesce(i.id, b.content_id), coalesce(i.source_type, b.content_source)),
           case when i.id is null then 'it is indexed, and not in the tables'
                when b.content_id is null then 'it is not indexed, and not dirty either'
                else 'it is indexed at another place than it has' end
    from (select i.id, i.source_type, i.created_at from @schema@.content_items_all i) i
    full join (select b.content_id, b.content_source, z.created_ats[b.slot % gallery.chunk_capacity() + 1] as created_at,
                      z.ids[b.slot % gallery.chunk_capacity() + 1] as id
               from gallery.bitmap_item b
               left join gallery.bitmap_slot z on z.block_no = b.block_no and z.chunk = b.slot / gallery.chunk_capacity()) b
      on b.content_id = i.id and b.content_source = i.source_type
    where (i.id is null or b.content_id is null or b.created_at is distinct from i.created_at or b.id is distinct from i.id)
      and not exists (select from gallery.dirty_item d
                      where d.content_id = coalesce(i.id, b.content_id)
                        and d.content_source = coalesce(i.source_type, b.content_source));
end
$function$;
comment on function gallery.verify_items() is
    'Which clean items are not indexed where they stand, and which are that should not be.';

create or replace function gallery.verify_stats()
returns table (object text, detail text)
language plpgsql stable
set search_path from current
set jit = 'off'
as $function$
begin
    return query
    select format('statistics of tag %s in %s', coalesce(s.tag_id, c.tag_id), coalesce(s.content_source, c.source)),
           format('they say %s, the index holds %s', coalesce(s.cardinality, 0), coalesce(c.cardinality, 0))
    from @schema@.tag_cardinality_stats s
    full join (select k.key as tag_id, u.source, sum(u.count) as cardinality
               from gallery.bitmap_container k
               cross join lateral (values ('items', k.in_items), ('auto', k.cardinality - k.in_items)) u (source, count)
               where k.kind = 0 and u.count > 0
               group by 1, 2) c on c.tag_id = s.tag_id and c.source = s.content_source
    where s.cardinality is distinct from c.cardinality;
end
$function$;
comment on function gallery.verify_stats() is
    'Which statistics are not what the index holds; where an item is dirty, both lag behind the tables together.';

create or replace function gallery.verify_counts()
returns table (object text, detail text)
language plpgsql stable
set search_path from current
set jit = 'off'
as $function$
begin
    return query
    select format('count of tag %s', coalesce(t.tag_id, c.tag_id)),
           format('it says %s of %s, the containers hold %s of %s', coalesce(t.in_items, 0), coalesce(t.in_all, 0),
                  coalesce(c.in_items, 0), coalesce(c.in_all, 0))
    from gallery.tag_count t
    full join (select k.key as tag_id, sum(k.in_items) as in_items, sum(k.cardinality) as in_all
               from gallery.bitmap_container k where k.kind = 0 group by k.key) c on c.tag_id = t.tag_id
    where t.in_items is distinct from c.in_items or t.in_all is distinct from c.in_all;
end
$function$;
comment on function gallery.verify_counts() is
    'Which counts in gallery.tag_count are not those of the containers.';

create or replace function gallery.verify_blocks()
returns table (object text, detail text)
language plpgsql stable
set search_path from current
set enable_nestloop = 'off' set jit = 'off'
as $function$
begin
    return query
    select format('block %s', o.block_no), format('there is no such block, and %s', o.what)
    from (select k.block_no, 'containers of it' as what from gallery.bitmap_container k
          union select z.block_no, 'slots of it' from gallery.bitmap_slot z
          union select i.block_no, 'items that stand in it' from gallery.bitmap_item i) o
    where not exists (select from gallery.bitmap_block b where b.block_no = o.block_no);

    return query
    select format('block %s, chunk %s', z.block_no, z.chunk), 'its lower bound is not the place of its first slot'
    from gallery.bitmap_slot z
    where (z.lower_at, z.lower_id, left(z.lower_source, 1)) is distinct from (z.created_ats[1], z.ids[1], z.sources[1]::text collate "C");
end
$function$;
comment on function gallery.verify_blocks() is
    'Which parts of the index belong to no block, or are not where they say.';

create or replace function @schema@.gallery_verify(sample double precision default 1)
returns table (object text, detail text)
language plpgsql stable
set search_path from current
as $function$
declare
    v_block int;
begin
    if sample is null or not sample between 0 and 1 then
        perform gallery.raise_error('TG004', format('sample is %s', coalesce(sample::text, 'NULL')),
            'Give the share of the blocks to compare: 1 for all, 0.01 for a quick look.');
    end if;
    perform gallery.refuse_hidden_rows();
    return query select * from gallery.verify_tag_listing();
    if (select s.built is not true or s.filenodes is distinct from gallery.table_files() from gallery.bitmap_state s)
       or exists (select from gallery.dirty_item d where d.content_id is null) then
        return;                         -- nothing else derived is in use
    end if;
    return query select * from gallery.verify_blocks();
    return query select * from gallery.verify_counts();
    return query select * from gallery.verify_stats();
    return query select * from gallery.verify_items();
    for v_block in select b.block_no from gallery.bitmap_block b order by b.block_no desc loop
        if random() < sample then
            return query select * from gallery.verify_block(v_block);
        end if;
    end loop;
end
$function$;
comment on function @schema@.gallery_verify(double precision) is
    'What in the bitmap index and the statistics disagrees with the tables: no rows, or it is a bug. sample: the share of the blocks whose bits are compared (the cheap comparisons are always whole). Reads only, in one snapshot, so it may run while others write. Cost: the tag rows of the blocks compared, about two seconds a block. Errors: TG004 if sample is out of its range, TG006 if row level security hides rows from the one who calls, for these would seem to be missing.';
