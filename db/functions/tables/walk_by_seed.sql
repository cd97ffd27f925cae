-- A walk by quality that has a seed: the list of the items that carry the rarest tag asked for. An
-- item that is not on the list is passed over for the price of an entry of the sort index: no row of
-- it is read, and no tag looked up.
--
-- Exactness: every item that carries the tag is on the list, which is read in the walk's snapshot;
-- what is on it is tested for the whole filter, the tag included. Budget, ties and ranges are those of
-- tables/walk_items.sql. The entries come from gallery.sort_entries(), which tells their sources.

do $define$
declare
    v_walk record;
begin
    for v_walk in select * from gallery.walks() w where w.name like '%quality%' loop
        execute format($template$
            create or replace function gallery.seeded_walk_%1$s(f gallery.filter, s gallery.scan, v_after gallery.position, v_steps bigint)
            returns gallery.stretch
            language plpgsql stable
            set search_path from current
            set plan_cache_mode = 'force_generic_plan'
            set enable_seqscan = 'off' set enable_bitmapscan = 'off' set enable_sort = 'off'
            set enable_incremental_sort = 'off' set enable_hashjoin = 'off' set enable_mergejoin = 'off'
            set jit = 'off' set max_parallel_workers_per_gather = 0
            as $function$
            #variable_conflict use_variable
            declare
                v_seed   gallery.candidates[] := s.seed;         -- in the order of gallery.source_types()
                v_walked gallery.stretch;
            begin
                v_walked.places := array(
                    select row(%5$s)::gallery.position
                    from (select i.*
                          from gallery.sort_entries() i
                          where %2$s
                            and %3$s
                            and i.source_type = any (f.sources)
                          order by %4$s
                          fetch first (v_steps) rows with ties) w
                    join @schema@.content_items_all i on i.id = w.id and i.source_type = w.source_type
                    where w.id = (v_seed[array_position(gallery.source_types(), w.source_type)]).ids[
                                     width_bucket(w.id, (v_seed[array_position(gallery.source_types(), w.source_type)]).ids)]
                      and %6$s
                    order by %7$s
                    fetch first (s.wanted) rows with ties);
                if v_steps is not null and cardinality(v_walked.places) < s.wanted then
                    v_walked.reached := (
                        select row(%5$s)::gallery.position
                        from gallery.sort_entries() i
                        where %2$s
                          and %3$s
                          and i.source_type = any (f.sources)
                        order by %4$s
                        offset v_steps - 1 limit 1);
                end if;
                return v_walked;
            end
            $function$;
            comment on function gallery.seeded_walk_%1$s(gallery.filter, gallery.scan, gallery.position, bigint) is
                'The first wanted matches after a place, with ties, walking the items by %1$s and testing those on the scan''s seed; within so many steps, an entry each; null: as many as it takes.';
            $template$,
            v_walk.name, v_walk.keyset, v_walk.range, v_walk.page_order,
            replace(gallery.position_sql(), 'i.created_at', 'null'), gallery.match_sql(), replace(v_walk.page_order, 'i.', 'w.'));
    end loop;
end
$define$;

create or replace function gallery.seeded_walk_range(
    f gallery.filter, s gallery.scan, no_quality boolean, after gallery.position, steps bigint)
returns gallery.stretch
language plpgsql stable
set search_path from current
as $function$
begin
    return case
        when no_quality then
            case when s.descending then gallery.seeded_walk_no_quality_desc(f, s, after, steps)
                                   else gallery.seeded_walk_no_quality_asc(f, s, after, steps) end
        else
            case when s.descending then gallery.seeded_walk_quality_desc(f, s, after, steps)
                                   else gallery.seeded_walk_quality_asc(f, s, after, steps) end
    end;
end
$function$;
comment on function gallery.seeded_walk_range(gallery.filter, gallery.scan, boolean, gallery.position, bigint) is
    'Walks the items with, or without, a quality from a place on, in a sort by quality, with the scan''s seed.';
