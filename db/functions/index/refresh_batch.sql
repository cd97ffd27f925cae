-- Takes a batch of changed items from the log and brings the index up to date with them.
--
-- Exactness: the rows taken, all that the log has of an item, and the item's present state are read
-- in one statement, so in one snapshot. A change that commits later leaves a row of its own, since
-- rows are only ever appended, and the item stays dirty. What bits an item may have is known: tags
-- and creators that it has now, and those that its rows took away. Where a block is rebuilt, a later
-- state of an item may be indexed; that item has a row left, and is taken again.
--
-- How many rows log and work space have changes by thousands within a second, and statistics of them
-- are often those of empty tables. So no plan here is chosen by such statistics: the planner
-- settings leave hash joins where rows of both sides are many, and a probe of an index a row elsewhere.

create or replace function gallery.take_dirty(batch int)
returns boolean
language plpgsql
set search_path from current
set enable_nestloop = 'off' set enable_mergejoin = 'off' set enable_seqscan = 'off' set enable_bitmapscan = 'off'
set jit = 'off'
as $function$
begin
    perform set_config('pg_gallery.logged_item', '', true);     -- what this transaction logged is taken (see follow_replica.sql)
    with chosen as materialized (
        select distinct d.content_source, d.content_id
        from (select i.content_source, i.content_id from gallery.dirty_item i limit batch) d
    ),
    taken as (
        delete from gallery.dirty_item d using chosen c
        where d.content_id = c.content_id and d.content_source = c.content_source
        returning d.*
    ),
    item as (
        select t.content_source as source, t.content_id as id,
               coalesce(array_agg(distinct r.tag_id) filter (where r.tag_id is not null), '{}') as removed_tags,
               coalesce(array_agg(distinct t.removed_creator) filter (where t.removed_creator is not null), '{}') as removed_creators
        from taken t left join lateral unnest(t.removed_tags) r (tag_id) on true
        group by 1, 2
    )
    insert into gallery.refresh_item
        (source, id, created_at, creator_id, is_public, tags, removed_tags, removed_creators, block_no, slot, kept)
    select d.source, d.id, i.created_at, i.creator_id, i.is_private is not true,
           array(select t.tag_id from @schema@.content_tags t where t.content_id = d.id and t.content_source = d.source),
           d.removed_tags, d.removed_creators, b.block_no, b.slot, coalesce(i.created_at = z.created_at, false)
    from item d                         -- offset 0: a probe an item
    left join lateral (select a.created_at, a.creator_id, a.is_private from @schema@.content_items_all a
                       where a.id = d.id and a.source_type = d.source offset 0) i on true
    left join lateral (select a.block_no, a.slot from gallery.bitmap_item a
                       where a.content_id = d.id and a.content_source = d.source offset 0) b on true
    left join lateral (select a.created_ats[b.slot % gallery.chunk_capacity() + 1] as created_at from gallery.bitmap_slot a
                       where a.block_no = b.block_no and a.chunk = b.slot / gallery.chunk_capacity() offset 0) z on true;
    return found;
end
$function$;
comment on function gallery.take_dirty(int) is
    'Moves a batch of the log (null: all of it) into gallery.refresh_item, with what the tables and the index say of the items now. False: the log is empty.';

create or replace function gallery.refresh_indexed()
returns void
language plpgsql
set search_path from current
set enable_hashjoin = 'off' set enable_mergejoin = 'off' set enable_seqscan = 'off' set enable_bitmapscan = 'off'
set jit = 'off'
as $function$
declare
    c record;
begin
    select array_agg(u.kind) as kinds, array_agg(u.key) as keys, array_agg(u.block_no) as block_nos,
           array_agg(u.slot) as slots, array_agg(u.source) as sources, array_agg(u.present) as present
    into c
    from (select k.kind, k.key, r.block_no, r.slot::int, r.source, bool_or(k.present and r.kept) as present
          from gallery.refresh_item r
          cross join lateral gallery.key_changes(r.tags, r.removed_tags, r.creator_id, r.removed_creators, r.source, r.is_public) k
          where r.block_no is not null
          group by 1, 2, 3, 4, 5) u;
    if c.keys is not null then
        perform gallery.change_bits(c.kinds, c.keys, c.block_nos, c.slots, c.sources, c.present);
    end if;
    delete from gallery.bitmap_item b using gallery.refresh_item r
    where b.content_id = r.id and b.content_source = r.source and not r.kept;
    delete from gallery.refresh_item r where r.kept or r.created_at is null;
    update gallery.refresh_item r set block_no = null, slot = null where r.block_no is not null;
end
$function$;
comment on function gallery.refresh_indexed() is
    'In place: sets the bits of the items that stay in their slots; clears all bits of those that are gone or have moved, and gives up their slots. What remains to be done is items without a slot.';

create or replace function gallery.forget_placed(ids bigint[], sources text[])
returns void
language plpgsql
set search_path from current
set enable_nestloop = 'off' set enable_mergejoin = 'off' set jit = 'off'
as $function$
begin
    delete from gallery.refresh_item r using unnest(ids, sources) u (id, source)
    where r.id = u.id and r.source = u.source;
