-- The files in which the tables stand, and how large the tables are. DDL that rewrites a table, and a
-- restore, give it another file: so an index that was built from the old one is known.

create or replace function gallery.indexed_tables()
returns oid[]
language sql stable parallel safe
return gallery.item_tables() || '@schema_text@.content_tags'::regclass::oid;
comment on function gallery.indexed_tables() is 'The tables that the index is made of.';

create or replace function gallery.table_files()
returns oid[]
language plpgsql stable
set search_path from current
as $function$
declare
    v_files oid[];
    v_table oid;
begin
    foreach v_table in array gallery.indexed_tables() loop      -- a page asks: sooner than by a statement
        v_files := v_files || pg_relation_filenode(v_table)::oid;
    end loop;
    return v_files;
end
$function$;
comment on function gallery.table_files() is
    'The files of the tables that the index is made of. DDL that rewrites a table, which fires no trigger, gives it another one.';

-- To a snapshot of before it was rewritten by ALTER TABLE, a table is empty. An index that is made in one, as a
-- repeatable read session does, must not be taken for one of the new file.
create or replace function gallery.table_files_seen()
returns oid[]
language plpgsql stable
set search_path from current
as $function$
begin
    return array(
        select c.relfilenode
        from unnest(gallery.indexed_tables()) with ordinality t (oid, n)
        join pg_class c on c.oid = t.oid
        order by t.n);
end
$function$;
comment on function gallery.table_files_seen() is
    'The files of the tables that the index is made of as of the snapshot, where gallery.table_files() says which they are now.';

create or replace function gallery.estimated_items()
returns bigint
language plpgsql stable
set search_path from current
as $function$
begin
    return (select coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint
            from pg_inherits i join pg_class c on c.oid = i.inhrelid
            where i.inhparent = '@schema_text@.content_items_all'::regclass);
end
$function$;
comment on function gallery.estimated_items() is 'How many items there are, as the last ANALYZE counted.';

create or replace function gallery.pages_of_items()
returns bigint
language plpgsql stable
set search_path from current
as $function$
begin
    return (select (sum(pg_relation_size(t)) / current_setting('block_size')::int)::bigint from unnest(gallery.item_tables()) t);
end
$function$;
comment on function gallery.pages_of_items() is
    'The pages of the items'' tables, by the length of their files.';
