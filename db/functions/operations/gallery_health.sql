-- gallery_health: what needs an operator's hand.

create or replace function @schema@.gallery_health()
returns table (check_name text, status text, detail text, what_to_do text)
language plpgsql stable rows 14
set search_path from current
as $function$
declare
    v_installation gallery.health_check := gallery.check_installation();
begin
    return query select (v_installation).*;
    if to_regclass('@schema_text@.content_tags') is null then    -- the schema has another name now: nothing else can be found
        return;
    end if;
    return query select c.* from gallery.check_statistics() c;
    return query select c.* from gallery.check_refresh_backlog() c;
    return query select c.* from gallery.check_counts() c;
    return query select c.* from gallery.check_schedule() c;
    return query select c.* from gallery.check_partitions() c;
    return query select c.* from gallery.check_triggers() c;
    return query select c.* from gallery.check_replication() c;
    return query select c.* from gallery.check_access() c;
    return query select c.* from gallery.check_missing_indexes() c;
    return query select c.* from gallery.check_redundant_indexes() c;
    return query select c.* from gallery.check_unused_indexes() c;
    return query select c.* from gallery.check_bloated_indexes() c;
    return query select c.* from gallery.check_dead_rows() c;
end
$function$;
comment on function @schema@.gallery_health() is
$comment$A row a check: check_name, status (ok, warn or fail), detail, and what_to_do (statements to run, one a line; NULL where there is nothing to do).
installation, statistics (are the tag counts there and no older than stats.freshness_seconds), refresh_backlog (is the bitmap index built, and how many changes does it not know yet), counts (does it know of as many items as there are), schedule, partitions, triggers (does every change fire one), replication (subscriptions that write the gallery's tables), access (who may create objects in its schemas, row level security), missing_indexes, redundant_indexes, unused_indexes, bloated_indexes, dead_rows.
Indexes that the migrations did not make are an application's own: it speaks of one only where it repeats one of ours.
Reads only, on a standby too; for any role: what it may not read is not looked at, and says so. Reads and dead rows are counted by each server for itself. Cost: the catalogs, one read of tag_cardinality_stats, of the log of changes, and of an index on all ids: some tenths of a second for a million items.$comment$;
