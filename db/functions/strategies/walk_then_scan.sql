-- A search for words. How many items have them is not known, and no index leads to them: a walk meets
-- them soon where they are common, and where they are rare it reads every item, one after the other in
-- the order of the sort index. So a walk that has come far with few matches stops, and the rest of the
-- page comes from going through the table, which takes less time an item and, where the server has
-- parallel workers to spare, several processes.
--
-- Exactness: the walk has met every match up to the place that it has reached; the scan takes the first
-- of those after it, in the same snapshot.

create or replace function gallery.walk_then_scan(f gallery.filter, s gallery.scan)
returns gallery.position[]
language plpgsql stable
set search_path from current
as $function$
declare
    v_budget double precision := case when strpos(array_to_string(f.terms, ''), gallery.word_separator()) = 0 then gallery.far_walk()::double precision end;
    v_places gallery.position[] := array[]::gallery.position[];
    v_walked gallery.stretch;
begin
    for v_round in 1 .. 2 loop
        v_walked := gallery.walk(f, s, v_budget::bigint);
        v_places := v_places || v_walked.places;
        if (v_walked.reached).id is null then
            return v_places;
        end if;
        s.after := v_walked.reached;
        s.wanted := s.wanted - cardinality(v_walked.places);
        exit when v_places = '{}';
        v_budget := 2 * gallery.far_walk() * s.wanted::double precision / cardinality(v_places);      -- twice as far as it should be, at the rate so far
        exit when v_budget > gallery.estimated_items() / 2;
    end loop;
    if s.descending then
        return v_places || array(select p from gallery.scan_desc(f, s) p);
    end if;
    return v_places || array(select p from gallery.scan_asc(f, s) p);
end
$function$;
comment on function gallery.walk_then_scan(gallery.filter, gallery.scan) is
    'The first wanted matches after the scan''s position: met on a walk where that shows to be short, the others by going through all items.';
