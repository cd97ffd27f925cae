-- Checks of gallery_health: dead rows, and partitions that lack what their siblings have.

create or replace function gallery.check_dead_rows()
returns gallery.health_check
language plpgsql stable
set search_path from current
as $function$
declare
    v_findings text[];
    v_remedies text[];
begin
    select array_agg(format('%s: %s dead rows beside %s live ones, last vacuumed %s', gallery.full_name(s.relid), s.n_dead_tup, s.n_live_tup,
                            coalesce(date_trunc('second', greatest(s.last_vacuum, s.last_autovacuum))::text, 'never'))
                     order by s.n_dead_tup desc),
           array_agg(format('vacuum (analyze) %s;', gallery.full_name(s.relid)) order by s.n_dead_tup desc)
    into v_findings, v_remedies
    from gallery.watched_tables() t (oid)
    join pg_stat_all_tables s on s.relid = t.oid
    where s.n_dead_tup > 5000 + 0.3 * s.n_live_tup;     -- autovacuum, left as it is, comes before this
    return gallery.health_row('dead_rows', 'warn', v_findings, v_remedies, 'no table has more dead rows than autovacuum will see to');
end
$function$;
comment on function gallery.check_dead_rows() is
    'Does autovacuum keep up? By this server''s own statistics; a standby has none of them.';

create or replace function gallery.check_partitions()
returns gallery.health_check
language plpgsql stable
set search_path from current
as $function$
declare
    v_findings text[];
    v_remedies text[];
begin
    with partitions as (
        select p.oid, gallery.full_name(p.oid) as name, gallery.full_name('@schema_text@.content_items_all'::regclass) as parent
        from gallery.item_partitions() p (oid)
    ), problems as (
        select p.name, 1 as n,
               format('%s is no part of the unique index on (id, source_type)', p.name) as finding,
               format('create unique index on %s (id, source_type);', p.parent) as remedy
        from partitions p
        where not exists (select from gallery.index_facts() f
                          where f.table_oid = p.oid and f.root_oid <> f.index_oid and gallery.serves(f, '{id,source_type}', null, true))
        union all
        select p.name, 2, format('%s holds items whose source is neither items nor auto: no content_source_types finds them', p.name),
               format('alter table %s detach partition %s;', p.parent, p.name)
        from partitions p
        join pg_class c on c.oid = p.oid
        where pg_get_expr(c.relpartbound, c.oid) !~ E'^FOR VALUES IN \\(''(items|auto)''\\)$'
        union all
        select p.name, 3, format('%s lacks the trigger %s', p.name, t.tgname),
               replace(pg_get_triggerdef(t.oid), ' ON ' || p.parent || ' ', ' ON ' || p.name || ' ') || ';'
        from pg_trigger t
        cross join partitions p
        where t.tgrelid = '@schema_text@.content_items_all'::regclass and not t.tgisinternal
          and not exists (select from pg_trigger o
                          where o.tgrelid = p.oid and o.tgfoid = t.tgfoid and o.tgtype = t.tgtype and o.tgenabled <> 'D')
    )
    select array_agg(p.finding order by p.name, p.n, p.finding), array_agg(p.remedy order by p.name, p.n, p.finding)
    into v_findings, v_remedies
    from problems p;
    return gallery.health_row('partitions', 'fail', v_findings, v_remedies, 'every partition of content_items_all has what pages rest upon');
end
$function$;
comment on function gallery.check_partitions() is
    'Is every partition of content_items_all covered: by the unique index, by the triggers that log changes and guard prompts, by a source that filters know? (Its sort indexes are among the missing indexes.)';
