-- gallery_refresh: brings the bitmap index and the statistics up to date with the log.

create or replace procedure @schema@.gallery_refresh()
language plpgsql
set search_path from current
as $procedure$
declare
    c_batch constant int := 5000;
    c_whole constant int := 100000;     -- from so many on, one go through the tables is cheaper
    v_dirty bigint;
    v_items bigint;
begin
    if not pg_try_advisory_xact_lock(gallery.index_lock()) then
        raise notice 'pg_gallery: another refresh or rebuild is at work; this one leaves';
        return;
    end if;
    if not (select s.built from gallery.bitmap_state s) then
        perform gallery.raise_error('TG006', 'the bitmap index is not built yet',
            'Run CALL gallery_rebuild() once; it goes on where an earlier one was stopped.');
    end if;
    select count(*) into v_dirty from gallery.dirty_item;
    select coalesce(sum(b.slots), 0) into v_items from gallery.bitmap_block b;
    if exists (select from gallery.dirty_item d where d.content_id is null)
       or v_dirty > greatest(c_whole, v_items / 2) then
        perform gallery.rebuild_start();
        while gallery.rebuild_step() > 0 loop null; end loop;
        perform gallery.rebuild_finish();
        return;
    end if;
    -- As many batches as there were at the start, the last without a limit: while others write, the
    -- log may never be found empty, and what they write may be taken before what was there already.
    for v_turn in 0 .. (v_dirty / c_batch)::int loop
        exit when not gallery.take_dirty(case when v_turn < v_dirty / c_batch then c_batch end);
        perform gallery.refresh_indexed();
        perform gallery.place_items();
    end loop;
    perform gallery.confirm_statistics();
    update gallery.bitmap_state set refreshed_at = now();
end
$procedure$;
comment on procedure @schema@.gallery_refresh() is
    'Brings the bitmap index and tag_cardinality_stats up to date: exact afterwards for all that was committed before. One transaction; one at a time, a second one says so and leaves. Cost: by what changed, some milliseconds for a few items, about a second for 1000 new ones or for a block that has to be rebuilt. Errors: TG006 if the index was never built.';
revoke execute on procedure @schema@.gallery_refresh() from public;
