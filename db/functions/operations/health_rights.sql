-- Checks of gallery_health: what others may do to the gallery's tables, unseen or in its way.

create or replace function gallery.subscribed_tables()
returns table (subscription text, table_oid oid, is_derived boolean)
language plpgsql stable
set search_path from current
as $function$
begin
    return query
    select s.subname::text, r.srrelid,
           c.relnamespace = 'gallery'::regnamespace or c.oid = to_regclass('@schema_text@.tag_cardinality_stats')
    from pg_subscription_rel r
    join pg_subscription s on s.oid = r.srsubid
    join pg_class c on c.oid = r.srrelid
    where c.oid = to_regclass('@schema_text@.content_items_all') or c.oid in (select w from gallery.watched_tables() w);
end
$function$;
comment on function gallery.subscribed_tables() is
    'The tables of the gallery into which logical replication writes, and whether they are derived from others.';

create or replace function gallery.unfollowed_tables()
returns table (table_oid oid, finding text, remedy text)
language plpgsql stable
set search_path from current
as $function$
begin
    return query
    select f.oid,
           format('the subscription %I writes %s, where %s', s.subscription, gallery.full_name(f.oid),
                  case when t.tgname is null then 'no trigger follow_replica logs what it changes'
                       else format('the trigger %I does not fire for it', t.tgname) end),
           case when t.tgname is null then '-- the check "triggers" says how it is made'
                else format('alter table %s enable replica trigger %I;', gallery.full_name(f.oid), t.tgname) end
    from gallery.subscribed_tables() s
    cross join lateral (
        select s.table_oid where s.table_oid in (to_regclass('@schema_text@.content_tags'), to_regclass('@schema_text@.tags'))
        union
        select p from gallery.item_partitions() p where s.table_oid in (p, '@schema_text@.content_items_all'::regclass)) f (oid)
    left join pg_trigger t on t.tgrelid = f.oid and not t.tgisinternal and t.tgname = 'follow_replica'
    where coalesce(t.tgenabled not in ('R', 'A'), true);
end
$function$;
comment on function gallery.unfollowed_tables() is
    'The tables of items and tags that a subscription writes without a trigger seeing it, and what puts each right.';

create or replace function gallery.check_replication()
returns gallery.health_check
language plpgsql stable
set search_path from current
as $function$
declare
    v_writers  text;
    v_findings text[];
    v_remedies text[];
begin
    select string_agg(format('%I writes %s', w.subscription, w.tables), '; ' order by w.subscription) into v_writers
    from (select s.subscription, string_agg(gallery.full_name(s.table_oid), ', ' order by s.table_oid) as tables
          from gallery.subscribed_tables() s
          group by s.subscription) w;
    if v_writers is null then
        return gallery.health_row('replication', 'ok', null, null, 'no subscription writes a table of the gallery');
    end if;
    with problems as (
        select s.table_oid, format('the subscription %I writes %s, which pg_gallery derives from other tables here', s.subscription, gallery.full_name(s.table_oid)) as finding,
               format(E'-- publish the tables of items and tags alone, then here:\nalter subscription %I refresh publication;', s.subscription) as remedy
        from gallery.subscribed_tables() s
        where s.is_derived
        union all
        select u.table_oid, u.finding, u.remedy from gallery.unfollowed_tables() u
    )
    select array_agg(p.finding order by p.table_oid, p.finding), array_agg(p.remedy order by p.table_oid, p.finding)
    into v_findings, v_remedies
    from problems p;
    return gallery.health_row('replication', 'fail', v_findings, v_remedies || format('call %I.gallery_rebuild();', gallery.home_schema()),
        format('the subscription %s; the triggers follow_replica log what it changes, a row at a time, and pages are exact as of what it has committed', v_writers));
end
$function$;
comment on function gallery.check_replication() is
    'Does logical replication write tables of the gallery, and is what it changes seen? It fires no triggers but those made for it.';

create or replace function gallery.creators_in_schemas()
returns table (schema_name name, role_name name)
language plpgsql stable
set search_path from current
as $function$
begin
    return query select c.schema_name, c.role_name from gallery.creators_in(array['gallery', gallery.home_schema()]) c;
end
$function$;
comment on function gallery.creators_in_schemas() is
    'Who may create objects in a schema of the gallery without being its owner, a superuser, or the role that installed it; public: everybody.';

create or replace function gallery.tables_with_policies()
returns setof oid
language plpgsql stable
set search_path from current
as $function$
begin
    return query
    select c.oid from pg_class c
    where c.relrowsecurity
      and (c.oid = to_regclass('@schema_text@.content_items_all') or c.oid in (select w from gallery.watched_tables() w));
end
$function$;
comment on function gallery.tables_with_policies() is
    'The tables of the gallery for which row level security is switched on.';

create or replace function gallery.misplaced_policies()
returns table (table_oid oid, finding text, remedy text)
language plpgsql stable
set search_path from current
as $function$
declare
    v_parent oid  := '@schema_text@.content_items_all'::regclass::oid;
    v_name   text := gallery.full_name(v_parent);
begin
    return query
    select p.oid, format('policies of %s hide from readers what has changed: their pages may be wrong', gallery.full_name(p.oid)),
           format('alter table %s disable row level security;', gallery.full_name(p.oid))
    from gallery.tables_with_policies() p (oid)
    join pg_class c on c.oid = p.oid
    where c.relnamespace = 'gallery'::regnamespace
    union all
    select p.oid, format('policies of %s hide nothing in pages, which read it by way of %s', gallery.full_name(p.oid), v_name),
           format(E'-- create its policies on %1$s too, then:\nalter table %1$s enable row level security;', v_name)
    from gallery.tables_with_policies() p (oid)
    where p.oid in (select i from gallery.item_partitions() i) and v_parent not in (select w from gallery.tables_with_policies() w);
end
$function$;
comment on function gallery.misplaced_policies() is
    'Tables whose row level security does harm, or not what it is for: PostgreSQL heeds the policies of the table that a query names.';

create or replace function gallery.check_access()
returns gallery.health_check
language plpgsql stable
set search_path from current
as $function$
declare
    v_secured  text := (select string_agg(gallery.full_name(p), ', ' order by p) from gallery.tables_with_policies() p);
    v_findings text[];
    v_remedies text[];
begin
    with problems as (
        select 1 as n, format('%s may create objects in the schema %I, beside those that the gallery''s functions use',
                              case c.role_name when 'public' then 'everybody' else format('the role %I', c.role_name) end, c.schema_name) as finding,
               format('revoke create on schema %I from %s;', c.schema_name,
                      case c.role_name when 'public' then 'public' else format('%I', c.role_name) end) as remedy
        from gallery.creators_in_schemas() c
        union all
        select 2, m.finding, m.remedy from gallery.misplaced_policies() m
    )
    select array_agg(p.finding order by p.n, p.finding), array_agg(p.remedy order by p.n, p.finding)
    into v_findings, v_remedies
    from problems p;
    return gallery.health_row('access', 'fail', v_findings, v_remedies,
        'nobody but its owner creates objects in a schema of the gallery; '
        || case when v_secured is null then 'no table has policies: who may execute a function sees all that its arguments ask for'
                else format('the policies of %s say what a reader sees, in pages, counts and facets, which may take longer for it', v_secured) end);
end
$function$;
comment on function gallery.check_access() is
    'May anybody put objects of their own beside the gallery''s, and does row level security stand where it means something?';
