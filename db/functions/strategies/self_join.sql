-- Strategy self_join: read the list of the rarest tag, join it with the next tag's, and so on, the
-- rarest first; stop when nothing is left. A join probes for each item while they are few, and goes
-- through the next tag's list while they are many.
--
-- What the next join costs is known before it is made, from the length of the list in hand and the
-- statistics of the tag: so a budget ends it before the join that would be one too many, and a later
-- step of the plan goes on with the lists as they are.

create or replace function gallery.strategy_self_join(f gallery.filter, s gallery.scan, budget double precision)
returns gallery.stretch
language plpgsql stable
set search_path from current
set work_mem = '4MB' set hash_mem_multiplier = 1
as $function$
declare
    g       gallery.figures := s.figures;
    v_steps int := coalesce(cardinality(g.narrowings), 0);
    v_left  double precision;
    v_cost  double precision;
begin
    perform gallery.use_work_mem();
    loop
        v_left := case when s.narrowed is not null then gallery.count_candidates(s.lists)::double precision end;
        v_cost := case when s.narrowed is null then gallery.cost_of_listing(g, g.narrowings[1])
                       when s.narrowed < v_steps then gallery.cost_of_narrowing(g, g.narrowings[s.narrowed + 1], v_left)
                       else gallery.cost_of_fetching(g, v_left) end;
        if v_cost > budget and v_left is distinct from 0 then
            return gallery.not_begun(s);
        end if;
        budget := budget - v_cost;
        exit when s.narrowed >= v_steps or v_left = 0;
        if s.narrowed is null then
            s.lists := gallery.list_candidates(f, (g.narrowings[1]).tags);
            s.narrowed := 1;
        elsif v_left <= gallery.few_candidates() then       -- whatever is left of them, it costs little
            s.lists := gallery.narrow_candidates(s.lists, g.narrowings[s.narrowed + 1 :], g);
            s.narrowed := v_steps;
        else
            s.lists := gallery.narrow_candidates(s.lists, g.narrowings[s.narrowed + 1 : s.narrowed + 1], g);
            s.narrowed := s.narrowed + 1;
        end if;
    end loop;
    return row(gallery.page_of_lists(f, s, s.lists), true, null, null, null, null)::gallery.stretch;
end
$function$;
comment on function gallery.strategy_self_join(gallery.filter, gallery.scan, double precision) is
    'Joins the lists of the tags one after the other. Needs tags_all or tags_any. Cost: the rarest tag''s list, and for each further tag the lesser of its list and a probe for each item left.';
