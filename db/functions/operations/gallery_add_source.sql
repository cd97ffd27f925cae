-- gallery_add_source: a further kind of items. Its partition gets what those of the others have, and is then
-- served like them. What they have, the checks of gallery_health know already: the indexes of
-- gallery.our_indexes(), the triggers of gallery.our_triggers(). Row triggers, foreign keys and the unique
-- index on (id, source_type) PostgreSQL itself gives to each partition of content_items_all.
--
-- SQL is put together here, of a name that was checked, of names in the catalogue that format() or a cast to
-- regclass quotes, and of what the functions named give. plpgsql_check does not see as much.

create or replace function gallery.refuse_odd_source(source_type text, own_label text, other_label text)
returns void
language plpgsql stable
set search_path from current
as $function$
#variable_conflict use_variable
declare
    c_longest constant int := 30;       -- leaves room for the names of its table and indexes
    v_taken   text := (select t.name from unnest(array['', '_more']) a (suffix)
                       cross join lateral (select concat('content_items_', source_type, a.suffix)) t (name)
                       where to_regclass(format('%s.%I', '@schema_text@', t.name)) is not null limit 1);
begin
    if coalesce(source_type, '') collate "C" !~ '^[a-z][a-z0-9_]*$' or length(source_type) > c_longest then
        perform gallery.raise_error('TG004', format('%L can''t be the name of a source', left(source_type, 60)),
            format('Give a name of %s characters at most: lower-case letters, digits and _, a letter first.', c_longest));
    end if;
    if source_type = any (gallery.source_types()) then
        perform gallery.raise_error('TG004', format('there is a source %L already', source_type),
            format('The sources are %s.', array_to_string(gallery.source_types(), ', ')));
    end if;
    if v_taken is not null then
        perform gallery.raise_error('TG004', format('there is a table %s already', v_taken),
            'Give the source another name, or rename what is called so.');
    end if;
    if own_label = '' or other_label = '' or own_label = other_label
       or exists (select from gallery.sources() s where own_label in (s.own_label, s.other_label) or other_label in (s.own_label, s.other_label)) then
        perform gallery.raise_error('TG004', format('%L and %L can''t be the labels of a source', left(own_label, 60), left(other_label, 60)),
            'Give two labels that no source has, for content_source_types: the viewer''s own items, and everybody else''s.');
    end if;
end
$function$;
comment on function gallery.refuse_odd_source(text, text, text) is
    'TG004 if a source can''t be called so, or a table stands in its way.';

