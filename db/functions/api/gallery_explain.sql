-- gallery_explain: what every strategy would take for a page, which one is chosen and why, and what
-- the page really takes.

create or replace function gallery.rows_read(tables regclass[])
returns bigint
language plpgsql volatile
set search_path from current
as $function$
begin
    return (select sum(pg_stat_get_xact_tuples_returned(t) + pg_stat_get_xact_tuples_fetched(t)
                       + (select coalesce(sum(pg_stat_get_xact_tuples_fetched(i.indexrelid)), 0) from pg_index i where i.indrelid = t))::bigint
            from unnest(tables) t);
end
$function$;
comment on function gallery.rows_read(regclass[]) is
    'How many rows of some tables this transaction has read so far, by scans of the tables and by way of their indexes.';

create or replace function gallery.work_done()
returns jsonb
language plpgsql volatile
set search_path from current
as $function$
begin
    return jsonb_build_object(
        'items',      gallery.rows_read(gallery.item_tables()::regclass[]),
        'containers', gallery.rows_read(array['gallery.bitmap_container'::regclass, 'gallery.bitmap_slot'::regclass]),
        'tag_probes', (select sum(pg_stat_get_xact_numscans(i.indexrelid)) from pg_index i where i.indrelid = '@schema_text@.content_tags'::regclass),
        'tag_rows',   (select sum(pg_stat_get_xact_tuples_returned(i.indexrelid)) from pg_index i where i.indrelid = '@schema_text@.content_tags'::regclass));
end
$function$;
comment on function gallery.work_done() is
    'What this transaction has done so far, by PostgreSQL''s own counts: rows read of items and of the bitmap index, scans of the junction''s indexes and entries read there.';

create or replace function gallery.run_page(
    tags_all uuid[], tags_any uuid[], tags_none uuid[], content_source_types text[], viewer uuid, creators uuid[],
    content_types text[], search text, created_from timestamptz, created_before timestamptz, min_quality double precision,
    sort_field text, sort_order text, page_size int, cursor text, strategy text)
returns jsonb
language plpgsql volatile
set search_path from current
as $function$
declare
    v_before jsonb := gallery.work_done();
    v_plan   json;
