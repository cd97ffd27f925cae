-- gallery_rebuild: builds the bitmap index and the statistics anew, a block a transaction.

create or replace procedure @schema@.gallery_rebuild()
language plpgsql
as $procedure$                          -- no SET clause: it commits; every name below is qualified
declare
    v_done  bigint := 0::bigint;
    v_items bigint;
    v_step  int;
begin
    perform gallery.rebuild_lock();
    if (select s.frontier is null from gallery.bitmap_state s) then
        perform gallery.rebuild_start();
    else
        v_done := (select coalesce(sum(b.slots), 0) from gallery.bitmap_block b);
        raise notice 'pg_gallery rebuild: going on after % items', v_done;
    end if;
    v_items := gallery.estimated_items();
    commit;
    loop
        perform gallery.rebuild_lock();
        v_step := gallery.rebuild_step();
        exit when v_step = 0;
        v_done := v_done + v_step;
        raise notice 'pg_gallery rebuild: % of about % items', v_done, greatest(v_items, v_done);
        commit;
    end loop;
    perform gallery.rebuild_finish();
    commit;
end
$procedure$;
comment on procedure @schema@.gallery_rebuild() is
    'Builds the bitmap index and tag_cardinality_stats anew, newest items first, a block of some 15,000 a transaction; called again, it goes on where it was stopped. Pages are served by the other strategies meanwhile. Says how far it is by a NOTICE a block. Not inside a transaction block: it commits. Cost: about a second a block.';
revoke execute on procedure @schema@.gallery_rebuild() from public;
