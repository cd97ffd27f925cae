-- Strategies two_phase_single and two_phase_dual: seed with the items that carry the rarest required
-- tag, or the two rarest; then probe the junction for every other tag of each.

create or replace function gallery.strategy_two_phase_single(f gallery.filter, s gallery.scan, budget double precision)
returns gallery.stretch
language plpgsql stable
set search_path from current
set work_mem = '4MB' set hash_mem_multiplier = 1
as $function$
declare
    v_others gallery.narrowing[] := gallery.tag_conditions(s.figures, false);
begin
    if budget < gallery.cost_of_listing(s.figures, (s.figures).narrowings[1]) then
        return gallery.not_begun(s);
    end if;
    perform gallery.use_work_mem();
    return row(gallery.in_page_order(array(
        select c
        from unnest(f.sources) source
        cross join lateral gallery.list_carriers(f.tags_all[:1], source) seed
        cross join lateral gallery.keep_carriers_of_all(seed, source, f.tags_all[2:]) carriers
        cross join lateral gallery.keep_matches(carriers, source, v_others, s.figures) ids
        cross join lateral gallery.page_of_candidates(f, s, source, ids) c), s), true, null, null, null, null)::gallery.stretch;
end
$function$;
comment on function gallery.strategy_two_phase_single(gallery.filter, gallery.scan, double precision) is
    'Seeds with the rarest required tag and probes for the others. Cost: its list, and for each item some probes.';

create or replace function gallery.strategy_two_phase_dual(f gallery.filter, s gallery.scan, budget double precision)
returns gallery.stretch
language plpgsql stable
set search_path from current
set work_mem = '4MB' set hash_mem_multiplier = 1
as $function$
declare
    v_second gallery.narrowing[] := (gallery.tag_conditions(s.figures, true))[2:2];
    v_others gallery.narrowing[] := gallery.tag_conditions(s.figures, false);
begin
    if budget < gallery.cost_of_listing(s.figures, (s.figures).narrowings[1]) then
        return gallery.not_begun(s);
    end if;
    perform gallery.use_work_mem();
    return row(gallery.in_page_order(array(
        select c
        from unnest(f.sources) source
        cross join lateral gallery.list_carriers(f.tags_all[:1], source) rarest
        cross join lateral gallery.keep_matches(rarest, source, v_second, s.figures) seed
        cross join lateral gallery.keep_carriers_of_all(seed, source, f.tags_all[3:]) carriers
        cross join lateral gallery.keep_matches(carriers, source, v_others, s.figures) ids
        cross join lateral gallery.page_of_candidates(f, s, source, ids) c), s), true, null, null, null, null)::gallery.stretch;
end
$function$;
comment on function gallery.strategy_two_phase_dual(gallery.filter, gallery.scan, double precision) is
    'Seeds with the join of the two rarest required tags and probes for the others. Cost: the two lists, and for each item of both some probes.';
