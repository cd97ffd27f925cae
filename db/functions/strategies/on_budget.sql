-- ordered_walk and self_join with the bitmap index behind them: the cost planner takes these where one
-- of them should give a page for less than the bitmaps would. Both estimates are guesses, of where
-- the matches lie, or of how many there are; so each has a budget, what the bitmaps cost, and these
-- take over when it is spent. The whole costs no more than twice the better of the two.

create or replace function gallery.strategy_walk_or_bitmap(f gallery.filter, s gallery.scan)
returns gallery.position[]
language plpgsql stable
set search_path from current
as $function$
declare
    g        gallery.figures := s.figures;
    v_walked gallery.stretch;
begin
    s := gallery.seeded(f, s);
    v_walked := gallery.walk(f, s, least(ceil(greatest(g.budget - coalesce(g.seed_cost, 0), g.walk_step) / g.walk_step), 1e18)::bigint);
    if (v_walked.reached).id is not null then
        s.after := v_walked.reached;
        s.wanted := s.wanted - cardinality(v_walked.places);
        v_walked.places := v_walked.places || gallery.strategy_bitmap(f, s);
    end if;
    return v_walked.places;
end
$function$;
comment on function gallery.strategy_walk_or_bitmap(gallery.filter, gallery.scan) is
    'Walks within the budget of the scan''s figures; what is wanted beyond it comes from the bitmap index.';

create or replace function gallery.strategy_join_or_bitmap(f gallery.filter, s gallery.scan)
returns gallery.position[]
language plpgsql stable
set search_path from current
set work_mem = '4MB' set hash_mem_multiplier = 1
as $function$
declare
    g       gallery.figures := s.figures;
    v_steps gallery.narrowing[] := g.narrowings;
    v_lists gallery.candidates[];
    v_left  double precision := (v_steps[1]).listed;
    v_spent double precision := gallery.cost_of_listing(g, v_steps[1]);
begin
    for v_n in 2 .. cardinality(v_steps) + 1 loop
        v_spent := v_spent + case when v_n > cardinality(v_steps) then gallery.cost_of_fetching(g, v_left)
                                  else gallery.cost_of_narrowing(g, v_steps[v_n], v_left) end;
        if v_spent > g.budget then          -- the next step would be one too many
            return gallery.strategy_bitmap(f, s);
        end if;
        if v_n = 2 then
            perform gallery.use_work_mem();
            v_lists := gallery.list_candidates(f, (v_steps[1]).tags);
        end if;
        exit when v_n > cardinality(v_steps);
        v_lists := gallery.narrow_candidates(v_lists, v_steps[v_n : v_n], g);
        v_left := gallery.count_candidates(v_lists)::double precision;
        if v_left <= gallery.few_candidates() then             -- whatever is left of them, it costs little
            v_lists := gallery.narrow_candidates(v_lists, v_steps[v_n + 1 :], g);
            exit;
        end if;
    end loop;
    return gallery.page_of_lists(f, s, v_lists);
end
$function$;
comment on function gallery.strategy_join_or_bitmap(gallery.filter, gallery.scan) is
    'Joins the lists of the tags within the budget of the scan''s figures; beyond it, leaves the page to the bitmap index. Needs tags_all or tags_any.';
