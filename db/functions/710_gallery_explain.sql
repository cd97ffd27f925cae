-- gallery_explain: what every strategy would take for a page, which one is chosen and why, and what
-- the page really takes.

create or replace function gallery.work_done()
returns jsonb
language plpgsql
set search_path from current
as $function$
begin
    return (
        select jsonb_build_object(
            'tag_probes', coalesce(sum(s.idx_scan) filter (where s.relid = 'content_tags'::regclass), 0),
            'tag_rows',   coalesce(sum(s.idx_tup_fetch + s.seq_tup_read) filter (where s.relid = 'content_tags'::regclass), 0),
            'containers', coalesce(sum(s.idx_tup_fetch) filter (
                              where s.relid in ('gallery.bitmap_container'::regclass, 'gallery.bitmap_slot'::regclass)), 0),
            'items',      coalesce(sum(s.idx_tup_fetch + s.seq_tup_read) filter (
                              where s.relid in (select i.inhrelid from pg_inherits i where i.inhparent = 'content_items_all'::regclass)), 0))
        from pg_stat_xact_all_tables s);
end
$function$;
comment on function gallery.work_done() is
    'What this transaction has done so far: probes of the junction and rows read by its index alone left aside, containers of the bitmap index (bits and slots), items.';

create or replace function gallery_explain(
    tags_all uuid[] default null, tags_any uuid[] default null, tags_none uuid[] default null,
    content_source_types text[] default null, viewer uuid default null, creators uuid[] default null,
    content_types text[] default null, search text default null,
    created_from timestamptz default null, created_before timestamptz default null,
    min_quality double precision default null,
    sort_field text default 'created_at', sort_order text default 'desc',
    page_size int default 25, cursor text default null, strategy text default null)
returns jsonb
language plpgsql                        -- EXPLAIN is refused by STABLE functions; it writes nothing all the same
set search_path from current
as $function$
declare
    f gallery.filter := gallery.make_filter(tags_all, tags_any, tags_none, content_source_types, viewer,
                            creators, content_types, search, created_from, created_before, min_quality);
    s gallery.scan := gallery.make_scan(sort_field, sort_order);
    c gallery.choice;
    v_before jsonb;
    v_after  jsonb;
    v_plan   json;
begin
    s.wanted := gallery.check_page_size(page_size)::bigint + 1;
    c := gallery.choose_strategy(f, s, strategy);
    s.figures := coalesce(c.figures, gallery.read_figures(f, s, (gallery.current_settings()).fallback_default_count));
    v_before := gallery.work_done();
    execute 'explain (analyze, buffers, timing off, format json)
             select * from gallery_page($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)'
        into v_plan
        using tags_all, tags_any, tags_none, content_source_types, viewer, creators, content_types, search,
              created_from, created_before, min_quality, sort_field, sort_order, page_size, cursor, strategy;
    v_after := gallery.work_done();
    return jsonb_build_object(
        'strategy', c.strategy,
        'reason', c.reason,
        'k', c.k,
        'rarest_count', c.rarest_count,
        'estimates', (select jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
                          'strategy', e.strategy,
                          'candidates', round(e.candidates),
                          'cost', round(e.cost),
                          'unable', e.unable)) order by e.cost)
                      from unnest(gallery.estimates(f, s, gallery.current_settings())) e),
        'took', jsonb_build_object(
            'rows', (v_plan -> 0 -> 'Plan' ->> 'Actual Rows')::double precision::bigint,
            'ms', v_plan -> 0 -> 'Execution Time',
            'shared_buffers', (v_plan -> 0 -> 'Plan' ->> 'Shared Hit Blocks')::bigint
                            + (v_plan -> 0 -> 'Plan' ->> 'Shared Read Blocks')::bigint,
            'read_from_disk', (v_plan -> 0 -> 'Plan' ->> 'Shared Read Blocks')::bigint)
            || (select jsonb_object_agg(a.key, a.value::bigint - (v_before ->> a.key)::bigint) from jsonb_each_text(v_after) a));
end
$function$;
comment on function gallery_explain(uuid[], uuid[], uuid[], text[], uuid, uuid[], text[], text, timestamptz, timestamptz, double precision, text, text, int, text, text) is
$comment$What a page takes (arguments: those of gallery_page), as JSON. strategy and reason: what the planner chose; estimates: every strategy with the items it would look at (candidates), its cost in buffers touched, the least first, and why it can't be taken if it can't (unable); took: what the page really took, rows, ms, shared buffers of 8 kB, tag probes, containers of the bitmap index, items read.
It runs the page. It writes nothing, so it may be called in a read-only transaction and on a standby. Errors: as gallery_page. Cost: that of the page and of choosing twice.$comment$;
