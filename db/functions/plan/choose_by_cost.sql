-- The cost planner: the least estimate is taken. But the walk's estimate is a guess, for nobody knows
-- where in the page order the matches lie: so it is taken on a budget, and something stands behind
-- it that has a bound. That is the bitmap index; or where there is none, the lists of the tags; or
-- going through all items (see steps.sql).

-- A sort by quality has nothing to learn from the bitmaps where one tag is all that is asked for: how many
-- match is known from the statistics, and many are met on a walk either way.
create or replace function gallery.walks_by_quality(s gallery.scan)
returns boolean
language sql immutable
return s.by_quality and (s.figures).tested = 1 and (s.figures).owned = 1
       and cardinality((s.figures).narrowings) = 1 and cardinality(((s.figures).narrowings[1]).tags) = 1;
comment on function gallery.walks_by_quality(gallery.scan) is
    'Whether a sort by quality would be answered by bitmap with a walk that needs no counting before it, if many match.';

-- The usual case, told without the other estimates: a walk meets nothing but matches at its best, and
-- every list strategy reads at least the list of the rarest tag.
create or replace function gallery.bitmap_is_least(
    bitmap gallery.estimate, f gallery.filter, s gallery.scan, in_force gallery.settings_in_force)
returns boolean
language plpgsql immutable
set search_path from current
as $function$
declare
    g gallery.figures := s.figures;
begin
    if bitmap.unable is not null or in_force.planner <> 'cost' or not in_force.enable_bitmap or gallery.walks_by_quality(s) then
        return false;
    end if;
    return bitmap.cost <= coalesce(g.seed_cost, 0) + 2 * g.walk_step * least(s.wanted, g.items)
       and (f.tags_all is null
            or bitmap.cost <= least(gallery.cost_of_listing(g, g.narrowings[1]), gallery.cost_of_probing(g, g.items)));
end
$function$;
comment on function gallery.bitmap_is_least(gallery.estimate, gallery.filter, gallery.scan, gallery.settings_in_force) is
    'Whether the cost planner takes bitmap whatever the others'' estimates are.';

create or replace function gallery.choose_by_cost(
    s gallery.scan, estimates gallery.estimate[], in_force gallery.settings_in_force, choice gallery.choice)
returns gallery.choice
language plpgsql immutable
set search_path from current
as $function$
declare
    g        gallery.figures := s.figures;
    v_best   gallery.estimate := gallery.least_estimate(estimates);
    v_walk   gallery.estimate := gallery.estimate_of(estimates, 'ordered_walk');
    v_join   gallery.estimate := gallery.estimate_of(estimates, 'self_join');
    v_bitmap gallery.estimate := gallery.estimate_of(estimates, 'bitmap');
    v_resort gallery.step := gallery.last_resort(g, in_force);
    v_worst  double precision := gallery.worst_of_join(g);
begin
    choice.strategy := v_best.strategy;
    choice.reason := 'its estimate is the least';
    if v_best.cost is null then
        return choice;
    elsif (g.tested < 1 or v_best.strategy = 'ordered_walk') and v_resort.estimate < v_best.cost then
        choice.strategy := v_resort.strategy;
        choice.steps := array[v_resort];
        choice.reason := 'testing items one by one would touch more than going through all of them';
    elsif v_bitmap.unable is null then
        -- a walk may turn out longer than thought. Twice the estimate is enough wherever it was right: it is a mean of
        -- as many waits as the page has rows. Where conditions have no key, both are guesses at how many items
        -- satisfy them, and the walk's loses less by being wrong
        if v_best.strategy = 'ordered_walk' and (v_walk.cost < v_bitmap.cost / 2 or gallery.walks_by_quality(s)) then
            choice.steps := row('ordered_walk', case when g.tested < 1 then v_bitmap.cost
                                                     when gallery.walks_by_quality(s) then 2 * v_walk.cost
                                                     else least(v_bitmap.cost / 2, 2 * v_walk.cost) end, v_walk.cost)::gallery.step
                         || gallery.steps_of(v_bitmap, s, in_force);
            choice.reason := 'its estimate is the least; where the matches lie is a guess, so bitmap takes over if it is wrong';
        elsif v_join.unable is null and v_join.cost < v_bitmap.cost and v_worst > v_bitmap.cost then
            choice.strategy := 'self_join';
            choice.steps := row('self_join', v_bitmap.cost, v_join.cost)::gallery.step || gallery.steps_of(v_bitmap, s, in_force);
            choice.reason := 'its estimate is less than that of bitmap; how many items share the tags is a guess, so bitmap takes over if it is wrong';
        elsif v_best.strategy = 'ordered_walk' then
            choice.strategy := 'bitmap';
            choice.steps := gallery.steps_of(v_bitmap, s, in_force);
            choice.reason := 'its estimate is not much more than that of ordered_walk, and where the matches lie makes little difference to it';
        end if;
    -- at the best, every item that the walk meets is a match
    elsif v_walk.unable is null and in_force.enable_self_join and v_worst > 2 * g.walk_step * s.wanted then
        choice.strategy := case when v_join.unable is null and v_join.cost < v_walk.cost then 'self_join' else 'ordered_walk' end;
        choice.figures.seed_cost := null;       -- reading the list is the other's turn
        choice.figures.walk_step := gallery.cost_of_walk_step(g, s.by_quality);
        choice.steps := gallery.steps_in_turn(choice.figures, s.wanted, v_worst);
        choice.reason := format('where the matches lie is a guess, so it takes turns with %s, neither spending more than the other',
                                case choice.strategy when 'self_join' then 'ordered_walk' else 'self_join' end);
    end if;
    choice.steps := coalesce(choice.steps, gallery.steps_of(v_best, s, in_force));
    return choice;
end
$function$;
comment on function gallery.choose_by_cost(gallery.scan, gallery.estimate[], gallery.settings_in_force, gallery.choice) is
    'Completes a choice by the estimates; without a strategy where none can be taken.';
