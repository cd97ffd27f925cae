-- Checks of gallery_health: dead rows, and partitions that lack what their siblings have.

create or replace function gallery.vacuums_itself(relation oid)
returns boolean
language plpgsql stable
set search_path from current
as $function$
begin
    return current_setting('autovacuum')::boolean and current_setting('track_counts')::boolean
       and not exists (select from pg_class c cross join unnest(c.reloptions) o (option)
                       where c.oid = relation and o.option = 'autovacuum_enabled=false');
end
$function$;
comment on function gallery.vacuums_itself(oid) is 'Whether autovacuum looks after a table.';

create or replace function gallery.check_dead_rows()
returns gallery.health_check
language plpgsql stable
set search_path from current
as $function$
declare
    c_time     constant interval := interval '15 minutes';       -- which autovacuum has had to come by
    v_since    timestamptz := gallery.statistics_since();
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
    where s.n_dead_tup > 5000 + 0.3 * s.n_live_tup      -- autovacuum, left as it is, comes before this
      and (greatest(s.last_vacuum, s.last_autovacuum, v_since) < now() - c_time or not gallery.vacuums_itself(s.relid))
      and not exists (select from pg_stat_progress_vacuum p where p.relid = s.relid);
    return gallery.health_row('dead_rows', 'warn', v_findings, v_remedies, 'no table has more dead rows than autovacuum will see to');
end
$function$;
comment on function gallery.check_dead_rows() is
    'Does autovacuum keep up? It is given time: what a statement left behind a moment ago is not its fault. By this server''s own statistics; a standby has none of them.';

create or replace function gallery.our_triggers()
returns table (table_oid oid, made_on oid, name text, event text, options text, function text, fires text)
language plpgsql stable
set search_path from current
as $function$
begin
    return query
    select t.oid, case when n.options like 'for each row%' then to_regclass('@schema_text@.' || n.on_table)::oid else t.oid end,
           n.name, n.event, n.options, n.function, n.fires
    from (values
        ('content_tags', 'log_inserted', 'after insert', 'referencing new table as new_rows for each statement', 'log_tags_inserted', 'origin'),
        ('content_tags', 'log_updated', 'after update', 'referencing old table as old_rows new table as new_rows for each statement', 'log_tags_updated', 'origin'),
        ('content_tags', 'log_deleted', 'after delete', 'referencing old table as old_rows for each statement', 'log_tags_deleted', 'origin'),
        ('content_tags', 'log_truncated', 'after truncate', 'for each statement', 'log_truncated', 'always'),
        ('content_items_all', 'log_inserted', 'after insert', 'referencing new table as new_rows for each statement', 'log_items_inserted', 'origin'),
        ('content_items_all', 'log_updated', 'after update', 'referencing old table as old_rows new table as new_rows for each statement', 'log_items_updated', 'origin'),
        ('content_items_all', 'log_deleted', 'after delete', 'referencing old table as old_rows for each statement', 'log_items_deleted', 'origin'),
        ('content_items_all', 'log_truncated', 'after truncate', 'for each statement', 'log_truncated', 'always'),
        ('content_items_all', 'refuse_prompt_change', 'before update of prompt', 'for each row when (old.prompt is distinct from new.prompt)', 'refuse_prompt_change', 'origin'),
        ('content_items_all', 'refuse_losing_sidecar', 'before update of source_type', 'for each row when (old.source_type is distinct from new.source_type)', 'refuse_losing_sidecar', 'origin'),
        ('content_items_all', 'follow_replica', 'after insert or update or delete', 'for each row when (current_setting(''session_replication_role'') = ''replica'')', 'follow_replicated_items', 'replica'),
        ('content_tags', 'follow_replica', 'after insert or update or delete', 'for each row when (current_setting(''session_replication_role'') = ''replica'')', 'follow_replicated_tags', 'replica'),
        ('tags', 'follow_replica', 'after insert or update or delete', 'for each row when (current_setting(''session_replication_role'') = ''replica'')', 'follow_replicated_tag', 'replica'),
        ('tags', 'relist_inserted', 'after insert', 'referencing new table as new_rows for each statement', 'relist_tags_inserted', 'origin'),
        ('tags', 'relist_renamed', 'after update of id, name', 'for each row when ((old.id, old.name) is distinct from (new.id, new.name))', 'relist_tag_renamed', 'origin'),
        ('tags', 'relist_deleted', 'after delete', 'referencing old table as old_rows for each statement', 'relist_tags_deleted', 'origin'),
        ('tags', 'relist_truncated', 'after truncate', 'for each statement', 'relist_truncated', 'always'),
        ('tag_cardinality_stats', 'relist_inserted', 'after insert', 'referencing new table as new_rows for each statement', 'relist_counts_inserted', 'origin'),
        ('tag_cardinality_stats', 'relist_updated', 'after update', 'referencing old table as old_rows new table as new_rows for each statement', 'relist_counts_updated', 'origin'),
        ('tag_cardinality_stats', 'relist_deleted', 'after delete', 'referencing old table as old_rows for each statement', 'relist_counts_deleted', 'origin'),
        ('tag_cardinality_stats', 'relist_truncated', 'after truncate', 'for each statement', 'relist_truncated', 'origin')
    ) n (on_table, name, event, options, function, fires)
    cross join lateral (
        select to_regclass('@schema_text@.' || n.on_table)::oid
        union all
        select p.oid from gallery.item_partitions() p (oid) where n.on_table = 'content_items_all') t (oid);
