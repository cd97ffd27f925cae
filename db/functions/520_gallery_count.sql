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
            return (select count(*) from @schema@.content_items_all i where %s);
        end
        $function$;
        $template$, gallery.match_sql());
end
$define$;
comment on function gallery.count_matches(gallery.filter) is
    'Counts by testing every item of the sources asked for.';

do $define$
begin
    execute format($template$
        create or replace function gallery.count_fetched(f gallery.filter, g gallery.figures, source text, ids bigint[])
        returns bigint
        language plpgsql stable
        set search_path from current
        set plan_cache_mode = 'force_generic_plan'
        as $function$
        begin
            perform gallery.plan_fetch(g, cardinality(ids));
            return (select count(*)
                    from unnest(ids) c (id)
                    join @schema@.content_items_all i on i.id = c.id and i.source_type = count_fetched.source
                    where %s);
        end
        $function$;
        $template$, gallery.match_attributes_sql());
end
$define$;
comment on function gallery.count_fetched(gallery.filter, gallery.figures, text, bigint[]) is
    'How many of some items of a source satisfy all but the filter''s tags.';

create or replace function gallery.count_by_lists(f gallery.filter, g gallery.figures)
returns bigint
language plpgsql stable
set search_path from current
set work_mem = '4MB' set hash_mem_multiplier = 1
as $function$
begin
    perform gallery.use_work_mem();
    return (select sum(gallery.count_fetched(f, g, source, ids))::bigint
            from unnest(f.sources) source
            cross join lateral gallery.list_carriers((g.narrowings[1]).tags, source) seed
            cross join lateral gallery.keep_matches(seed, source, g.narrowings[2:], g) ids);
end
$function$;
comment on function gallery.count_by_lists(gallery.filter, gallery.figures) is
    'Counts by joining the lists of the filter''s tags, as strategy self_join does. Needs tags_all or tags_any.';

create or replace function @schema@.gallery_count(
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
    v_in_force gallery.settings_in_force := gallery.current_settings();
    f gallery.filter := gallery.make_filter(tags_all, tags_any, tags_none, content_source_types, viewer,
                            creators, content_types, search collate "default", created_from, created_before, min_quality,
                            v_in_force);
    g gallery.figures;
begin
    if f.impossible then
        return 0::bigint;
    end if;
    g := gallery.read_figures(f, gallery.make_scan(null, null), v_in_force);
    f.tags_all := gallery.required_tags(g);
    if v_in_force.enable_bitmap and g.index_lacks is null then
        return gallery.bitmap_count(f, g);
    end if;
    if (f.tags_all is not null or f.tags_any is not null) and v_in_force.enable_self_join then
        return gallery.count_by_lists(f, g);
    end if;
    return gallery.count_matches(f);
end
$function$;
comment on function @schema@.gallery_count(uuid[], uuid[], uuid[], text[], uuid, uuid[], text[], text, timestamptz, timestamptz, double precision) is
    'How many items match the filter (its arguments: see gallery_page), exactly. Errors: TG004. Cost: with the bitmap index a millisecond or a few; without it, or for conditions that it has no keys for and many items satisfy, every item is tested.';
