-- The bitmap strategy by quality_score, in whose order the slots do not stand: all matches are counted,
-- listed, fetched and sorted. Where they are so many that fetching them would exceed the budget, they
-- are left in hand as lists: the next step of the plan walks along the sort index with them as its seed.

create or replace function gallery.lists_of_bits(block_nos int[], bits bit varying[])
returns gallery.candidates[]
language plpgsql stable
set search_path from current
as $function$
begin
    return array(select row(p.source collate "default", array_agg(p.id))::gallery.candidates
                 from gallery.places_of_bits(block_nos, bits) p
                 group by p.source);
end
$function$;
comment on function gallery.lists_of_bits(int[], bit varying[]) is
    'The items in all slots set in some blocks.';

create or replace function gallery.bitmap_by_quality(f gallery.filter, s gallery.scan, budget double precision)
returns gallery.stretch
language plpgsql stable
set search_path from current
set work_mem = '4MB' set hash_mem_multiplier = 1
as $function$
declare
    g          gallery.figures := s.figures;
    v_too_many bigint := gallery.places_for(g, budget) + 1;
    v_counted  bigint := s.counted;     -- by an earlier step, after which a walk has not met enough
    v_result   record;
begin
    if coalesce(s.narrowed < cardinality(g.narrowings), true) then      -- no whole lists in hand
        v_result := gallery.bitmap_result(f, s, v_too_many);
        s.counted := v_result.total;
        if v_result.total >= v_too_many             -- they may not all have been met
           or v_counted is null and budget is not null
              and gallery.cost_of_walk(g, s.wanted, s.counted)
                  < least(budget, gallery.cost_of_places(g, s.counted)
                                  + least(gallery.cost_of_fetching(g, s.counted), gallery.cost_of_listed_walk(g, s.wanted, s.counted))) then
            return gallery.not_begun(s);
        end if;
        perform gallery.use_work_mem();
        s.lists := gallery.lists_of_bits(v_result.block_nos, v_result.bits);
        if g.dirty > 0 then
            s.lists := s.lists || array(select row(p.source collate "default", array_agg(p.id))::gallery.candidates
                                        from unnest(gallery.dirty_matches(f, s, null)) p
                                        group by p.source);
        end if;
        s.narrowed := cardinality(g.narrowings);
    end if;
    if gallery.cost_of_fetching(g, gallery.count_candidates(s.lists))
       > least(budget, case when budget is not null then gallery.cost_of_listed_walk(g, s.wanted, gallery.count_candidates(s.lists)) end) then
        return gallery.not_begun(s);
    end if;
    return row(gallery.page_of_lists(f, s, s.lists), true, null, null, null, null)::gallery.stretch;
end
$function$;
comment on function gallery.bitmap_by_quality(gallery.filter, gallery.scan, double precision) is
    'The first wanted matches in the order of quality_score; or a list of all candidates, where fetching them exceeds the budget or what a walk with the list would take; or nothing but their number, where a walk without a list would take less.';
