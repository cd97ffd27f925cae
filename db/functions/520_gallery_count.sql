-- gallery_count: how many items match, exactly.

do $define$
begin
    execute format($template$
        create or replace function gallery.count_matches(f gallery.filter)
        returns bigint
        language plpgsql stable
        set search_path from current
        set plan_cache_mode = 'force_custom_plan'
        set jit = 'off'
        as $function$
        begin
            return (select count(*) from content_items_all i where %s);
        end
        $function$;
        $template$, gallery.match_sql());
end
$define$;
comment on function gallery.count_matches(gallery.filter) is
    'Counts by testing every item of the sources asked for.';

create or replace function gallery_count(
    tags_all uuid[] default null, tags_any uuid[] default null, tags_none uuid[] default null,
    content_source_types text[] default null, viewer uuid default null, creators uuid[] default null,
    content_types text[] default null, search text default null,
    created_from timestamptz default null, created_before timestamptz default null,
    min_quality double precision default null)
returns bigint
language plpgsql stable
set search_path from current
set jit = 'off' set max_parallel_workers_per_gather = 0
as $function$
declare
    f gallery.filter := gallery.make_filter(tags_all, tags_any, tags_none, content_source_types, viewer,
                            creators, content_types, search, created_from, created_before, min_quality);
begin
    if f.impossible then
        return 0::bigint;
    end if;
    if (gallery.current_settings()).enable_bitmap and gallery.bitmap_missing() is null then
        return gallery.bitmap_count(f);
    end if;
    return gallery.count_matches(f);
end
$function$;
comment on function gallery_count(uuid[], uuid[], uuid[], text[], uuid, uuid[], text[], text, timestamptz, timestamptz, double precision) is
    'How many items match the filter (its arguments: see gallery_page), exactly. Errors: TG004. Cost: with the bitmap index a millisecond or a few; without it, or for conditions that it has no keys for and many items satisfy, every item is tested.';
