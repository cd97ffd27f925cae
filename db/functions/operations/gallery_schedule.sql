-- gallery_schedule, gallery_unschedule: pg_cron keeps the statistics and the bitmap index fresh.
-- All of pg_cron is reached by dynamic SQL, which plpgsql_check is told to leave alone: it need not
-- be there.

create or replace function @schema@.gallery_schedule(every text default '1 minute')
returns table (job_name text, schedule text, command text)
language plpgsql volatile rows 2
set search_path from current
as $function$
-- @plpgsql_check_options: performance_warnings = false
declare
    v_version text := gallery.cron_version();
    v_refresh text := gallery.cron_schedule(coalesce(every collate "default", '1 minute'), v_version);
begin
    perform gallery.refuse_taken_names();
    perform 'PRAGMA:disable:check';
    for job_name, schedule, command in select * from gallery.cron_jobs(v_refresh) loop
        -- scheduling anew leaves a paused job paused, and one of a database that was renamed where it was
        execute 'select cron.unschedule(j.jobid) from cron.job j
                 where j.jobname = $1 and j.username = current_user and not (j.active and j.database = current_database())'
            using job_name;
        execute 'select cron.schedule($1, $2, $3)' using job_name, schedule, command;
        return next;
    end loop;
exception when invalid_parameter_value then
    perform gallery.refuse_schedule(every collate "default");
end
$function$;
comment on function @schema@.gallery_schedule(text) is
$comment$Lets pg_cron call gallery_refresh() regularly, in this database and as the current user, and purge its own run log of what is older than 7 days: the jobs "pg_gallery refresh" and "pg_gallery purge run log", which are returned. Called again, it changes their schedule.
every: '1 minute' (default), '5 minutes', '6 hours', '30 seconds' (pg_cron 1.5 or newer), or cron syntax ('*/5 * * * *', in pg_cron's time zone, GMT).
Errors: TG004 (not a schedule), TG006 (pg_cron is missing, too old for seconds, or closed to this role, or has a job of that name for another database): `pg-gallery refresh --every 30s` does the same without it. May be executed by whom it is granted to.$comment$;
revoke execute on function @schema@.gallery_schedule(text) from public;

create or replace function @schema@.gallery_unschedule()
returns table (job_name text)
language plpgsql volatile rows 2
set search_path from current
as $function$
-- @plpgsql_check_options: performance_warnings = false, extra_warnings = false
begin
    if not exists (select from pg_extension e where e.extname = 'pg_cron') or not has_schema_privilege('cron', 'usage') then
        return;
    end if;
    perform gallery.cron_version();
    perform 'PRAGMA:disable:check';
    return query execute $query$
        with ours as materialized (
            select j.jobid, j.jobname::text as name from cron.job j where j.jobname = any ($1) and j.username = current_user
              and gallery.is_here(j.database)
        )
        select o.name from ours o where cron.unschedule(o.jobid)
        $query$
    using array(select k.job_name from gallery.cron_jobs(null) k);
end
$function$;
comment on function @schema@.gallery_unschedule() is
    'Removes the current user''s pg_cron jobs that gallery_schedule() made, and returns their names: no rows if there were none, also where there is no pg_cron. Errors: TG006 where it is there but not loaded. May be executed by whom it is granted to.';
revoke execute on function @schema@.gallery_unschedule() from public;
