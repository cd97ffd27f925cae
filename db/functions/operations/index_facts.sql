-- What is known of the indexes of the gallery's tables, and which of them do the same work.

drop type if exists gallery.index_facts cascade;
create type gallery.index_facts as (
    index_oid   oid,
    root_oid    oid,                    -- the partitioned index that it belongs to, or itself
    table_oid   oid,
    columns     text[],                 -- key columns in order; an expression is null
    ordering    int[],                  -- of each: 1 if descending, plus 2 if nulls come first
    classes     oid[],                  -- operator class and collation of each
    collations  oid[],
    plain       boolean,                -- a btree of all rows, without expressions and included columns
    is_valid    boolean,                -- it was made to the end
    is_unique   boolean,
    is_bound    boolean,                -- belongs to a constraint, or identifies rows in replication
    is_ours     boolean,                -- one that the migrations make
    bytes       bigint,
    scans       bigint
);
comment on type gallery.index_facts is 'What the checks want to know of an index.';

create or replace function gallery.our_indexes()
returns table (table_oid oid, columns text[], ordering int[], is_unique boolean, is_needed boolean, definition text)
language plpgsql stable
set search_path from current
as $function$
begin
    return query
    select to_regclass('@schema_text@.' || n.name)::oid, n.columns, null::int[], n.is_unique, n.is_needed, array_to_string(n.columns, ', ')
    from (
        values
        ('content_tags', '{content_id,content_source,tag_id}'::text[], true, true),
        ('content_tags', '{tag_id,content_source,content_id}', false, true),
        ('tags', '{id}', true, false),
        ('tags', '{name}', true, true),
        ('tag_cardinality_stats', '{tag_id,content_source}', true, true),
        ('users', '{id}', true, false),
        ('users', '{username}', true, false)
        union all
        select s.table_name || '_more', '{source_id}', true, false from gallery.sources() s
    ) n (name, columns, is_unique, is_needed)
    where to_regclass('@schema_text@.' || n.name) is not null
    union all
    select p.oid, n.columns, n.ordering, n.is_unique, n.is_needed, n.definition
    from gallery.item_partitions() p (oid)
    cross join (values
        ('{id}'::text[], null::int[], true, false, 'id'),
        ('{id,source_type}', null, true, false, 'id, source_type'),     -- see check_partitions
        ('{created_at,id}', '{3,3}', false, true, 'created_at desc, id desc'),
        ('{quality_score,id}', '{1,3}', false, true, 'quality_score desc nulls last, id desc')
    ) n (columns, ordering, is_unique, is_needed, definition);
end
$function$;
comment on function gallery.our_indexes() is
    'The indexes that the migrations make on the gallery''s tables, and which of them pages rest upon. The ordering as in gallery.index_facts; null where any will do.';

create or replace function gallery.either_way(ordering int[], wanted int[])
returns boolean
language plpgsql immutable
set search_path from current
as $function$
begin
    return wanted is null or ordering in (wanted, array(select 3 - o from unnest(wanted) o));
end
$function$;
comment on function gallery.either_way(int[], int[]) is
    'Whether an index is ordered as wanted (null: in any way), read forward or backward.';

create or replace function gallery.index_facts()
returns setof gallery.index_facts
language plpgsql stable
set search_path from current
as $function$
begin
    return query
    select i.indexrelid, coalesce(pg_partition_root(i.indexrelid)::oid, i.indexrelid), i.indrelid,
           k.columns, k.ordering, array(select unnest(i.indclass)), array(select unnest(i.indcollation)), k.plain,
           i.indisvalid, i.indisunique,
           i.indisreplident or i.indisexclusion or exists (select from pg_constraint c where c.conindid = i.indexrelid),
           c.relnamespace = 'gallery'::regnamespace
           or k.plain and exists (select from gallery.our_indexes() o
                                  where o.table_oid = i.indrelid and o.columns = k.columns and gallery.either_way(k.ordering, o.ordering)
                                    and (i.indisunique or not o.is_unique)),
           pg_relation_size(i.indexrelid),
           coalesce(pg_stat_get_numscans(i.indexrelid), 0)
    from gallery.watched_tables() t (oid)
    join pg_index i on i.indrelid = t.oid
    join pg_class c on c.oid = i.indexrelid
    join pg_am m on m.oid = c.relam
    cross join lateral (
        select array(select a.attname::text
                     from unnest(i.indkey[:i.indnkeyatts - 1]) with ordinality k (attnum, n)
                     left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum and k.attnum > 0
                     order by k.n) as columns,
               array(select unnest(i.indoption)::int) as ordering,
               m.amname = 'btree' and i.indpred is null and i.indexprs is null and i.indnatts = i.indnkeyatts as plain) k;
