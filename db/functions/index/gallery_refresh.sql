-- gallery_refresh: brings the bitmap index and the statistics up to date with the log.

create or replace function gallery.refresh_index()
returns void
language plpgsql
set search_path from current
as $function$
declare
    v_dirty bigint := (select count(*) from gallery.dirty_item);
    v_items bigint := (select coalesce(sum(b.slots), 0) from gallery.bitmap_block b);
begin
    if exists (select from gallery.dirty_item d where d.content_id is null)
       or v_dirty > greatest(gallery.refreshed_whole(), v_items / 2)
       or (select s.filenodes is distinct from gallery.table_files() from gallery.bitmap_state s) then
        perform gallery.rebuild_start();
        while gallery.rebuild_step() > 0 loop null; end loop;
        perform gallery.rebuild_finish();
        return;
    end if;
    -- As many batches as there were at the start, the last without a limit: while others write, the
    -- log may never be found empty, and what they write may be taken before what was there already.
    for v_turn in 0 .. (v_dirty / gallery.refresh_batch())::int loop
        exit when not gallery.take_dirty(case when v_turn < v_dirty / gallery.refresh_batch() then gallery.refresh_batch() end);
        perform gallery.refresh_indexed();
        perform gallery.place_items();
    end loop;
    perform gallery.publish_all_if_changed();
    perform gallery.list_dirty_tags();
    perform gallery.confirm_statistics();
    update gallery.bitmap_state set refreshed_at = now();
end
$function$;
comment on function gallery.refresh_index() is
    'A refresh, by one that holds the index lock: changed items by batches, or everything anew where a table was truncated or rewritten, or most has changed.';
revoke execute on function gallery.refresh_index() from public;

create or replace procedure @schema@.gallery_refresh()
language plpgsql
set search_path from current
as $procedure$
declare
    c_tries constant int := 3;
    v_state gallery.bitmap_state;
begin
    perform gallery.refuse_hidden_rows();
    if not gallery.try_index_lock() then
        raise notice 'pg_gallery: another refresh or rebuild is at work; this one leaves';
        return;
    end if;
    select * into v_state from gallery.bitmap_state;
    if v_state.built is not true then
        perform gallery.raise_error('TG006', 'the bitmap index is not built yet',
            'Run CALL gallery_rebuild() once; it goes on where an earlier one was stopped.');
    end if;
    if v_state.damage is not null then
        perform gallery.raise_error('TG006', format('the bitmap index is damaged: %s', v_state.damage),
            format('Until it is rebuilt, pages come from the tables. Run %s If it comes back, call gallery_rebuild() for all blocks.', gallery.damage_remedy()));
    end if;
    for v_try in 1 .. c_tries loop
        begin
            perform gallery.refresh_index();
            return;
        exception
            when deadlock_detected then         -- with somebody who locks whole tables: their turn first
                if v_try = c_tries then
                    raise;
                end if;
            when integrity_constraint_violation or data_exception or cardinality_violation or internal_error
                 or data_corrupted or index_corrupted then
                perform gallery.mark_damaged(sqlerrm);
                raise warning 'pg_gallery: the bitmap index is damaged, and not used from here on: %', sqlerrm
                    using hint = format('Pages come from the tables, and are exact. Run %s', gallery.damage_remedy());
                return;
        end;
    end loop;
end
$procedure$;
comment on procedure @schema@.gallery_refresh() is
    'Brings the bitmap index and tag_cardinality_stats up to date: exact afterwards for all that was committed before. One transaction; one at a time, a second one says so and leaves. It waits for nobody who writes items, tags or tag rows. Where a table was truncated, or rewritten by DDL, it builds all anew. Where it finds the index damaged it warns, and marks it; from then on it fails, and pages come from the tables, until gallery_rebuild() has been called. Cost: by what changed, some milliseconds for a few items, about a second for 1000 new ones or for a block that has to be rebuilt. Errors: TG006 if the index was never built or is damaged, or row level security hides rows from the one who calls; 40001 in a transaction that is repeatable read or serializable, as those of clients: call it again.';
revoke execute on procedure @schema@.gallery_refresh() from public;
