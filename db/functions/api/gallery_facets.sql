-- gallery_facets: the tags most carried by the items that match.

create or replace function @schema@.gallery_facets(
    tags_all uuid[] default null, tags_any uuid[] default null, tags_none uuid[] default null,
    content_source_types text[] default null, viewer uuid default null, creators uuid[] default null,
    content_types text[] default null, search text default null,
    created_from timestamptz default null, created_before timestamptz default null,
    min_quality double precision default null, facet_limit int default 20)
returns table (tag_id uuid, name text, item_count bigint)
language plpgsql stable rows 20
set search_path from current
set jit = 'off' set max_parallel_workers_per_gather = 0
as $function$
#variable_conflict use_column
declare
    v_in_force gallery.settings_in_force := gallery.current_settings();
    f        gallery.filter := gallery.make_filter(tags_all, tags_any, tags_none, content_source_types, viewer,
                                   creators, content_types, search collate "default", created_from, created_before, min_quality,
                                   v_in_force);
    s        gallery.scan := gallery.make_scan('created_at', 'desc');
    v_limit  int := coalesce(facet_limit, 20);
    v_result record;
    v_taken  record;
    v_dirty  gallery.position[];
begin
    if v_limit not between 1 and 1000 then
        perform gallery.raise_error('TG004', format('facet_limit is %s', v_limit), 'Give a facet_limit from 1 to 1000.');
    end if;
    if f.impossible then
        return;
    end if;
    s.wanted := 9223372036854775806;
    s.figures := gallery.read_figures(f, s, v_in_force);
    if not v_in_force.enable_bitmap or (s.figures).index_lacks is not null or gallery.needs_item_test(f) then
        return query select * from gallery.facets_of_items((gallery.run_plan(gallery.choose_strategy(f, s, null, v_in_force), f, s)).places, v_limit);
        return;
    end if;
    f.tags_all := gallery.required_tags(s.figures);
    if (s.figures).dirty > 0 then
        v_dirty := gallery.dirty_matches(f, s, null);
    end if;
    v_result := gallery.bitmap_result(f, s, null);
    -- the more match, the fewer tags have items enough to be counted in every block
    if v_result.total <= gallery.few_faceted() * sqrt(coalesce(cardinality(v_result.block_nos), 0)) then
        v_taken := gallery.bitmap_take(v_result.block_nos, v_result.bits, true, v_result.total::int);
        return query
        select * from gallery.facets_of_items(
            gallery.bitmap_places(v_taken.taken_blocks, v_taken.taken_slots) || v_dirty, v_limit);
    else
        return query select * from gallery.facets_of_bits(v_result.block_nos, v_result.bits, v_dirty, v_limit);
    end if;
end
$function$;
comment on function @schema@.gallery_facets(uuid[], uuid[], uuid[], text[], uuid, uuid[], text[], text, timestamptz, timestamptz, double precision, int) is
    'The facet_limit (1 to 1000, default 20) tags most carried by the items that match the filter (see gallery_page), with how many of these items carry each: exact, by falling item_count, then name. Errors: TG004. Cost: a few milliseconds for some dozens of items, up to some tenths of a second from some thousands on.';
