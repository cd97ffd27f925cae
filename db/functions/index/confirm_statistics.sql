-- updated_at of a count says when the count was last known to be exact. A refresh leaves counts that
-- did not change as they are, and confirms those that would soon seem too old.

create or replace function gallery.confirm_statistics()
returns void
language plpgsql volatile
set search_path from current
as $function$
declare
    v_stale timestamptz := now() - (gallery.current_settings()).freshness_seconds * interval '0.5 seconds';
begin
    update @schema@.tag_cardinality_stats s set updated_at = now() where s.updated_at < v_stale;
end
$function$;
comment on function gallery.confirm_statistics() is
    'At the end of a refresh: stamps the counts that are older than half of stats.freshness_seconds. Cost: a read of tag_cardinality_stats; the writes of one refresh in hundreds.';
revoke execute on function gallery.confirm_statistics() from public;
