-- The rules planner: a table of thresholds on k, the number of required tags, and on the number of
-- items with the rarest of them.

create or replace function gallery.rules(k int, rarest_count bigint, dual_seed bigint, in_force gallery.settings_in_force)
returns table (strategy text, reason text)
language plpgsql immutable
set search_path from current
as $function$
declare
    v_dual boolean := rarest_count > in_force.two_phase_dual_seed_floor and k >= in_force.two_phase_min_k_for_dual_seed;
    v_seed bigint := case when v_dual then dual_seed else rarest_count end;
begin
    if k > 0 and k <= in_force.small_k_threshold then
        return query values ('self_join', format('%s required tags: not more than small_k_threshold, %s', k, in_force.small_k_threshold));
    end if;
    if k > 0 and rarest_count <= in_force.group_having_rarest_ceiling then
        return query values ('group_having', format('the rarest tag has %s items: not more than group_having_rarest_ceiling, %s',
                             rarest_count, in_force.group_having_rarest_ceiling));
    end if;
    if k > 0 and v_seed > in_force.seed_candidate_cap then
        return query values ('group_having', format('a seed of %s items would exceed seed_candidate_cap, %s',
                             v_seed, in_force.seed_candidate_cap));
    end if;
    if v_dual then
        return query values ('two_phase_dual', format(
            'the rarest tag has %s items, more than two_phase_dual_seed_floor, %s; %s required tags, at least two_phase_min_k_for_dual_seed, %s',
            rarest_count, in_force.two_phase_dual_seed_floor, k, in_force.two_phase_min_k_for_dual_seed));
    elsif k > 0 then
        return query values ('two_phase_single', format('the rarest tag is a seed of %s items', rarest_count));
    end if;
    return query values ('ordered_walk', case when k = 0 then 'no tag is required' else 'nothing else may be taken' end),
                        ('bitmap',       'nothing else may be taken');
end
$function$;
comment on function gallery.rules(int, bigint, bigint, gallery.settings_in_force) is
    'The strategies by the rules, the first that can be taken is the one; dual_seed: how many items the two rarest tags are thought to share.';

create or replace function gallery.choose_by_rules(
    s gallery.scan, estimates gallery.estimate[], in_force gallery.settings_in_force, choice gallery.choice)
returns gallery.choice
language plpgsql immutable
set search_path from current
as $function$
begin
    select r.strategy, r.reason into choice.strategy, choice.reason
    from gallery.rules(choice.k, choice.rarest_count, (gallery.estimate_of(estimates, 'two_phase_dual')).candidates::bigint, in_force)
         with ordinality r (strategy, reason, n)
    join unnest(estimates) e using (strategy)
    where e.unable is null
    order by r.n
    limit 1;
    choice.steps := gallery.steps_of(gallery.estimate_of(estimates, choice.strategy), s, in_force);
    return choice;
end
$function$;
comment on function gallery.choose_by_rules(gallery.scan, gallery.estimate[], gallery.settings_in_force, gallery.choice) is
    'Completes a choice by the rules; without a strategy where none can be taken.';
