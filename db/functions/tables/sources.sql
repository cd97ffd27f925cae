-- The sources of items, as the functions know them. There is a partition of content_items_all for each,
-- and a row of gallery.source. What has to be said once a source is made of these rows here, whenever
-- functions are applied and by gallery_add_source(), so that a page need not read them.
--
-- An entry of a sort index does not tell its item's source, and a cached plan prunes partitions by
-- "= any (an array)" at no time. So items are read as an arm of UNION ALL a source, each with its source
-- as a constant: an arm that is not asked for is cut off by a One-Time Filter before it touches a page,
-- the others are merged in the order of their indexes.
--
-- These two, gallery.item_rows() and gallery.sort_entries(), are views in all but name: PostgreSQL puts a
-- SQL function of one SELECT in line, so they have no search_path of their own and name each operator's
-- schema. A view would stand in the way of whoever changes the type of a column of theirs.

create or replace function gallery.render_source_lists()
returns void
language plpgsql
set search_path from current
as $function$
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
           string_agg(format('(%L, %L::"char", %L, %L)', s.source_type, s.code, s.own_label, s.other_label), ', ')
    into v_types, v_tables, v_of, v_code, v_rows
    from gallery.source s;
    execute format('create or replace function gallery.source_types() returns text[]
                    language sql immutable parallel safe return array[%s]::text[]', v_types);
    execute format('create or replace function gallery.item_tables() returns oid[]
                    language sql stable parallel safe return array[%s]::oid[]', v_tables);
    execute format('create or replace function gallery.source_of(code "char") returns text
                    language sql immutable parallel safe return case code %s end', v_of);
    execute format('create or replace function gallery.source_code(source text) returns "char"
                    language sql immutable parallel safe return (case source %s end)::"char"', v_code);
    execute format('create or replace function gallery.sources()
                    returns table (source_type text, code "char", own_label text, other_label text)
                    language sql immutable parallel safe begin atomic values %s; end', v_rows);
end
$function$;
comment on function gallery.render_source_lists() is
    'Makes the functions that list what there is once a source, of the rows of gallery.source.';

create or replace function gallery.render_source_arms()
returns void
language plpgsql
set search_path from current
as $function$
declare
    v_items   text;
    v_entries text;
begin
    select string_agg(format($arm$
               select i.id, %2$L::pg_catalog.text, i.created_at, i.quality_score, i.creator_id, i.is_private, i.content_type, i.title, i.prompt
               from %1$s.content_items_all i where i.source_type operator(pg_catalog.=) %2$L$arm$,
               '@schema_text@', s.source_type), ' union all' order by s.source_type collate "C"),
           string_agg(format($arm$
               select i.id, %3$L::pg_catalog.text, i.created_at, i.quality_score from %1$s.%2$I i$arm$,
               '@schema_text@', s.table_name, s.source_type), ' union all' order by s.source_type collate "C")
    into v_items, v_entries
    from gallery.source s;
    execute format($create$
        create or replace function gallery.item_rows()
        returns table (id bigint, source_type text, created_at timestamptz, quality_score double precision,
                       creator_id uuid, is_private boolean, content_type text, title text, prompt text)
        language sql stable rows 1000000 as %L$create$, v_items);
    execute format($create$
        create or replace function gallery.sort_entries()
        returns table (id bigint, source_type text, created_at timestamptz, quality_score double precision)
        language sql stable rows 1000000 as %L$create$, v_entries);
end
$function$;
comment on function gallery.render_source_arms() is
    'Makes the functions that read items with an arm a source, of the rows of gallery.source.';

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
    'The sources with their codes and labels.';
comment on function gallery.item_rows() is
    'All items, with what filters test of their rows. What row level security says of content_items_all holds.';
comment on function gallery.sort_entries() is
    'What the sort indexes hold of all items, of the partitions themselves: for whom no rows are hidden.';
