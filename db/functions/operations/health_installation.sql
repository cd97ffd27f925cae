-- Checks of gallery_health: is what is installed whole, and does something refresh it?

create or replace function gallery.check_installation()
returns gallery.health_check
language plpgsql stable
set search_path from current
as $function$
declare
    i        gallery.installed;
    v_actual text;
begin
    select * into i from gallery.installed;
    select n.nspname::text into v_actual
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where p.proname = 'gallery_health'
    order by n.nspname = i.schema_name desc limit 1;
    if v_actual is distinct from i.schema_name then
        return row('installation', 'fail',
                   format('installed in schema %I, which is now called %I: the functions still look for the old name', i.schema_name, v_actual),
                   format('alter schema %I rename to %I;', v_actual, i.schema_name))::gallery.health_check;
    end if;
    return gallery.health_row('installation', 'fail',
        case when i.functions_hash is null then array['the migrations have not run to their end: functions and tables may not fit each other'] end,
        array['-- in a shell: pg-gallery migrate'],
        format('pg_gallery %s in schema %I, since %s', i.version, i.schema_name, date_trunc('second', i.installed_at)));
end
$function$;
comment on function gallery.check_installation() is 'Are tables and functions of one version, and where they were put?';

create or replace function gallery.check_schedule()
returns gallery.health_check
language plpgsql stable
set search_path from current
as $function$
declare
    v_schedule text;
    v_database text;
    v_active   boolean;
    v_status   text;
    v_message  text;
    v_finding  text;
begin
    if exists (select from pg_extension e where e.extname = 'pg_cron') and has_schema_privilege('cron', 'usage') then
        perform 'PRAGMA:disable:check'; -- for plpgsql_check, which may find no pg_cron
        execute $query$
            select j.schedule, j.database, j.active, r.status, r.return_message
            from cron.job j
            left join lateral (select d.status, d.return_message from cron.job_run_details d
                               where d.jobid = j.jobid and d.status in ('succeeded', 'failed')
                               order by d.runid desc limit 1) r on true
            where j.jobname = $1 and gallery.is_here(j.database)
            order by j.active desc limit 1
            $query$
        into v_schedule, v_database, v_active, v_status, v_message
        using (select k.job_name from gallery.cron_jobs(null) k where k.command ~ 'gallery_refresh');
    end if;
    if v_schedule is null then
        return gallery.health_row('schedule', 'ok', null, null,
            case when gallery.cron_database() in (current_database(), '')
                 then 'no pg_cron job of this role; gallery_schedule() makes one, `pg-gallery refresh --every 30s` does the same'
                 else 'pg_cron keeps no jobs in this database; `pg-gallery refresh --every 30s` refreshes without it' end);
    end if;
    v_finding := case
        when gallery.cron_database() is null then 'the refresh is scheduled, but pg_cron is not loaded on this server'
        when v_database <> current_database() then format('the refresh is scheduled for the database %I, which there is no longer', v_database)
        when not v_active then 'the scheduled refresh is paused'
        when v_status = 'failed' then format('the last scheduled refresh failed: %s', v_message)
    end;
    return gallery.health_row('schedule', 'warn', array_remove(array[v_finding], null),
        array[format('select * from %I.gallery_schedule(%L);', gallery.home_schema(), v_schedule),
              format('call %I.gallery_refresh();', gallery.home_schema())],
        format('pg_cron refreshes at "%s"; the last run: %s', v_schedule, coalesce(v_status, 'none yet')));
end
$function$;
comment on function gallery.check_schedule() is
    'Does the pg_cron job of gallery_schedule() run and succeed? Jobs of other roles are hidden from all but superusers.';
