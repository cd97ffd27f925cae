-- Strategy full_scan: the last step of a plan. Where an item must be tested for words, or for what else has no
-- key, nobody knows how many have to be tested until a page is full; tested one by one, they may touch
-- fifty times the pages that the table has. So each step before it has a budget, and then this one goes
-- through the table once, with a hash table of the items that carry the tags that must not be carried.
-- Where tags must be carried, their lists come first, and the table is gone through for what they leave.

create or replace function gallery.strategy_full_scan(f gallery.filter, s gallery.scan, budget double precision)
returns gallery.stretch
language plpgsql stable
set search_path from current
set work_mem = '4MB' set hash_mem_multiplier = 1
as $function$
declare
    g gallery.figures := s.figures;
begin
    if budget < gallery.cost_of_scan(g) then
        return gallery.not_begun(s);
    elsif (g.narrowings[1]).carried then
        return gallery.strategy_self_join(f, s, null);
    end if;
    perform gallery.use_work_mem();
    return row(gallery.scan_items(f, s, gallery.barred_candidates(f)), true, null, null, null, null)::gallery.stretch;
end
$function$;
comment on function gallery.strategy_full_scan(gallery.filter, gallery.scan, double precision) is
    'Goes through all items. Answers every query. Cost: the whole table once, and the lists of the filter''s tags.';