end
$function$;
comment on function gallery.forget_placed(bigint[], text[]) is
    'Takes items out of gallery.refresh_item: nothing remains to be done with them.';

create or replace function gallery.note_slots(p_block_no int, first_slot int, ids bigint[], sources text[])
returns void
language plpgsql
set search_path from current
set enable_nestloop = 'off' set enable_mergejoin = 'off' set jit = 'off'
as $function$
begin
    update gallery.refresh_item r set block_no = p_block_no, slot = first_slot + u.n - 1, kept = true
    from unnest(ids, sources) with ordinality u (id, source, n)
    where r.id = u.id and r.source = u.source;
end
$function$;
comment on function gallery.note_slots(int, int, bigint[], text[]) is
    'Says in gallery.refresh_item that items now stand in the slots of a block from first_slot on.';

create or replace function gallery.append_items(p_block_no int, ids bigint[], sources text[], created_ats timestamptz[])
returns boolean
language plpgsql
set search_path from current
as $function$
declare
    v_slots int;
    v_last  gallery.bitmap_slot;
    v_new   record;
    v_no    int;
begin
    v_slots := (select b.slots from gallery.bitmap_block b where b.block_no = p_block_no);
    select * into v_last from gallery.bitmap_slot z where z.block_no = p_block_no order by z.chunk desc limit 1;
    if cardinality(ids) > gallery.changed_bits_most()
       or exists (select from gallery.bitmap_block b where b.block_no > p_block_no)
       or (created_ats[1], ids[1], sources[1] collate "C")
          <= (v_last.created_ats[cardinality(v_last.ids)], v_last.ids[cardinality(v_last.ids)],
             gallery.source_of(v_last.sources[cardinality(v_last.ids)])) then       -- equal: deleted, and made anew in its place
        return false;
    end if;
    if v_slots + cardinality(ids) > gallery.block_capacity() then
        v_no := gallery.block_no_above();
        perform gallery.build_block(v_no,
            row(false, created_ats[1], null, ids[1], sources[1])::gallery.position, ids, sources, created_ats);
        select * into v_new from gallery.block_tags(array[v_no]);
        perform gallery.add_to_counts(v_new.tag_ids, v_new.sources, v_new.counts);
        perform gallery.forget_placed(ids, sources);
        return true;
    end if;
    perform gallery.write_slots(p_block_no, v_slots, ids, sources, created_ats);
    perform gallery.note_slots(p_block_no, v_slots, ids, sources);
    perform gallery.refresh_indexed();
    return true;
end
$function$;
comment on function gallery.append_items(int, bigint[], text[], timestamptz[]) is
    'Puts items at the end of the newest block, or into a new one if they do not fit. False, and nothing done, if it is not the newest, they are many, or they do not all come after its last.';

create or replace function gallery.place_items()
returns void
language plpgsql
set search_path from current
set enable_hashjoin = 'off' set enable_mergejoin = 'off' set enable_seqscan = 'off' set enable_bitmapscan = 'off'
set jit = 'off'
as $function$
declare
    v_item  gallery.refresh_item;
    v_block gallery.bitmap_block;
    v_next  gallery.bitmap_block;
    n record;
begin
    loop
        select * into v_item from gallery.refresh_item r limit 1;
        exit when not found;
        select * into v_block
        from gallery.bitmap_block b
        where (b.lower_at, b.lower_id, b.lower_source) <= (v_item.created_at, v_item.id, v_item.source)
        order by b.lower_at desc, b.lower_id desc, b.lower_source desc limit 1;
        if not found then               -- the first block of all
            perform gallery.build_block(0, gallery.first_place(), '{}', '{}', '{}');
            continue;
        end if;
        select * into v_next from gallery.bitmap_block b where b.block_no > v_block.block_no order by b.block_no limit 1;

        select array_agg(r.id order by r.created_at, r.id, r.source collate "C") as ids,
               array_agg(r.source order by r.created_at, r.id, r.source collate "C") as sources,
               array_agg(r.created_at order by r.created_at, r.id, r.source collate "C") as created_ats
        into n
        from gallery.refresh_item r
        where (r.created_at, r.id, r.source collate "C") >= (v_block.lower_at, v_block.lower_id, v_block.lower_source)
          and (v_next.block_no is null
               or (r.created_at, r.id, r.source collate "C") < (v_next.lower_at, v_next.lower_id, v_next.lower_source));
        if not gallery.append_items(v_block.block_no, n.ids, n.sources, n.created_ats) then
            perform gallery.rebuild_block(v_block.block_no);
            perform gallery.forget_placed(n.ids, n.sources);
            delete from gallery.refresh_item r      -- moved into that block since they were taken
            where exists (select from gallery.bitmap_item b
                          where b.content_id = r.id and b.content_source = r.source offset 0);
        end if;
    end loop;
end
$function$;
comment on function gallery.place_items() is
    'Finds slots for the items that have none: at the end of the newest block, or by rebuilding the block that they belong into.';

revoke execute on function
    gallery.take_dirty(int), gallery.refresh_indexed(), gallery.forget_placed(bigint[], text[]),
    gallery.note_slots(int, int, bigint[], text[]),
    gallery.append_items(int, bigint[], text[], timestamptz[]), gallery.place_items()
from public;
