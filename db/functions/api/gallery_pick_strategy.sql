-- gallery_pick_strategy: what the planner would do.

create or replace function @schema@.gallery_pick_strategy(
    tags_all uuid[] default null, tags_any uuid[] default null, tags_none uuid[] default null,
    content_source_types text[] default null, viewer uuid default null, creators uuid[] default null,
    content_types text[] default null, search text default null,
    created_from timestamptz default null, created_before timestamptz default null,
    min_quality double precision default null)
returns table (strategy text, k int, rarest_count bigint, estimated_candidates bigint, reason text)
language plpgsql stable rows 1
set search_path from current
as $function$
#variable_conflict use_column
declare
    v_in_force gallery.settings_in_force := gallery.current_settings();
    f gallery.filter := gallery.make_filter(tags_all, tags_any, tags_none, content_source_types, viewer,
                            creators, content_types, search collate "default", created_from, created_before, min_quality,
                            v_in_force);
begin
    return query
    select c.strategy, c.k, c.rarest_count, c.estimated_candidates, c.reason
    from gallery.choose_strategy(f, gallery.make_scan(null, null), null, v_in_force) c;
end
$function$;
comment on function @schema@.gallery_pick_strategy(uuid[], uuid[], uuid[], text[], uuid, uuid[], text[], text, timestamptz, timestamptz, double precision) is
    'The strategy that the planner would take for a page of 25 of the filter (see gallery_page), newest first: k is the number of required tags, rarest_count how many items carry the rarest of them by the statistics, estimated_candidates how many items the strategy would look at. Errors: TG004, TG005. Cost: that of choosing, a fraction of a page.';
