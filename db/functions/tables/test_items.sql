-- Items at known places, tested: whether they still stand there and satisfy the filter.

do $define$
begin
    execute format($template$
        create or replace function gallery.tested(f gallery.filter, places gallery.position[])
        returns gallery.position[]
        language plpgsql stable
        set search_path from current
        set plan_cache_mode = 'force_generic_plan' set enable_seqscan = 'off' set enable_bitmapscan = 'off'
        as $function$
        begin
            return array(
                select p
                from unnest(places) p
                cross join lateral (select a.* from @schema@.content_items_all a
                                    where a.id = p.id and a.source_type = p.source collate "default" offset 0) i
                where %s);
        end
        $function$;
        $template$, gallery.match_attributes_sql());
end
$define$;
comment on function gallery.tested(gallery.filter, gallery.position[]) is
    'Of some places, those whose items'' own rows satisfy the filter.';

do $define$
begin
    execute format($template$
        create or replace function gallery.is_match(f gallery.filter, s gallery.scan, place gallery.position)
        returns boolean
        language plpgsql stable
        set search_path from current
        set plan_cache_mode = 'force_generic_plan' set enable_seqscan = 'off' set enable_bitmapscan = 'off'
        as $function$
        begin
            return exists (
                select
                from @schema@.content_items_all i
                where i.id = place.id
                  and i.source_type = place.source collate "default"
                  and case when s.by_quality then i.quality_score is not distinct from place.quality
                           else i.created_at = place.created_at end
                  and %s);
        end
        $function$;
        $template$, gallery.match_sql());
end
$define$;
comment on function gallery.is_match(gallery.filter, gallery.scan, gallery.position) is
    'Whether an item that matches stands at that very place.';
