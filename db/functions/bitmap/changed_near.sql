-- Which of the changed items may stand on a page: told by entries of the sort index, without reading a row.

create or replace function gallery.first_between(
    ids bigint[], source text, s gallery.scan, before gallery.position, out near bigint[], out complete boolean)
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan'
as $function$
declare
    c_each constant int := 2;           -- entries of the sort index read for one that may be spared a test
    v_most int := c_each * cardinality(ids);
begin
    near := gallery.ids_between(source,
        case when s.descending then before.created_at else coalesce((s.after).created_at, '-infinity') end,
        case when s.descending then coalesce((s.after).created_at, 'infinity') else before.created_at end,
        s.descending, v_most);
    complete := cardinality(near) < v_most;
    near := array(select n.id from unnest(near) with ordinality n (id, place)
                  where n.id in (select unnest(ids)) order by n.place);
end
$function$;
comment on function gallery.first_between(bigint[], text, gallery.scan, gallery.position) is
    'Of some items of a source, the first ones after the scan''s position and before another, in the page order; complete: these are all that lie there.';
