-- What pg_gallery needs of pg_cron: whether it is there, what schedules look like, which jobs are ours.

create or replace function gallery.cron_database()
returns text
language plpgsql stable
set search_path from current
as $function$
begin
    perform current_setting('cron.database_name', true);
    return (select s.setting from pg_settings s where s.name = 'cron.database_name');   -- a line in a file alone makes none
exception when insufficient_privilege then      -- it is set, and hidden from this role
    return '';
end
$function$;
comment on function gallery.cron_database() is
    'The database in which pg_cron keeps its jobs; null where the server has not loaded it, empty where this role may not know.';

create or replace function gallery.is_here(database text)
returns boolean
language plpgsql stable
set search_path from current
as $function$
begin
    return database = current_database() or not exists (select from pg_database d where d.datname = database);
end
$function$;
comment on function gallery.is_here(text) is
    'Whether a job of pg_cron for a database of this name is one for this database: it may have been renamed since.';

create or replace function gallery.refresh_command()
returns text
language plpgsql stable
set search_path from current
as $function$
begin
    return format('call %I.gallery_refresh()', gallery.home_schema());
end
$function$;
comment on function gallery.refresh_command() is 'What refreshes this gallery.';

create or replace function gallery.schedule_from(home text)
returns text
language plpgsql stable
set search_path from current
as $function$
begin
    return format('In the database %I: SELECT cron.schedule_in_database(%L, %L, %L, %L).',
                  home, 'pg_gallery refresh of ' || current_database(), '* * * * *', gallery.refresh_command(), current_database());
end
$function$;
comment on function gallery.schedule_from(text) is
    'How this gallery is refreshed by the pg_cron of another database. The name of the job is not that of a job for that one.';

create or replace function gallery.cron_version()
returns text
language plpgsql stable
set search_path from current
as $function$
declare
    v_home      text := gallery.cron_database();
    v_version   text := (select e.extversion from pg_extension e where e.extname = 'pg_cron');
    v_missing   text;
    v_remedy    text;
begin
    if v_home is null then
        v_missing := 'pg_cron is not loaded on this server';
        v_remedy  := 'Add pg_cron to shared_preload_libraries, restart, and CREATE EXTENSION pg_cron.';
    elsif v_version is null and v_home not in (current_database(), '') then
        v_missing := format('pg_cron keeps its jobs in the database %I, not in %I', v_home, current_database());
        v_remedy  := gallery.schedule_from(v_home);
    elsif v_version is null then
        v_missing := 'the extension pg_cron is not created in this database';
        v_remedy  := 'CREATE EXTENSION pg_cron, in the database that cron.database_name names.';
    elsif not has_schema_privilege('cron', 'usage') then
        v_missing := format('the role %I may not use pg_cron', current_user);
        v_remedy  := format('GRANT USAGE ON SCHEMA cron TO %I.', current_user);
    end if;
    if v_missing is not null then
        perform gallery.raise_error('TG006', v_missing,
            v_remedy || ' `pg-gallery refresh --every 30s` does the same without pg_cron.');
    end if;
    return v_version;
end
$function$;
comment on function gallery.cron_version() is
    'The version of pg_cron. Errors: TG006 where this role can''t schedule jobs in this database, with the reason and what to do.';

create or replace function gallery.refuse_schedule(every text)
returns void
language plpgsql immutable
set search_path from current
as $function$
begin
    perform gallery.raise_error('TG004', format('%L is not a schedule', left(every, 60)),
        'Give minutes that divide an hour (''5 minutes''), hours that divide a day (''6 hours''), 1 to 59 seconds (pg_cron 1.5), or cron syntax (''*/5 * * * *'').');
end
$function$;
comment on function gallery.refuse_schedule(text) is 'TG004: not a schedule.';

create or replace function gallery.cron_schedule(every text, cron_version text)
returns text
language plpgsql immutable
set search_path from current
as $function$
declare
    c_longest  constant int := 200;     -- bytes
    v_parts    text[] := regexp_match(every, E'^\\s*(\\d{1,5})\\s*(s|m|h|seconds?|minutes?|hours?)\\s*$', 'i');
    v_seconds  int    := v_parts[1]::int * case lower(left(v_parts[2], 1)) when 's' then 1 when 'm' then 60 else 3600 end;
    v_schedule text;
begin
    if octet_length(every) > c_longest then
        perform gallery.refuse_schedule(every);
    end if;
    if v_seconds between 1 and 59 and regexp_match(cron_version, E'^(\\d+)\\.(\\d+)')::int[] < '{1,5}' then
        perform gallery.raise_error('TG006',
            format('intervals of seconds need pg_cron 1.5; this is %s, for which a minute is the least', cron_version),
            'Ask for ''1 minute''. `pg-gallery refresh --every 30s` does the same without pg_cron.');
    end if;
    v_schedule := case
        when v_parts is null then every
        when v_seconds between 1 and 59 then format('%s seconds', v_seconds)
        when v_seconds = 60 then '* * * * *'
        when v_seconds % 60 = 0 and v_seconds < 3600 and 3600 % nullif(v_seconds, 0) = 0 then format('*/%s * * * *', v_seconds / 60)
        when v_seconds % 3600 = 0 and v_seconds < 86400 and 86400 % nullif(v_seconds, 0) = 0 then format('0 */%s * * *', v_seconds / 3600)
    end;
    if v_schedule is null then
        perform gallery.refuse_schedule(every);
    end if;
    return v_schedule;
end
$function$;
comment on function gallery.cron_schedule(text, text) is
    'The schedule that every means to this version of pg_cron; what is not of the form "5 minutes" is taken for cron syntax. Errors: TG004, TG006 (seconds before 1.5).';

create or replace function gallery.cron_jobs(refresh_schedule text)
returns table (job_name text, schedule text, command text)
language plpgsql stable
set search_path from current
as $function$
begin
    return query values
        ('pg_gallery refresh', refresh_schedule, gallery.refresh_command()),
        ('pg_gallery purge run log', '17 3 * * *',
         'delete from cron.job_run_details where end_time < now() - interval ''7 days'''
         ' and jobid in (select jobid from cron.job where jobname like ''pg_gallery %'')');
end
$function$;
comment on function gallery.cron_jobs(text) is
    'The pg_cron jobs of pg_gallery, which are known by their names.';

create or replace function gallery.refuse_taken_names()
returns void
language plpgsql stable
set search_path from current
as $function$
declare
    v_job      text;
    v_database text;
begin
    perform 'PRAGMA:disable:check';
    execute 'select j.jobname, j.database from cron.job j
             where j.jobname = any ($1) and j.username = current_user and not gallery.is_here(j.database) limit 1'
        into v_job, v_database
        using array(select k.job_name from gallery.cron_jobs(null) k);
    if v_job is not null then
        perform gallery.raise_error('TG006', format('the job "%s" is one for the database %I', v_job, v_database),
            'A name is one job''s: give that one another, by cron.unschedule() and cron.schedule_in_database().');
    end if;
end
$function$;
comment on function gallery.refuse_taken_names() is
    'TG006 if this role has a job of one of our names that is for another database: pg_cron would let it stand there, with our command.';
