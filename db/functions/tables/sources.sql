-- The sources of items, as the functions know them. There is a partition of content_items_all for each,
-- and a row of gallery.source. What has to be said once a source is made of these rows here, whenever
-- functions are applied and by gallery_add_source(), so that a page need not read them.
--
-- They are stable and put in line, so that a cached plan knows when one is made anew; the value of an immutable
-- one would stay in a session's plans for ever.
--
-- Two of these functions shape plans:
--
-- gallery.is_asked() is "source in (sources[1], sources[2], ...)", for by that a cached plan prunes partitions
-- when it is run, as it does not by "source = any (sources)".
--
-- gallery.sort_entries() tells the source of an entry of a sort index, which the entry itself does not: an
-- arm of UNION ALL a partition, each with its source as a constant. Arms that are not asked for are cut off
-- by a One-Time Filter before they touch a page, the others are merged in the order of their indexes. It is a
-- view in all but name, so it has no search_path of its own: a view would stand in the way of whoever changes
-- the type of a column, and would need grants of its own.

create or replace function gallery.render_source_lists()
returns void
language plpgsql
set search_path from current
as $function$
-- @plpgsql_check_options: security_warnings = false
declare
    v_types  text;
    v_tables text;
    v_of     text;
    v_code   text;
    v_rows   text;
begin
    select string_agg(format('%L', s.source_type), ', ' order by s.source_type collate "C"),
           string_agg(format('%L::regclass::oid', format('%s.%I', '@schema_text@', s.table_name)), ', ' order by s.source_type collate "C"),
           string_agg(format('when %L then %L', s.code, s.source_type), ' '),
           string_agg(format('when %L then %L', s.source_type, s.code), ' '),
           string_agg(format('(%L, %L::"char", %L, %L, %L)', s.source_type, s.code, s.own_label, s.other_label, s.table_name), ', ')
    into v_types, v_tables, v_of, v_code, v_rows
    from gallery.source s;
    execute format('create or replace function gallery.source_types() returns text[]
                    language sql stable parallel safe return array[%s]::text[]', v_types);
    execute format('create or replace function gallery.item_tables() returns oid[]
                    language sql stable parallel safe return array[%s]::oid[]', v_tables);
    execute format('create or replace function gallery.source_of(code "char") returns text
                    language sql stable parallel safe return case code %s end', v_of);
    execute format('create or replace function gallery.source_code(source text) returns "char"
                    language sql stable parallel safe return (case source %s end)::"char"', v_code);
    execute format('create or replace function gallery.sources()
                    returns table (source_type text, code "char", own_label text, other_label text, table_name text)
                    language sql stable parallel safe begin atomic values %s; end', v_rows);
end
$function$;
comment on function gallery.render_source_lists() is
    'Makes the functions that list what there is once a source, of the rows of gallery.source.';

create or replace function gallery.render_source_arms()
returns void
language plpgsql
set search_path from current
as $function$
-- @plpgsql_check_options: security_warnings = false
declare
    v_asked   text;
    v_entries text;
begin
    select string_agg(format('sources[%s]', s.n), ', ' order by s.n),
           string_agg(format('select i.id, %3$L::pg_catalog.text, i.created_at, i.quality_score from %1$s.%2$I i',
                             '@schema_text@', s.table_name, s.source_type), E'\nunion all\n' order by s.n)
    into v_asked, v_entries
    from (select t.*, row_number() over (order by t.source_type collate "C") as n from gallery.source t) s;
    execute format('create or replace function gallery.is_asked(source text, sources text[]) returns boolean
                    language sql stable parallel safe return source in (%s)', v_asked);
    execute format('create or replace function gallery.sort_entries()
                    returns table (id bigint, source_type text, created_at timestamptz, quality_score double precision)
                    language sql stable rows 1000000 as %L', v_entries);
end
$function$;
comment on function gallery.render_source_arms() is
    'Makes the functions that choose among the partitions, of the rows of gallery.source.';

create or replace function gallery.render_sources()
returns void
language plpgsql
set search_path from current
as $function$
begin
    perform gallery.render_source_lists();
    perform gallery.render_source_arms();
end
$function$;
comment on function gallery.render_sources() is
    'Makes the functions anew that hang on which sources there are.';
revoke execute on function gallery.render_source_lists(), gallery.render_source_arms(), gallery.render_sources() from public;

do $render$
begin
    perform gallery.render_sources();
end
$render$;
comment on function gallery.source_types() is
    'The sources there are, in order.';
comment on function gallery.item_tables() is
    'The partitions that hold the items of the sources, in the order of these.';
comment on function gallery.source_of("char") is
    'The source that a code stands for in gallery.bitmap_slot; null if none.';
comment on function gallery.source_code(text) is
    'What gallery.bitmap_slot calls a source.';
comment on function gallery.sources() is
    'The rows of gallery.source, which a role need not be able to read.';
comment on function gallery.is_asked(text, text[]) is
    'Whether a source is one of those asked for.';
comment on function gallery.sort_entries() is
    'What the sort indexes hold of all items, of the partitions themselves: for whom no rows are hidden.';
