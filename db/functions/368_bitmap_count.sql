-- Exact counts from bitmaps: bits counted, and the dirty items that match.

create or replace function gallery.bitmap_count(f gallery.filter, g gallery.figures)
returns bigint
language plpgsql stable
set search_path from current
set work_mem = '4MB' set hash_mem_multiplier = 1
as $function$
declare
    s        gallery.scan := gallery.make_scan('created_at', 'desc');
    v_result record;
    v_total  bigint := 0::bigint;
begin
    s.figures := g;
    s.wanted := 9223372036854775806;
    if g.dirty > 0 then
        v_total := cardinality(gallery.dirty_matches(f, s, null))::bigint;
    end if;
    v_result := gallery.bitmap_result(f, s, null);
    if not gallery.needs_item_test(f) then
        return v_total + v_result.total;
    end if;
    if v_result.total > gallery.estimated_items() / 4 then      -- cheaper to go through the table
        return gallery.count_matches(f);
    end if;
    perform gallery.use_work_mem();
    return v_total + (
        select coalesce(sum(gallery.count_fetched(f, g, l.source collate "default", l.ids)), 0)::bigint
        from (select p.source, array_agg(p.id) as ids
              from gallery.places_of_bits(v_result.block_nos, v_result.bits) p
              group by p.source) l);
end
$function$;
comment on function gallery.bitmap_count(gallery.filter, gallery.figures) is
    'How many items match. Cost: the containers of the filter''s keys; with conditions that have no key, an item read for each candidate.';
