-- The one table of the SQLSTATEs that pg_gallery raises, and the one place that raises them.

create or replace function gallery.sqlstates()
returns table (code text, means text)
language sql immutable
begin atomic
    values ('TG001', 'not a cursor of ours: garbled, truncated, from another version'),
           ('TG002', 'a cursor made for another filter or sort: start again without it'),
           ('TG003', 'unknown tag'),
           ('TG004', 'an argument is out of its range, or arguments contradict each other'),
           ('TG005', 'that strategy can''t answer this query, or is switched off'),
           ('TG006', 'something needed is not there'),
           ('TG007', 'unknown or invalid setting');
end;
comment on function gallery.sqlstates() is 'Every SQLSTATE that pg_gallery raises, and what it means.';

create or replace function gallery.raise_error(code text, message text, hint text, detail text default null)
returns void
language plpgsql stable             -- not immutable: a call with constants must not run, and fail, at planning
set search_path from current
as $function$
-- @plpgsql_check_options: performance_warnings = false
begin
    raise exception using
        errcode = code,
        message = message,
        hint    = hint,
        detail  = coalesce(detail, (select s.means from gallery.sqlstates() s where s.code = raise_error.code));
end
$function$;
comment on function gallery.raise_error(text, text, text, text) is
    'Raises an error of ours with its SQLSTATE and a HINT; the DETAIL is the meaning of the code unless one is given. Never returns.';