create or replace function gallery.free_source_code(source_type text)
returns "char"
language plpgsql stable
set search_path from current
as $function$
begin
    return (select c.letter::"char"
            from unnest(string_to_array(source_type || 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ', null)) with ordinality c (letter, n)
            where not exists (select from gallery.sources() s where s.code = c.letter::"char")
            order by c.n limit 1);
end
$function$;
comment on function gallery.free_source_code(text) is
    'A letter by which the index can tell a new source from the others, its first one if that is free.';

create or replace function gallery.grantee_sql(grantee oid)
returns text
language sql stable
return case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end;
comment on function gallery.grantee_sql(oid) is 'Who is given rights, as GRANT names them.';

create or replace function gallery.copy_rights(model regclass, new_table regclass)
returns void
language plpgsql
set search_path from current
as $function$
-- @plpgsql_check_options: security_warnings = false
declare
    c       record;
    v_grant record;
begin
    select pg_get_userbyid(m.relowner) as owner, m.relrowsecurity, m.relforcerowsecurity into c from pg_class m where m.oid = model;
    execute format('alter table %s owner to %I', new_table, c.owner);
    for v_grant in              -- what ALTER DEFAULT PRIVILEGES gave
        select distinct gallery.grantee_sql(a.grantee) as grantee
        from pg_class n cross join lateral aclexplode(n.relacl) a where n.oid = new_table and a.grantee <> n.relowner
    loop
        execute format('revoke all on %s from %s', new_table, v_grant.grantee);
    end loop;
    for v_grant in
        select a.privilege_type as privilege, gallery.grantee_sql(a.grantee) as grantee, a.is_grantable
        from pg_class m cross join lateral aclexplode(m.relacl) a where m.oid = model and a.grantee <> m.relowner
        union all
        select format('%s (%I)', a.privilege_type, t.attname), gallery.grantee_sql(a.grantee), a.is_grantable
        from pg_attribute t cross join lateral aclexplode(t.attacl) a where t.attrelid = model and not t.attisdropped
    loop
        execute format('grant %s on %s to %s%s', v_grant.privilege, new_table, v_grant.grantee,
                       case when v_grant.is_grantable then ' with grant option' end);
    end loop;
    if c.relrowsecurity then
        execute format('alter table %s enable row level security', new_table);
    end if;
    if c.relforcerowsecurity then
        execute format('alter table %s force row level security', new_table);
    end if;
end
$function$;
comment on function gallery.copy_rights(regclass, regclass) is
    'Gives a table the owner and the grants that another one has, and has row level security on where that has: without a policy of its own it then shows no rows to those that it is for.';

create or replace function gallery.copy_replica_identity(model regclass, new_table regclass)
returns void
language plpgsql
set search_path from current
as $function$
-- @plpgsql_check_options: security_warnings = false
declare
    v_identity text := (select case m.relreplident when 'f' then 'full' when 'n' then 'nothing' when 'd' then 'default' end
                        from pg_class m where m.oid = model);
begin
    if v_identity is null then          -- an index: the one of the new table that belongs to the same index of the parent
        v_identity := (select format('using index %I', c.relname)
                       from pg_index m
                       join pg_inherits h on h.inhrelid = m.indexrelid
                       join pg_inherits s on s.inhparent = h.inhparent
                       join pg_index i on i.indexrelid = s.inhrelid and i.indrelid = new_table
                       join pg_class c on c.oid = i.indexrelid
                       where m.indrelid = model and m.indisreplident);
    end if;
    execute format('alter table %s replica identity %s', new_table, coalesce(v_identity, 'default'));
end
$function$;
comment on function gallery.copy_replica_identity(regclass, regclass) is
    'Has replication tell a partition''s rows apart in the way of another one.';

create or replace function gallery.make_partition(source_type text, table_name text)
returns void
language plpgsql
set search_path from current
as $function$
-- @plpgsql_check_options: security_warnings = false
declare
    v_table   text := format('%s.%I', '@schema_text@', table_name);
    v_sidecar text := format('%s.%I', '@schema_text@', table_name || '_more');
    v_done    text;
begin
    execute format('create table %1$s partition of %2$s.content_items_all (
                        source_type default %3$L check (source_type = %3$L), primary key (id)) for values in (%3$L)',
                   v_table, '@schema_text@', source_type);
    execute format('comment on table %s is %L', v_table, format('The items of the source %s: a partition of content_items_all.', source_type));
    execute format('create table %1$s (
                        source_table   text not null default %2$L,
                        source_id      bigint primary key references %3$s (id) on delete cascade,
                        metadata_more  jsonb not null default ''{}'')', v_sidecar, table_name, v_table);
    execute format('comment on table %s is %L', v_sidecar, format('Rarely read fields of items of the source %s: at most one row an item.', source_type));
    for v_done in
        select format('alter index %s rename to %I', i.inhrelid::regclass, table_name || '_id_source_type_key')
        from pg_inherits i
        join pg_index x on x.indexrelid = i.inhrelid and x.indrelid = v_table::regclass
        where i.inhparent = to_regclass('@schema_text@.content_items_all_id_source_type_key')
        union all
        select format('create index on %s (%s)', v_table, o.definition)
        from gallery.our_indexes() o where o.table_oid = v_table::regclass and not o.is_unique
    loop
        execute v_done;
    end loop;
    for v_done in select i.remedy from gallery.idle_triggers() i where i.table_oid = v_table::regclass order by i.finding loop
        execute v_done;
    end loop;
end
$function$;
comment on function gallery.make_partition(text, text) is
    'Makes the tables of a new source, with their indexes and triggers.';

create or replace function gallery.admit_sources()
returns void
language plpgsql
set search_path from current
as $function$
-- @plpgsql_check_options: security_warnings = false
begin
    execute format('alter table %s.content_items_all
                        drop constraint if exists content_items_all_source_type_known,
                        add constraint content_items_all_source_type_known check (source_type in (%s))',
                   '@schema_text@', (select string_agg(quote_literal(s.source_type), ', ' order by s.source_type collate "C") from gallery.source s));
end
$function$;
comment on function gallery.admit_sources() is
    'Has content_items_all take items of the sources of gallery.source, and of no others. Cost: a read of all items, under a lock that nobody reads or writes them beside.';

create or replace function @schema@.gallery_add_source(source_type text, own_label text default null, other_label text default null)
returns void
language plpgsql
set search_path from current
as $function$
#variable_conflict use_variable
declare
    v_own     text collate "default" := coalesce(own_label, 'user-' || source_type);
    v_other   text collate "default" := coalesce(other_label, 'community-' || source_type);
    v_table   text collate "default" := 'content_items_' || source_type;
    v_model   text := (select s.table_name from gallery.sources() s order by s.table_name collate "C" limit 1);
    v_indexed boolean;                  -- the index is made of the tables as they are
begin
    perform gallery.refuse_odd_source(source_type collate "default", v_own, v_other);
    if not gallery.try_index_lock() then
        perform gallery.raise_error('TG006', 'a refresh or rebuild is at work', 'Wait until it has ended, then call gallery_add_source() again.');
    end if;
    v_indexed := (select s.filenodes is not distinct from gallery.table_files() from gallery.bitmap_state s);
    insert into gallery.source (source_type, code, own_label, other_label, table_name)
    values (source_type, gallery.free_source_code(source_type collate "default"), v_own, v_other, v_table);
    perform gallery.admit_sources();
    perform gallery.make_partition(source_type collate "default", v_table);
    perform gallery.copy_rights(format('%s.%I', '@schema_text@', v_model)::regclass, format('%s.%I', '@schema_text@', v_table)::regclass);
    perform gallery.copy_rights(format('%s.%I', '@schema_text@', v_model || '_more')::regclass,
                                format('%s.%I', '@schema_text@', v_table || '_more')::regclass);
    perform gallery.copy_replica_identity(format('%s.%I', '@schema_text@', v_model)::regclass, format('%s.%I', '@schema_text@', v_table)::regclass);
    perform gallery.render_sources();
    if v_indexed then
        update gallery.bitmap_state set filenodes = gallery.table_files();
    end if;
end
$function$;
comment on function @schema@.gallery_add_source(text, text, text) is
$comment$Adds a source of items: the partition content_items_<source_type> of content_items_all and the table content_items_<source_type>_more, with the indexes, triggers, owner and grants of content_items and content_items_more. From then on its items are found by every function.
source_type: what content_items_all.source_type holds; lower-case letters, digits and _. own_label, other_label: what content_source_types calls the viewer's own items of it and everybody else's; user-<source_type> and community-<source_type> where they are left out.
For the owner of the tables. Cursors from before belong to another filter now: TG002. Errors: TG004 (a name or label that can't be taken), TG006 (a refresh or rebuild is at work). Cost: a read of all items, while nobody else reads or writes them.$comment$;

revoke execute on function
    gallery.copy_rights(regclass, regclass), gallery.copy_replica_identity(regclass, regclass), gallery.make_partition(text, text),
    gallery.admit_sources(), @schema@.gallery_add_source(text, text, text)
from public;
