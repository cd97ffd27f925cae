-- What the checks of gallery_health share: the row of a check, and which tables are looked at.

drop type if exists gallery.health_check cascade;
create type gallery.health_check as (
    check_name  text,
    status      text,                   -- ok, warn or fail
    detail      text,
    what_to_do  text                    -- statements to run, one a line; null where there is nothing to do
);
comment on type gallery.health_check is 'One row of gallery_health().';

create or replace function gallery.health_row(
    check_name text, bad_status text, findings text[], remedies text[], fine text)
returns gallery.health_check
language plpgsql immutable
set search_path from current
as $function$
begin
    if coalesce(cardinality(findings), 0) = 0 then
        return row(check_name, 'ok', fine, null)::gallery.health_check;
    end if;
    return row(check_name, bad_status, array_to_string(findings, '; '),
               (select string_agg(r.remedy, E'\n' order by r.n)
                from (select u.remedy, min(u.n) as n from unnest(remedies) with ordinality u (remedy, n) group by u.remedy) r)
              )::gallery.health_check;
end
$function$;
comment on function gallery.health_row(text, text, text[], text[], text) is
    'The row of a check: fine if nothing was found, else the bad status, the findings, and each remedy once.';

create or replace function gallery.unreadable(check_name text, tables text[])
returns gallery.health_check
language plpgsql stable
set search_path from current
as $function$
declare
    v_hidden text[] := array(select t from unnest(tables) t where not has_table_privilege(t, 'select') order by t);
begin
    if v_hidden = '{}' then
        return null;
    end if;
    return row(check_name, 'warn',
               format('this was not looked at: the role %I may not read %s', current_user, array_to_string(v_hidden, ', ')),
               format('grant select on %s to %I;', array_to_string(v_hidden, ', '), current_user))::gallery.health_check;
end
$function$;
comment on function gallery.unreadable(text, text[]) is
    'The row of a check that this role can''t make, for it may not read one of the tables; null where it may read all of them.';

create or replace function gallery.statistics_since()
returns timestamptz
language plpgsql stable
set search_path from current
as $function$
begin
    return (select greatest(d.stats_reset, pg_postmaster_start_time(), i.installed_at)
            from gallery.installed i
            left join pg_stat_database d on d.datname = current_database());
end
$function$;
comment on function gallery.statistics_since() is
    'Since when this server has counted what was done here with pg_gallery as it is installed.';

create or replace function gallery.full_name(relation oid)
returns text
language plpgsql stable
set search_path from current
as $function$
begin
    return (select format('%I.%I', n.nspname, c.relname)
            from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = relation);
end
$function$;
comment on function gallery.full_name(oid) is
    'A table''s or index''s name with its schema, quoted where need be: good in any search_path.';

create or replace function gallery.item_partitions()
returns setof oid
language plpgsql stable
set search_path from current
as $function$
begin
    return query select t.relid::oid from pg_partition_tree('@schema_text@.content_items_all') t where t.isleaf;
end
$function$;
comment on function gallery.item_partitions() is 'The partitions of content_items_all that hold rows.';

create or replace function gallery.watched_tables()
returns setof oid
language plpgsql stable
set search_path from current
as $function$
begin
    return query
    select gallery.item_partitions()
    union
    select to_regclass('@schema_text@.' || t)::oid
    from (select unnest('{content_tags,tags,users,tag_cardinality_stats}'::text[])
          union all
          select s.table_name || '_more' from gallery.sources() s) n (t)
    where to_regclass('@schema_text@.' || t) is not null
    union
    select c.oid from pg_class c where c.relnamespace = 'gallery'::regnamespace and c.relkind = 'r';
end
$function$;
comment on function gallery.watched_tables() is 'The tables that gallery_health() looks at: those that hold rows.';
