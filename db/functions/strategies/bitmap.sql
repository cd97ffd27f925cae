-- Strategy bitmap: AND the bitmaps of the filter's keys, a window of blocks at a time, from the
-- position on, and stop at a full page. The hard bound of its cost, whatever the data: the blocks in
-- which the first clause's key occurs, times the number of keys.
--
-- Exactness: in one snapshot the index says of every item that is not dirty what the tables say.
-- The dirty ones are left out of what the bitmaps give and are tested against the tables; both sets
-- are merged in the page order. The reader is STABLE: log, index and tables are seen in one snapshot.

create or replace function gallery.strategy_bitmap(f gallery.filter, s gallery.scan, budget double precision)
returns gallery.stretch
language plpgsql stable
set search_path from current
as $function$
declare
    g       gallery.figures := s.figures;
    v_found gallery.stretch;
begin
    if g.index_lacks is not null then
        perform gallery.raise_error('TG006', g.index_lacks,
            'Run CALL gallery_refresh(), or CALL gallery_rebuild() if the index was never built, or GRANT SELECT ON ALL TABLES IN SCHEMA gallery; or let the planner choose the strategy.');
    end if;
    if s.by_quality then
        return gallery.bitmap_by_quality(f, s, budget);
    end if;
    v_found := gallery.bitmap_by_time(f, s, budget);
    if g.dirty > 0 and (v_found.finished or not v_found.reached is null) then
        v_found.places := v_found.places || gallery.dirty_matches(f, s,
            case when not v_found.finished then v_found.reached
                 when cardinality(v_found.places) >= s.wanted then gallery.last_of(v_found.places, s) end);
    end if;
    if g.dirty > 0 or gallery.needs_item_test(f) then       -- else as they came from the slots
        v_found.places := gallery.in_page_order(v_found.places, s);
        v_found.finished := v_found.finished or cardinality(v_found.places) >= s.wanted;
    end if;
    return v_found;
end
$function$;
comment on function gallery.strategy_bitmap(gallery.filter, gallery.scan, double precision) is
    'ANDs bitmaps block by block in page order. Errors: TG006 where the index is not built or too far behind.';
