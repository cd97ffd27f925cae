-- The steps of building the whole index: empty it, build block after block, newest first, close it.
-- Each step leaves what the next one needs in the tables, so a rebuild goes on where it was stopped.

create or replace function gallery.rebuild_start()
returns void
language plpgsql
set search_path from current
as $function$
begin
    -- Rows that this sees are of changes that every later step sees too. DELETE, not TRUNCATE:
    -- readers whose snapshot still has the old index go on reading it.
    delete from gallery.dirty_item;
    delete from gallery.bitmap_container;
    delete from gallery.bitmap_slot;
    delete from gallery.bitmap_item;
    delete from gallery.bitmap_block;
    update gallery.bitmap_state
    set built = false, frontier = gallery.rebuild_top(), filenodes = gallery.table_files_seen(), damage = null, damaged_blocks = null;
end
$function$;
comment on function gallery.rebuild_start() is 'Empties the index; until it is closed it is not used.';

create or replace function gallery.rebuild_step()
returns int
language plpgsql
set search_path from current
as $function$
declare
    v_frontier int := (select s.frontier from gallery.bitmap_state s);
    v_upper    gallery.position := gallery.last_place();
    v_block    gallery.bitmap_block;
    n record;
begin
    select * into v_block from gallery.bitmap_block b where b.block_no = v_frontier;
    if found then
        v_upper := row(false, v_block.lower_at, null::double precision, v_block.lower_id, v_block.lower_source);
    end if;
    select * into n from gallery.items_to_index(gallery.first_place(), v_upper, gallery.block_capacity());
    if n.ids is null then
        return 0;
    end if;
    v_frontier := gallery.block_no_below();
    perform gallery.build_block(v_frontier, row(false, n.created_ats[1], null, n.ids[1], n.sources[1])::gallery.position,
                                n.ids, n.sources, n.created_ats);
    update gallery.bitmap_state set frontier = v_frontier;
    return cardinality(n.ids);
end
$function$;
comment on function gallery.rebuild_step() is 'Builds the next block; how many items it took, 0 if none are left.';

create or replace function gallery.rebuild_finish()
returns void
language plpgsql
set search_path from current
as $function$
begin
    update gallery.bitmap_block b
    set lower_at = (p.p).created_at, lower_id = (p.p).id, lower_source = (p.p).source
    from (select gallery.first_place() as p) p
    where b.block_no = (select min(m.block_no) from gallery.bitmap_block m);

    perform gallery.count_all_tags();
    perform gallery.confirm_statistics();
    update gallery.bitmap_state set built = true, frontier = null, refreshed_at = now();
end
$function$;
comment on function gallery.rebuild_finish() is 'Closes the index: it and the statistics are used from here on.';

revoke execute on function
    gallery.rebuild_start(), gallery.rebuild_step(), gallery.rebuild_finish()
from public;
