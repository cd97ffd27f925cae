-- One writer of the index at a time. It locks the one row of gallery.bitmap_state, which only those can
-- lock who may write it: any role may take an advisory lock, and could keep it.

create or replace function gallery.try_index_lock()
returns boolean
language plpgsql
set search_path from current
as $function$
begin
    perform from gallery.bitmap_state for update skip locked;
    return found or not exists (select from gallery.bitmap_state);
end
$function$;
comment on function gallery.try_index_lock() is
    'Takes the lock that whoever writes the bitmap index and the statistics holds, to the end of the transaction; false if somebody else has it.';
revoke execute on function gallery.try_index_lock() from public;

create or replace function gallery.rebuild_lock()
returns void
language plpgsql
set search_path from current
as $function$
begin
    perform gallery.refuse_hidden_rows();
    if not gallery.try_index_lock() then
        perform gallery.raise_error('TG006', 'another refresh or rebuild is at work',
            'Wait until it has ended, then call gallery_rebuild() again: it goes on where it was stopped.');
    end if;
    insert into gallery.bitmap_state (built, refreshed_at) values (false, now()) on conflict do nothing;
end
$function$;
comment on function gallery.rebuild_lock() is
    'Takes the index lock for this transaction, or raises TG006.';
revoke execute on function gallery.rebuild_lock() from public;
drop function if exists gallery.index_lock();
