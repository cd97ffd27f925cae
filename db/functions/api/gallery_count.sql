-- gallery_count: how many items match, exactly.

create or replace function gallery.bitmap_count(f gallery.filter, g gallery.figures)
returns bigint
language plpgsql stable
set search_path from current
set work_mem = '4MB' set hash_mem_multiplier = 1
as $function$
declare
    s        gallery.scan := gallery.make_scan('created_at', 'desc');
    v_result record;
    v_total  bigint := 0::bigint;
begin
    s.figures := g;
    s.wanted := 9223372036854775806;
    if g.dirty > 0 then
        v_total := cardinality(gallery.dirty_matches(f, s, null))::bigint;
    end if;
    v_result := gallery.bitmap_result(f, s, null);
    if not gallery.needs_item_test(f) then
        return v_total + v_result.total;
    end if;
    if g.narrowings = '{}' and not gallery.probing_pays(g, v_result.total::double precision) then
        return gallery.count_items(f, null);    -- by going through the table, where no tag has to be looked up
    end if;
    perform gallery.use_work_mem();
    return v_total + (
        select coalesce(sum(gallery.count_fetched(f, g, l.source collate "default", l.ids)), 0)::bigint
        from (select p.source, array_agg(p.id) as ids
              from gallery.places_of_bits(v_result.block_nos, v_result.bits) p
              group by p.source) l);
end
$function$;
comment on function gallery.bitmap_count(gallery.filter, gallery.figures) is
    'How many items match. Cost: the containers of the filter''s keys; with conditions that have no key, an item read for each candidate.';

create or replace function gallery.count_by_lists(f gallery.filter, g gallery.figures)
returns bigint
language plpgsql stable
set search_path from current
set work_mem = '4MB' set hash_mem_multiplier = 1
as $function$
begin
    perform gallery.use_work_mem();
    if (g.narrowings[1]).carried is not true then
        return gallery.count_items(f, gallery.barred_candidates(f));
    end if;
    return (select sum(gallery.count_fetched(f, g, source, ids))::bigint
            from unnest(f.sources) source
            cross join lateral gallery.list_carriers((g.narrowings[1]).tags, source) seed
            cross join lateral gallery.keep_matches(seed, source, g.narrowings[2:], g) ids);
end
$function$;
comment on function gallery.count_by_lists(gallery.filter, gallery.figures) is
    'Counts by joining the lists of the filter''s tags, as strategy self_join does; or by going through all items, as full_scan does, where no tag is required.';

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
    return gallery.count_by_lists(f, g);
end
$function$;
comment on function @schema@.gallery_count(uuid[], uuid[], uuid[], text[], uuid, uuid[], text[], text, timestamptz, timestamptz, double precision) is
    'How many items match the filter (its arguments: see gallery_page), exactly. Errors: TG004. Cost: with the bitmap index a millisecond or a few; without it, or for conditions that it has no keys for, the lists of the tags, and at most one scan of the items.';
