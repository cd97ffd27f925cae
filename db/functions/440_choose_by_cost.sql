-- The cost planner: the least estimate is taken. The walk's estimate is a guess, for nobody knows where
-- in the page order the matches lie; so bitmaps are preferred to it, and where there are none, it
-- competes with the lists unless these are short.

create or replace function gallery.may_compete(s gallery.scan)
returns boolean
language plpgsql immutable
set search_path from current
as $function$
declare
    g gallery.figures := s.figures;
    n gallery.narrowing := g.narrowings[1];
begin
    -- at the worst, no further condition narrows the first list; at the best, every item met is a match
    return n.carried
       and gallery.cost_of_listing(g, n) + n.listed * (g.item_probe + (cardinality(g.narrowings) - 1) * g.tag_probe)
           > 2 * g.walk_step * s.wanted;
end
$function$;
comment on function gallery.may_compete(gallery.scan) is
    'Whether the walk could be less than half as costly as the lists.';

create or replace function gallery.choose_by_cost(
    s gallery.scan, estimates gallery.estimate[], in_force gallery.settings_in_force, choice gallery.choice)
returns gallery.choice
language plpgsql stable
set search_path from current
as $function$
declare
    v_best gallery.estimate := gallery.least_estimate(estimates);
    v_bitmap gallery.estimate := gallery.estimate_of(estimates, 'bitmap');
    v_walk gallery.estimate := gallery.estimate_of(estimates, 'ordered_walk');
    v_join gallery.estimate := gallery.estimate_of(estimates, 'self_join');
begin
    choice.strategy := v_best.strategy;
    choice.runs := v_best.strategy;
    choice.reason := 'its estimate is the least';
    if v_best.strategy = 'ordered_walk' and v_bitmap.unable is null and not s.by_quality then
        choice.strategy := 'bitmap';
        choice.runs := 'bitmap';
        choice.reason := 'where the matches lie is a guess for ordered_walk, and does not matter much to it';
        return choice;
    end if;
    if v_best.strategy <> 'bitmap' and v_walk.unable is null and in_force.enable_self_join and gallery.may_compete(s) then
        choice.strategy := case when v_join.unable is null and v_join.cost < v_walk.cost then 'self_join' else 'ordered_walk' end;
        choice.runs := 'walk_or_join';
        choice.reason := format('where the matches lie is a guess, so %s competes with %s: they take turns, neither spending more than the other',
                                choice.strategy, case choice.strategy when 'self_join' then 'ordered_walk' else 'self_join' end);
    end if;
    return choice;
end
$function$;
comment on function gallery.choose_by_cost(gallery.scan, gallery.estimate[], gallery.settings_in_force, gallery.choice) is
    'Completes a choice by the estimates; without a strategy where none can be taken.';
