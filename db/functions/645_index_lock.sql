-- One writer of the index at a time.

create or replace function gallery.index_lock()
returns bigint
language sql immutable
return hashtextextended('pg_gallery index', 0);
comment on function gallery.index_lock() is
    'The key of the advisory lock that whoever writes the bitmap index and the statistics holds.';

create or replace function gallery.rebuild_lock()
returns void
language plpgsql
set search_path from current
as $function$
begin
    if not pg_try_advisory_xact_lock(gallery.index_lock()) then
        perform gallery.raise_error('TG006', 'another refresh or rebuild is at work',
            'Wait until it has ended, then call gallery_rebuild() again: it goes on where it was stopped.');
    end if;
end
$function$;
comment on function gallery.rebuild_lock() is
    'Takes the index lock for this transaction, or raises TG006.';
revoke execute on function gallery.rebuild_lock() from public;
