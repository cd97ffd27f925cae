-- gallery_rebuild: builds the bitmap index and the statistics anew, a block a transaction.

create or replace function gallery.rebuild_begin()
returns void
language plpgsql
set search_path from current
as $function$
declare
    v_done bigint;
begin
    perform gallery.rebuild_lock();
    if (select s.frontier is null from gallery.bitmap_state s) then
        perform gallery.rebuild_start();
    else
        select coalesce(sum(b.slots), 0) into v_done from gallery.bitmap_block b;
        raise notice 'pg_gallery rebuild: going on after % items', v_done;
    end if;
end
$function$;
comment on function gallery.rebuild_begin() is 'The first transaction of a rebuild: empties the index, unless an earlier rebuild was stopped.';

create or replace function gallery.rebuild_ended()
returns boolean
language plpgsql
set search_path from current
as $function$
declare
    v_done bigint;
begin
    perform gallery.rebuild_lock();
    if gallery.rebuild_step() = 0 then
        perform gallery.rebuild_finish();
        return true;
    end if;
    select coalesce(sum(b.slots), 0) into v_done from gallery.bitmap_block b;
    raise notice 'pg_gallery rebuild: % of about % items', v_done, greatest(gallery.estimated_items(), v_done);
    return false;
end
$function$;
comment on function gallery.rebuild_ended() is 'Each further transaction of a rebuild: builds a block, or closes the index where no items are left, and says which.';

create or replace function gallery.rebuild_some(block_nos int[])
returns boolean
language plpgsql
set search_path from current
as $function$
begin
    if block_nos is null then
        return false;
    end if;
    perform gallery.rebuild_lock();
    perform gallery.rebuild_blocks(block_nos);
    return true;
end
$function$;
comment on function gallery.rebuild_some(int[]) is 'Rebuilds some blocks, and says so; false, and nothing done, where none are named.';
revoke execute on function gallery.rebuild_begin(), gallery.rebuild_ended(), gallery.rebuild_some(int[]) from public;

create or replace procedure @schema@.gallery_rebuild(block_nos int[] default null)
language plpgsql
as $procedure$                          -- no SET clause: it commits. So it calls ours by their full names, and uses nothing else
begin
    if gallery.rebuild_some(block_nos) then
        return;
    end if;
    perform gallery.rebuild_begin();
    commit;
    loop
        exit when gallery.rebuild_ended();
        commit;
    end loop;
    commit;
end
$procedure$;
comment on procedure @schema@.gallery_rebuild(int[]) is
    'Builds the bitmap index and tag_cardinality_stats anew, newest items first, a block of some 15,000 a transaction; called again, it goes on where it was stopped. Pages are served by the other strategies meanwhile. Says how far it is by a NOTICE a block. Not inside a transaction block: it commits. block_nos: builds these blocks alone, those that gallery_health() names where the index is damaged, in one transaction. It is also what makes a restored database or a subscriber right whose triggers were off. Cost: about a second a block. Errors: TG006 where another is at work or row level security hides rows, TG004 for a block that is not there.';
revoke execute on procedure @schema@.gallery_rebuild(int[]) from public;
drop procedure if exists @schema@.gallery_rebuild();
