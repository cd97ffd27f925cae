-- Strategy group_having: read the lists of all required tags at once, count how often each item
-- occurs, keep those that occur in every list.

create or replace function gallery.strategy_group_having(f gallery.filter, s gallery.scan, budget double precision)
returns gallery.stretch
language plpgsql stable
set search_path from current
set work_mem = '4MB' set hash_mem_multiplier = 1
as $function$
declare
    v_others gallery.narrowing[] := gallery.tag_conditions(s.figures, false);
begin
    if budget < (select sum(gallery.cost_of_listing(s.figures, n)) from unnest(gallery.tag_conditions(s.figures, true)) n) then
        return gallery.not_begun(s);
    end if;
    perform gallery.use_work_mem();
    return row(gallery.in_page_order(array(
        select c
        from unnest(f.sources) source
        cross join lateral gallery.group_having(f.tags_all, source) carriers
        cross join lateral gallery.keep_matches(carriers, source, v_others, s.figures) ids
        cross join lateral gallery.page_of_candidates(f, s, source, ids) c), s), true, null, null, null, null)::gallery.stretch;
end
$function$;
comment on function gallery.strategy_group_having(gallery.filter, gallery.scan, double precision) is
    'Groups the lists of the required tags by item. Cost: the lists of all of them, however rare the rarest.';
