-- Strategy ordered_walk: walk the items in page order, test each one, stop at a full page.
-- Best where matches are dense; reads every item where they are not.

create or replace function gallery.strategy_ordered_walk(f gallery.filter, s gallery.scan)
returns gallery.position[]
language plpgsql stable
set search_path from current
as $function$
begin
    if f.terms is not null and gallery.nothing_to_choose(f) then     -- no tag has to be looked up
        return gallery.walk_then_scan(f, s);
    end if;
    return (gallery.walk(f, gallery.seeded(f, s), null)).places;
end
$function$;
comment on function gallery.strategy_ordered_walk(gallery.filter, gallery.scan) is
    'Walks the items in page order and tests each. Answers every query; cost: items from the position to the page''s last match.';
