-- Checks of gallery_health: indexes that are missing, redundant, unused or bloated.

create or replace function gallery.check_missing_indexes()
returns gallery.health_check
language plpgsql stable
set search_path from current
as $function$
declare
    v_findings text[];
    v_remedies text[];
begin
    with facts as materialized (
        select f.* from gallery.index_facts() f
    ), problems as (
        select format('%s has no%s index on (%s)', gallery.full_name(n.table_oid), case when n.is_unique then ' unique' end, n.definition) as finding,
               format('create%s index concurrently on %s (%s);', case when n.is_unique then ' unique' end, gallery.full_name(n.table_oid), n.definition) as remedy
        from gallery.our_indexes() n
        where n.is_needed
          and not exists (select from facts f where f.table_oid = n.table_oid and gallery.serves(f, n.columns, n.ordering, n.is_unique))
        union all
        select format('%s is invalid: its making was cut short, and it serves nothing', gallery.full_name(f.index_oid)),
               format('drop index concurrently %s;', gallery.full_name(f.index_oid))
        from facts f
        where not f.is_valid and f.is_ours and not gallery.being_made(f.index_oid)
    )
    select array_agg(p.finding order by p.finding), array_agg(p.remedy order by p.finding)
    into v_findings, v_remedies
    from problems p;
    return gallery.health_row('missing_indexes', 'fail', v_findings, v_remedies, 'every index that pages rest upon is there');
end
$function$;
comment on function gallery.check_missing_indexes() is 'Is every needed index there and valid?';

create or replace function gallery.check_redundant_indexes()
returns gallery.health_check
language plpgsql stable
set search_path from current
as $function$
declare
    v_findings text[];
    v_remedies text[];
begin
    select array_agg(format('%s (%s, read %s times) is covered by %s', gallery.full_name(r.root_oid), pg_size_pretty(r.bytes), r.scans, r.covered_by)
                     order by r.bytes desc, r.root_oid),
           array_agg(gallery.drop_index_sql(r.root_oid) order by r.bytes desc, r.root_oid)
    into v_findings, v_remedies
    from gallery.redundant_indexes() r;
    return gallery.health_row('redundant_indexes', 'warn', v_findings, v_remedies, 'no index only repeats one of pg_gallery''s');
end
$function$;
comment on function gallery.check_redundant_indexes() is
    'Does an index only repeat one of ours? It slows every write and fills the cache.';

-- Told, and no more: each of them will be needed by the first who asks for what it is for. What an
-- application has made for itself is its own.
create or replace function gallery.check_unused_indexes()
returns gallery.health_check
language plpgsql stable
set search_path from current
as $function$
declare
    c_much   constant int := 1000;
    c_long   constant interval := interval '7 days';
    v_since  timestamptz := gallery.statistics_since();
    v_unused text;
begin
    if v_since > now() - c_long then
        return gallery.health_row('unused_indexes', 'ok', null, null,
            format('reads are counted since %s: too short a time to tell', date_trunc('second', v_since)));
    end if;
    select string_agg(format('%s (%s)', gallery.full_name(u.root_oid), pg_size_pretty(u.bytes)), ', ' order by u.bytes desc, u.root_oid)
    into v_unused
    from (select f.root_oid, sum(f.bytes) as bytes
          from gallery.index_facts() f
          join pg_stat_all_tables s on s.relid = f.table_oid
          where f.is_ours
          group by f.root_oid
          having sum(f.scans) = 0 and sum(s.seq_scan + coalesce(s.idx_scan, 0)) >= c_much and not bool_or(f.is_unique or f.is_bound)) u;
    return gallery.health_row('unused_indexes', 'ok', null, null,
        case when v_unused is null
             then format('every index of ours on a table that is much read was read itself since %s', date_trunc('second', v_since))
             else format('not read since %s: %s; nobody has asked for what they are for', date_trunc('second', v_since), v_unused) end);
end
$function$;
comment on function gallery.check_unused_indexes() is
    'Which of our indexes has nothing read, in all the days that this server has counted?';

create or replace function gallery.check_bloated_indexes()
returns gallery.health_check
language plpgsql stable
set search_path from current
as $function$
declare
    c_worth    constant int := 4 * 1024 * 1024;      -- bytes that are worth a word
    v_findings text[];
    v_remedies text[];
begin
    with estimates as (
        select f.index_oid, f.bytes,
               current_setting('block_size')::bigint
               -- entry: line pointer 4, header 8, columns rounded up to 8; page: header 24, special space 16
               * (1 + ceil(c.reltuples * (12 + 8 * ceil(w.width / 8.0)) / ((current_setting('block_size')::int - 40)
                  * coalesce(substring(array_to_string(c.reloptions, ' ') from E'fillfactor=(\\d+)')::int, 90) / 100.0))) as needed
        from gallery.index_facts() f
        join pg_class c on c.oid = f.index_oid and c.reltuples >= 0
        cross join lateral (
            select sum(s.avg_width) as width
            from unnest(f.columns) k (name)
            join pg_class t on t.oid = f.table_oid
            join pg_stats s on s.schemaname = t.relnamespace::regnamespace::name and s.tablename = t.relname and s.attname = k.name
            having count(*) = cardinality(f.columns)
        ) w
        where f.plain and f.is_ours
    )
    select array_agg(format('%s takes %s where some %s would do', gallery.full_name(e.index_oid), pg_size_pretty(e.bytes), pg_size_pretty(e.needed::bigint))
                     order by e.bytes - e.needed desc),
           array_agg(format('reindex index concurrently %s;', gallery.full_name(e.index_oid)) order by e.bytes - e.needed desc)
    into v_findings, v_remedies
    from estimates e
    where e.bytes > 2 * e.needed and e.bytes - e.needed > c_worth;
    return gallery.health_row('bloated_indexes', 'warn', v_findings, v_remedies, 'no index is twice as large as it need be');
end
$function$;
comment on function gallery.check_bloated_indexes() is
    'Is an index of ours much larger than its entries? An estimate, from the planner''s statistics: an index that was never analyzed, or whose table this role may not read, is passed over.';
