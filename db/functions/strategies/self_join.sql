-- Strategy self_join: read the list of the rarest tag, join it with the next tag's, and so on, the
-- rarest first; stop when nothing is left. A join probes for each item while they are few, and goes
-- through the next tag's list while they are many.

create or replace function gallery.strategy_self_join(f gallery.filter, s gallery.scan)
returns gallery.position[]
language plpgsql stable
set search_path from current
set work_mem = '4MB' set hash_mem_multiplier = 1
as $function$
declare
    v_conditions gallery.narrowing[] := (s.figures).narrowings;
begin
    perform gallery.use_work_mem();
    return gallery.in_page_order(array(
        select c
        from unnest(f.sources) source
        cross join lateral gallery.list_carriers((v_conditions[1]).tags, source) seed
        cross join lateral gallery.keep_matches(seed, source, v_conditions[2:], s.figures) ids
        cross join lateral gallery.page_of_candidates(f, s, source, ids) c), s);
end
$function$;
comment on function gallery.strategy_self_join(gallery.filter, gallery.scan) is
    'Joins the lists of the tags one after the other. Cost: the rarest tag''s list, and for each further tag the lesser of its list and a probe for each item left.';
