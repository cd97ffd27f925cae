-- The files in which the tables stand, and how large the tables are. DDL that rewrites a table, and a
-- restore, give it another file: so an index that was built from the old one is known.

create or replace function gallery.table_files()
returns oid[]
language plpgsql stable
set search_path from current
as $function$
begin
    return array[pg_relation_filenode('@schema_text@.content_items'), pg_relation_filenode('@schema_text@.content_items_auto'),
                 pg_relation_filenode('@schema_text@.content_tags')];
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
        from unnest(array['@schema_text@.content_items', '@schema_text@.content_items_auto', '@schema_text@.content_tags']::regclass[])
             with ordinality t (oid, n)
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
