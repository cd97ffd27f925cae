-- ordered_walk and self_join in competition, for where it is a guess how the matches are spread: the
-- cost planner takes this where either may be the better. They take turns. What the next join of
-- lists costs is known before it is made, from the length of the list in hand and the statistics of
-- the tag; before it, the walk gets a budget worth as much, and goes on from where it stood. So
-- neither ever spends more than the other, and the whole no more than twice the better of the two,
-- however rare the tags are, and wherever in the page order the matches lie.
--
-- Exactness: the walk has met every match up to the place that it has reached. When the lists come
-- first, they give the rest of the page, from that place on.

create or replace function gallery.strategy_walk_or_join(f gallery.filter, s gallery.scan)
returns gallery.position[]
language plpgsql stable
set search_path from current
set work_mem = '4MB' set hash_mem_multiplier = 1
as $function$
declare
    v_steps  gallery.narrowing[] := (s.figures).narrowings;
    v_step   double precision := case when (s.figures).seed_cost is null then (s.figures).walk_step
                                      else gallery.cost_of_walk_step(s.figures, s.by_quality) end;     -- it has no seed
    v_wanted bigint := s.wanted;
    v_places gallery.position[] := array[]::gallery.position[];
    v_walked gallery.stretch;
    v_lists  gallery.candidates[];
    v_left   double precision := v_steps[1].listed;
    -- what the walk may spend: as much as the lists will have cost after their next step
    v_purse  double precision := gallery.cost_of_listing(s.figures, v_steps[1]);
begin
    for v_n in 2 .. cardinality(v_steps) + 1 loop
        v_purse := v_purse + case when v_n > cardinality(v_steps) then gallery.cost_of_fetching(s.figures, v_left)
                                  else gallery.cost_of_narrowing(s.figures, v_steps[v_n], v_left) end;
        if v_purse >= v_wanted * v_step then        -- less is not worth a statement, and is saved up
            v_walked := gallery.walk(f, s, least(ceil(v_purse / v_step), 1e18)::bigint);
            v_places := v_places || v_walked.places;
            if (v_walked.reached).id is null then
                return v_places;
            end if;
            s.after := v_walked.reached;
            s.wanted := v_wanted - cardinality(v_places);
            v_purse := 0;
        end if;
        if v_n = 2 then
            perform gallery.use_work_mem();
            v_lists := gallery.list_candidates(f, v_steps[1].tags);
        end if;
        exit when v_n > cardinality(v_steps);
        v_lists := gallery.narrow_candidates(v_lists, v_steps[v_n : v_n], s.figures);
        v_left := gallery.count_candidates(v_lists)::double precision;
        exit when v_left = 0;
    end loop;
    return v_places || gallery.page_of_lists(f, s, v_lists);
end
$function$;
comment on function gallery.strategy_walk_or_join(gallery.filter, gallery.scan) is
    'Lets ordered_walk and self_join take turns, by the figures of the scan. Needs tags_all or tags_any. Cost: twice that of the better.';
