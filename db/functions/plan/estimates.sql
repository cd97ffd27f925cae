-- Estimates what each strategy would take for a query, and says which can't be taken. Where nothing
-- is known, tags are taken to be independent of each other, matches to be spread evenly, and all
-- conditions but those on tags to hold.

create or replace function gallery.estimates(f gallery.filter, s gallery.scan, in_force gallery.settings_in_force)
returns gallery.estimate[]
language plpgsql immutable
set search_path from current
as $function$
declare
    c_statement constant double precision := 10::double precision;    -- what a statement takes beside buffers, in their unit
    g        gallery.figures := s.figures;
    n        gallery.narrowing;
    v_k      int := 0;
    v_left   double precision := g.items;           -- that meet the conditions so far
    v_listed double precision := 0::double precision;
    v_cost   double precision;
    v_join   double precision := 0::double precision;
    v_group  double precision := c_statement;
    v_single double precision := 2 * c_statement;
    v_dual   double precision := 3 * c_statement;
    v_seed   double precision;                      -- that carry the rarest tag, or the two rarest
    v_rest   double precision := c_statement;       -- the same for all lists
    v_walked double precision;
    v_lacks  text := case when f.tags_all is null then 'it starts from tags_all' end;
begin
    foreach n in array g.narrowings loop
        v_cost := gallery.cost_of_narrowing(g, n, v_left);
        if n.carried and cardinality(n.tags) = 1 then
            v_k := v_k + 1;
            v_listed := v_listed + n.listed;
            v_group := v_group + gallery.cost_of_listing(g, n);
            v_join := v_join + v_cost + c_statement;
            v_single := v_single + case when v_k = 1 then v_cost else v_left * g.tag_probe end;
            v_dual := v_dual + case when v_k <= 2 then v_cost else v_left * g.tag_probe end;
        else
            v_rest := v_rest + v_cost + c_statement;
        end if;
        v_left := gallery.meeting(v_left, g, n);
        if v_k <= 2 then
            v_seed := v_left;
        end if;
    end loop;
    v_walked := least(s.wanted / greatest(v_left / g.items * g.tested * g.owned, 1 / g.items), g.items);
    v_rest := v_rest + gallery.cost_of_fetching(g, v_left);
    n := g.narrowings[1];
    return array[
        row('ordered_walk', v_walked, coalesce(g.seed_cost, 0) + v_walked * g.walk_step,
            case when not in_force.enable_ordered_walk then 'enable_ordered_walk is false' end)::gallery.estimate,
        row('self_join', n.listed, v_join + v_rest,
            case when in_force.enable_self_join then v_lacks else 'enable_self_join is false' end)::gallery.estimate,
        row('group_having', v_listed, v_group + v_rest,
            case when in_force.enable_group_having then v_lacks else 'enable_group_having is false' end)::gallery.estimate,
        row('two_phase_single', n.listed, v_single + v_rest,
            case when in_force.enable_two_phase then v_lacks else 'enable_two_phase is false' end)::gallery.estimate,
        row('two_phase_dual', v_seed, v_dual + v_rest,
            case when in_force.enable_two_phase then v_lacks else 'enable_two_phase is false' end)::gallery.estimate,
        case when in_force.enable_bitmap then gallery.estimate_bitmap(f, s)
             else row('bitmap', null, null, 'enable_bitmap is false')::gallery.estimate end,
        row('full_scan', g.items, gallery.cost_of_full_scan(g),
            case when not in_force.enable_ordered_walk then 'enable_ordered_walk is false' end)::gallery.estimate];
end
$function$;
comment on function gallery.estimates(gallery.filter, gallery.scan, gallery.settings_in_force) is
    'What every strategy would take, and why it can''t be taken if it can''t.';

create or replace function gallery.estimate_of(estimates gallery.estimate[], strategy text)
returns gallery.estimate
language plpgsql immutable
set search_path from current
as $function$
declare
    e gallery.estimate;
begin
    foreach e in array estimates loop
        if e.strategy = estimate_of.strategy then
            return e;
        end if;
    end loop;
    return null;
end
$function$;
comment on function gallery.estimate_of(gallery.estimate[], text) is
    'One strategy''s estimate.';

create or replace function gallery.least_estimate(estimates gallery.estimate[])
returns gallery.estimate
language plpgsql immutable
set search_path from current
as $function$
declare
    v_least gallery.estimate;
    e       gallery.estimate;
begin
    foreach e in array estimates loop
        if e.unable is null and (v_least.cost is null or e.cost < v_least.cost) then
            v_least := e;
        end if;
    end loop;
    return v_least;
end
$function$;
comment on function gallery.least_estimate(gallery.estimate[]) is
    'The least estimate of a strategy that can be taken; null if none can.';
