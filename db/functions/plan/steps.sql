-- The steps of a plan. A strategy whose cost is a guess gets a budget, and another stands behind it; the
-- last step has none, for its cost has a bound whatever the data: that of the bitmaps, of the tags'
-- lists, or of the table. run_plan.sql says what happens where a budget is spent.

create or replace function gallery.last_resort(g gallery.figures, in_force gallery.settings_in_force)
returns gallery.step
language plpgsql immutable
set search_path from current
as $function$
begin
    if in_force.enable_self_join and (g.narrowings[1]).carried then
        return row('self_join', null, gallery.worst_of_join(g))::gallery.step;
    end if;
    return case when in_force.enable_ordered_walk then      -- both go through the items
        row('full_scan', null, gallery.cost_of_full_scan(g))::gallery.step end;
end
$function$;
comment on function gallery.last_resort(gallery.figures, gallery.settings_in_force) is
    'What finds the page, whatever the data, by going through each table once at the most; null where that is switched off.';

create or replace function gallery.steps_of(e gallery.estimate, s gallery.scan, in_force gallery.settings_in_force)
returns gallery.step[]
language plpgsql immutable
set search_path from current
as $function$
declare
    g          gallery.figures := s.figures;
    v_resort   gallery.step;
    v_patience double precision;
begin
    if not (e.strategy = 'ordered_walk' or e.strategy = 'bitmap' and (s.by_quality or g.tested < 1)) then
        return array[row(e.strategy, null, e.cost)]::gallery.step[];        -- its cost has a bound
    end if;
    v_resort := gallery.last_resort(g, in_force);
    v_patience := least(gallery.patience(), v_resort.estimate / 2);
    if e.strategy = 'bitmap' and s.by_quality and in_force.enable_ordered_walk and g.tested < 1 then
        return array[row('bitmap', v_patience, e.cost),
                     row('ordered_walk', v_patience, v_patience),
                     case when v_resort.strategy = 'self_join' then v_resort
                          else row('bitmap', null, gallery.cost_of_scan(g))::gallery.step end]::gallery.step[];
    elsif e.strategy = 'bitmap' and s.by_quality and in_force.enable_ordered_walk then
        -- few matches are fetched and sorted. Many are met soon on a walk; unless they lie far on, as those without a
        -- quality do: then they are listed, and the walk goes on with the list as its seed
        return array[row('bitmap', gallery.patience(), e.cost),
                     row('ordered_walk', gallery.patience(), gallery.patience()),
                     row('bitmap', gallery.cost_of_scan(g), e.cost),
                     row('ordered_walk', gallery.cost_of_scan(g), e.cost),
                     row('bitmap', null, gallery.cost_of_scan(g))]::gallery.step[];
    elsif s.by_quality and e.strategy = 'bitmap' or v_resort is null then      -- lists all matches, and fetches them; or is all there is
        return array[row(e.strategy, null, e.cost)]::gallery.step[];
    end if;
    return array[row(e.strategy, v_patience, e.cost), v_resort]::gallery.step[];
end
$function$;
comment on function gallery.steps_of(gallery.estimate, gallery.scan, gallery.settings_in_force) is
    'A strategy, and what stands behind it where its cost has no bound.';

create or replace function gallery.steps_in_turn(g gallery.figures, wanted bigint, worst double precision)
returns gallery.step[]
language plpgsql immutable
set search_path from current
as $function$
declare
    c_least  constant double precision := greatest(gallery.cost_of_listing(g, g.narrowings[1]), wanted * g.walk_step, worst / 1e6);
    v_budget double precision := c_least;
    v_steps  gallery.step[] := array[]::gallery.step[];
begin
    while v_budget < worst loop
        v_steps := v_steps || array[row('ordered_walk', v_budget, v_budget), row('self_join', v_budget, v_budget)]::gallery.step[];
        v_budget := 2 * v_budget;
    end loop;
    return v_steps || array[row('ordered_walk', worst, worst), row('self_join', null, worst)]::gallery.step[];
end
$function$;
comment on function gallery.steps_in_turn(gallery.figures, bigint, double precision) is
    'ordered_walk and self_join in turns, each with twice the budget that it had before, so that neither spends much more than the other, however rare the tags are and wherever in the page order the matches lie; up to the worst that self_join can cost.';
