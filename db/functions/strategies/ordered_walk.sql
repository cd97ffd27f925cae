-- Strategy ordered_walk: walk the items in page order, test each one, stop at a full page. Best where
-- matches are dense; reads every item where they are not.
--
-- A walk by quality may have a seed: a list of items that it tests by halving, so that an item that is
-- not on the list costs an entry of the sort index alone. That is the list of all that satisfy what is
-- asked of tags, where an earlier step of the plan has it in hand; or that of the rarest tag, where the
-- planner says that reading it is worth while.

create or replace function gallery.strategy_ordered_walk(f gallery.filter, s gallery.scan, budget double precision)
returns gallery.stretch
language plpgsql stable
set search_path from current
as $function$
declare
    g       gallery.figures := s.figures;
    v_found gallery.stretch;
    v_step  double precision := g.walk_step;
begin
    if s.by_quality and not g.hidden and s.narrowed >= coalesce(cardinality(g.narrowings), 0) then
        s.seed := gallery.seed_of(s.lists);
        v_step := gallery.entry_cost() + gallery.count_candidates(s.lists) / g.items * g.item_probe;
        budget := case when budget is not null      -- beyond that it is cheaper to fetch them
                       then least(budget, gallery.cost_of_fetching(g, gallery.count_candidates(s.lists))) end;
    elsif g.seed_cost is not null then
        s.seed := gallery.seed_of(gallery.list_candidates(f, (g.narrowings[1]).tags));
        budget := budget - g.seed_cost;
    end if;
    v_found := gallery.walk(f, s, case when budget is not null then least(ceil(greatest(budget / v_step, 1)), 1e18) end::bigint);
    v_found.lists := s.lists;
    v_found.narrowed := s.narrowed;
    v_found.counted := s.counted;
    return v_found;
end
$function$;
comment on function gallery.strategy_ordered_walk(gallery.filter, gallery.scan, double precision) is
    'Walks the items in page order and tests each. Answers every query; cost: items from the position to the page''s last match.';