end
$function$;
comment on function gallery.index_facts() is
    'Every index of the watched tables. Ours are those that the migrations make, by whatever name; all others are an application''s own.';

create or replace function gallery.same_start(a gallery.index_facts, b gallery.index_facts)
returns boolean
language plpgsql immutable
set search_path from current
as $function$
declare
    v_columns int := cardinality(a.columns);
begin
    return a.plain and b.plain and a.is_valid and b.is_valid
       and a.table_oid = b.table_oid
       and a.columns = b.columns[:v_columns]
       and a.classes = b.classes[:v_columns]
       and a.collations = b.collations[:v_columns]
       and gallery.either_way(b.ordering[:v_columns], a.ordering);
end
$function$;
comment on function gallery.same_start(gallery.index_facts, gallery.index_facts) is
    'Whether index b begins with all of index a, read forward or backward: then it serves whatever a serves.';

create or replace function gallery.serves(i gallery.index_facts, columns text[], ordering int[], is_unique boolean)
returns boolean
language plpgsql immutable
set search_path from current
as $function$
declare
    v_columns int := cardinality(columns);
begin
    return i.plain and i.is_valid
       and i.columns[:v_columns] = serves.columns
       and gallery.either_way(i.ordering[:v_columns], serves.ordering)
       and (not serves.is_unique or (i.is_unique and cardinality(i.columns) = v_columns));
end
$function$;
comment on function gallery.serves(gallery.index_facts, text[], int[], boolean) is
    'Whether an index does what a needed one is needed for.';

create or replace function gallery.being_made(index_oid oid)
returns boolean
language plpgsql stable
set search_path from current
as $function$
begin
    return exists (select from pg_stat_progress_create_index p
                   where p.datname = current_database() and coalesce(p.index_relid, index_oid) in (index_oid, 0));
end
$function$;
comment on function gallery.being_made(oid) is
    'Whether an index is, or for all that this role may know could be, in the making at this moment.';

create or replace function gallery.drop_index_sql(index_oid oid)
returns text
language plpgsql stable
set search_path from current
as $function$
begin
    return format('drop index %s%s;',
        case when (select c.relkind from pg_class c where c.oid = index_oid) = 'i' then 'concurrently ' end, gallery.full_name(index_oid));
end
$function$;
comment on function gallery.drop_index_sql(oid) is
    'The statement that drops an index, holding nobody up if that can be: a partitioned one can''t be dropped concurrently.';

create or replace function gallery.makes_superfluous(b gallery.index_facts, a gallery.index_facts)
returns boolean
language plpgsql immutable
set search_path from current
as $function$
begin
    return gallery.same_start(a, b)
           and (cardinality(b.columns) > cardinality(a.columns) or b.is_unique or b.is_bound or b.index_oid < a.index_oid)
        -- every query names the source of an item as well as its id
        or a.columns = '{tag_id,content_id}' and b.columns = '{tag_id,content_source,content_id}' and b.plain and b.is_valid
           and a.table_oid = b.table_oid;
end
$function$;
comment on function gallery.makes_superfluous(gallery.index_facts, gallery.index_facts) is
    'Whether index b serves whatever index a serves; of two equal ones, the one that upholds a constraint, else the older.';

create or replace function gallery.redundant_indexes()
returns table (root_oid oid, covered_by text, bytes bigint, scans bigint)
language plpgsql stable
set search_path from current
as $function$
begin
    return query
    with facts as materialized (
        select f.* from gallery.index_facts() f
    ), covered as (
        select a.root_oid, a.bytes, a.scans, (
            select gallery.full_name(b.index_oid)
            from facts b
            where b.is_ours and b.index_oid <> a.index_oid and gallery.makes_superfluous(b, a)
            order by b.is_bound desc, cardinality(b.columns), b.index_oid
            limit 1) as by_name
        from facts a
        where a.plain and not a.is_unique and not a.is_bound
    )
    select c.root_oid, string_agg(distinct c.by_name, ', '), sum(c.bytes)::bigint, sum(c.scans)::bigint
    from covered c
    group by c.root_oid
    having bool_and(c.by_name is not null);
end
$function$;
comment on function gallery.redundant_indexes() is
    'Indexes that one of ours makes superfluous, on every partition where they are partitioned; which one, their size and how often they were read.';