end
$function$;
comment on function gallery.our_triggers() is
    'The triggers that the migrations make, and how. Those of the items stand on the parent and on each partition, since a statement fires those of the table that it names; PostgreSQL itself copies row triggers from the parent.';

create or replace function gallery.idle_triggers()
returns table (table_oid oid, finding text, remedy text)
language plpgsql stable
set search_path from current
as $function$
begin
    return query
    select o.table_oid,
           format('%s lacks the trigger %s%s', gallery.full_name(o.table_oid), o.name,
                  case when t.tgenabled = 'D' then ': it is disabled' when t.tgname is not null then ': it does not fire where it should' end),
           concat_ws(E'\n',
               case when t.tgname is null
                    then format('create or replace trigger %I %s on %s %s execute function gallery.%I();',
                                o.name, o.event, gallery.full_name(o.made_on), o.options, o.function) end,
               case when t.tgname is not null or o.fires <> 'origin'
                    then format('alter table %s enable %strigger %I;', gallery.full_name(case when t.tgname is null then o.made_on else o.table_oid end),
                                case o.fires when 'origin' then '' else o.fires || ' ' end, coalesce(t.tgname, o.name)) end)
    from gallery.our_triggers() o
    left join pg_trigger t on t.tgrelid = o.table_oid and not t.tgisinternal
                          and t.tgfoid = (select p.oid from pg_proc p where p.proname = o.function and p.pronamespace = 'gallery'::regnamespace)
    where t.tgname is null or t.tgenabled not in ('A', case o.fires when 'origin' then 'O' when 'replica' then 'R' else 'A' end);
end
$function$;
comment on function gallery.idle_triggers() is 'The triggers of ours that are missing or don''t fire, and what puts each right.';

create or replace function gallery.check_triggers()
returns gallery.health_check
language plpgsql stable
set search_path from current
as $function$
declare
    v_findings text[];
    v_remedies text[];
begin
    select array_agg(i.finding order by i.finding), array_agg(i.remedy order by i.finding)
    into v_findings, v_remedies
    from gallery.idle_triggers() i;
    return gallery.health_row('triggers', 'fail', v_findings, v_remedies || format('call %I.gallery_rebuild();', gallery.home_schema()),
        'every change of items and tags is seen by a trigger');
end
$function$;
comment on function gallery.check_triggers() is
    'Is every trigger there that logs changes, keeps the listing of tags or guards prompts, and does it fire? What was changed without them takes a rebuild.';

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
        select p.name, 2, format('%s holds items of a source that gallery_add_source() did not add: nothing finds them', p.name),
               format('alter table %s detach partition %s;', p.parent, p.name)
        from partitions p
        join pg_class c on c.oid = p.oid
        where pg_get_expr(c.relpartbound, c.oid)
              is distinct from format('FOR VALUES IN (%L)', (gallery.source_types())[array_position(gallery.item_tables(), p.oid)])
        union all
        select p.name, 3, i.finding, i.remedy
        from partitions p
        join gallery.idle_triggers() i on i.table_oid = p.oid
    )
    select array_agg(p.finding order by p.name, p.n, p.finding), array_agg(p.remedy order by p.name, p.n, p.finding)
    into v_findings, v_remedies
    from problems p;
    return gallery.health_row('partitions', 'fail', v_findings, v_remedies, 'every partition of content_items_all has what pages rest upon');
end
$function$;
comment on function gallery.check_partitions() is
    'Is every partition of content_items_all covered: by the unique index, by the triggers that log changes and guard prompts, by a source that filters know? (Its sort indexes are among the missing indexes.)';
