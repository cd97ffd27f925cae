-- Who may create objects beside the gallery's. A migration asks before it runs anything else, when no
-- function may be there yet: it takes the query that is quoted below, and puts its own list of
-- schemas in the place of $1 (refuse_creators in pg_gallery/repeatables.py).

create or replace function gallery.creators_in(schemas name[])
returns table (schema_name name, role_name name)
language sql stable
set search_path from current
as $query$
    select n.nspname, case when a.grantee = 0 then 'public'::name else r.rolname end
    from pg_namespace n
    cross join lateral aclexplode(n.nspacl) a
    left join pg_roles r on r.oid = a.grantee
    where n.nspname = any ($1)
      and a.privilege_type = 'CREATE'
      and a.grantee not in (n.nspowner, coalesce(
              (select c.relowner from pg_class c join pg_namespace g on g.oid = c.relnamespace
               where g.nspname = 'gallery' and c.relname = 'installed'),
              (select u.oid from pg_roles u where u.rolname = current_user)))
      and r.rolsuper is not true
$query$;
comment on function gallery.creators_in(name[]) is
    'Who may create objects in one of these schemas without being its owner, a superuser, or the role that installed the gallery, or is about to; public: everybody.';
