-- Strategy scan: the last step of a plan. Where an item must be tested for words, or for what else has no
-- key, nobody knows how many have to be tested until a page is full; tested one by one, they may touch
-- fifty times the pages that the table has. So each step before it has a budget, and then this one goes
-- through the table once: it keeps what satisfies all but the tags, and then the tags, by their lists
-- where many items are left.

create or replace function gallery.strategy_scan(f gallery.filter, s gallery.scan, budget double precision)
returns gallery.stretch
language plpgsql stable
set search_path from current
set work_mem = '4MB' set hash_mem_multiplier = 1
as $function$
declare
    g        gallery.figures := s.figures;
    v_found  gallery.position[];
begin
    if budget < gallery.cost_of_scan(g) then
        return gallery.not_begun(s);
    end if;
    if not gallery.can_scan(f) then
        return gallery.strategy_ordered_walk(f, s, null);
    end if;
    if g.narrowings = '{}' then
        return row(gallery.scan_items(f, s, s.wanted), true, null, null, null)::gallery.stretch;
    end if;
    perform gallery.use_work_mem();
    v_found := gallery.scan_items(f, s, null);
    v_found := array(
        select p
        from (select l.source, gallery.keep_matches(array_agg(l.id), l.source collate "default", g.narrowings, g) as ids
              from unnest(v_found) l
              group by l.source) k
        cross join lateral unnest(k.ids) c (id)
        join unnest(v_found) p on p.id = c.id and p.source = k.source);
    return row(gallery.in_page_order(v_found, s), true, null, null, null)::gallery.stretch;
end
$function$;
comment on function gallery.strategy_scan(gallery.filter, gallery.scan, double precision) is
    'Goes through all items. Answers every query. Cost: the whole table once, and the lists of the filter''s tags.';