begin
    execute 'explain (analyze, buffers, timing off, format json)
             select * from @schema_text@.gallery_page($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)'
        into v_plan
        using tags_all, tags_any, tags_none, content_source_types, viewer, creators, content_types, search,
              created_from, created_before, min_quality, sort_field, sort_order, page_size, cursor, strategy;
    return jsonb_build_object(
            'rows', (v_plan #>> '{0,Plan,Actual Rows}')::double precision::bigint,
            'ms', v_plan #> '{0,Execution Time}',
            'shared_buffers', (v_plan #>> '{0,Plan,Shared Hit Blocks}')::bigint + (v_plan #>> '{0,Plan,Shared Read Blocks}')::bigint,
            'read_from_disk', (v_plan #>> '{0,Plan,Shared Read Blocks}')::bigint)
        || (select jsonb_object_agg(a.key, a.value::bigint - (v_before ->> a.key)::bigint)
            from jsonb_each_text(gallery.work_done()) a);
end
$function$;
comment on function gallery.run_page(uuid[], uuid[], uuid[], text[], uuid, uuid[], text[], text, timestamptz, timestamptz, double precision, text, text, int, text, text) is
    'Runs a page under EXPLAIN ANALYZE: what it took.';

create or replace function gallery.steps_taken(taken gallery.step_taken[], planned gallery.step[])
returns jsonb
language plpgsql immutable
set search_path from current
as $function$
begin
    return coalesce((
        select jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
                   'strategy', p.strategy,
                   'estimate', round(p.estimate),
                   'budget', round(p.budget),
                   'found', p.found,
                   'ms', round(p.ms::numeric, 3),
                   'ended', case when p.finished then 'it found all that was wanted, or all there are'
                                 when not p.finished then 'its budget was spent: it got another one, or the next step took over'
                                 else 'it was not needed' end)) order by p.n)
        from (select t.strategy, t.estimate, t.budget, t.found, t.ms, t.finished, t.n
              from unnest(taken) with ordinality t (place, strategy, budget, estimate, found, ms, finished, n)
              union all
              select s.strategy, s.estimate, s.budget, null, null, null, cardinality(taken) + s.n
              from unnest(planned) with ordinality s (strategy, budget, estimate, n)
              where s.n > coalesce(taken[cardinality(taken)].place, 0)) p), '[]');
end
$function$;
comment on function gallery.steps_taken(gallery.step_taken[], gallery.step[]) is
    'The steps of a plan as JSON: those that were taken, in their order, and those that were not needed.';

-- Stable, so that the plan is made and run in one snapshot: gallery_explain has one a statement.
drop type if exists gallery.trial cascade;
create type gallery.trial as (
    choice      gallery.choice,
    figures     gallery.figures,
    taken       gallery.step_taken[]
);
comment on type gallery.trial is
    'A plan that was made and run: what was chosen, by what, and which steps were taken.';

create or replace function gallery.plan_and_run(
    f gallery.filter, s gallery.scan, strategy text, cursor text, in_force gallery.settings_in_force)
returns gallery.trial
language plpgsql stable
set search_path from current
as $function$
declare
    v_trial gallery.trial;
begin
    v_trial.choice := gallery.choose_strategy(f, s, strategy, in_force);
    v_trial.figures := coalesce((v_trial.choice).figures, gallery.read_figures(f, s, in_force));
    v_trial.taken := array[]::gallery.step_taken[];
    if cursor is not null then
        s := gallery.open_cursor(cursor, s, gallery.fingerprint(f, s));
    end if;
    if not f.impossible then
        v_trial.taken := (gallery.run_plan(v_trial.choice, f, s)).taken;
    end if;
    return v_trial;
end
$function$;
comment on function gallery.plan_and_run(gallery.filter, gallery.scan, text, text, gallery.settings_in_force) is
    'What the planner chooses for a page, by what, and which steps it takes.';

create or replace function @schema@.gallery_explain(
    tags_all uuid[] default null, tags_any uuid[] default null, tags_none uuid[] default null,
    content_source_types text[] default null, viewer uuid default null, creators uuid[] default null,
    content_types text[] default null, search text default null,
    created_from timestamptz default null, created_before timestamptz default null,
    min_quality double precision default null,
    sort_field text default 'created_at', sort_order text default 'desc',
    page_size int default 25, cursor text default null, strategy text default null)
returns jsonb
language plpgsql volatile               -- EXPLAIN is refused by others; it writes nothing all the same
set search_path from current
as $function$
declare
    c_slow_ms constant double precision := 200::double precision;
    v_in_force gallery.settings_in_force := gallery.current_settings();
    f gallery.filter := gallery.make_filter(tags_all, tags_any, tags_none, content_source_types, viewer,
                            creators, content_types, search collate "default", created_from, created_before, min_quality,
                            v_in_force);
    s gallery.scan := gallery.make_scan(sort_field collate "default", sort_order);
    p gallery.trial;
    v_took jsonb;
begin
    s.wanted := gallery.check_page_size(page_size)::bigint + 1;
    p := gallery.plan_and_run(f, s, strategy collate "default", cursor collate "default", v_in_force);
    s.figures := p.figures;
    for v_run in 1 .. 2 loop                -- in the first, PostgreSQL may have to plan the statements
        v_took := gallery.run_page(tags_all, tags_any, tags_none, content_source_types, viewer, creators, content_types,
                                   search, created_from, created_before, min_quality, sort_field, sort_order, page_size,
                                   cursor, strategy);
        exit when (v_took ->> 'ms')::double precision > c_slow_ms;
    end loop;
    return jsonb_build_object(
        'strategy', (p.choice).strategy,
        'reason', (p.choice).reason,
        'k', (p.choice).k,
        'rarest_count', (p.choice).rarest_count,
        'estimates', (select jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
                          'strategy', e.strategy,
                          'candidates', round(e.candidates),
                          'cost', round(e.cost),
                          'unable', e.unable)) order by e.cost)
                      from unnest(gallery.estimates(f, s, v_in_force)) e),
        'steps', gallery.steps_taken(p.taken, (p.choice).steps),
        'took', v_took);
end
$function$;
comment on function @schema@.gallery_explain(uuid[], uuid[], uuid[], text[], uuid, uuid[], text[], text, timestamptz, timestamptz, double precision, text, text, int, text, text) is
$comment$What a page takes (arguments: those of gallery_page), as JSON.
strategy, reason, k, rarest_count: what the planner chose, why, and by what. estimates: every strategy, the least cost first, with the items it would look at (candidates), the buffers it would touch (cost), and why it can't be taken if it can't (unable).
steps: the plan: each strategy with what it was thought to cost (estimate) and might spend (budget; none: as much as it takes), in buffers; the matches that it found, its ms, and how it ended.
took: what the page really took: rows; ms; shared_buffers of 8 kB, and how many of them were read_from_disk; rows of items read; tag_probes and tag_rows, scans of the junction's indexes and entries read there; containers, rows of the bitmap index read.
It runs the plan once for steps, and then the page, twice if that is quick, so that the planning of a session's first page is not counted. It writes nothing: it may be called in a read-only transaction and on a standby. It is VOLATILE only because PostgreSQL refuses EXPLAIN in other functions. Errors: as gallery_page. Cost: those runs, and choosing once more.$comment$;
