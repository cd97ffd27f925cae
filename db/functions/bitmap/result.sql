-- The whole result of a filter as bits: what counts, facets, jumps and sorts by quality start from.

create or replace function gallery.bitmap_result(
    f gallery.filter, s gallery.scan, enough bigint,
    out block_nos int[], out bits bit varying[], out total bigint)
language plpgsql stable
set search_path from current
as $function$
declare
    v_window  int := case when enough is null then gallery.counted_blocks() else gallery.counted_blocks_first() end;
    v_query   gallery.bitmap_query := gallery.bitmap_query(f);
    v_range   gallery.block_range := gallery.bitmap_range(f, s);
    v_mask    record;                   -- of the items that are not dirty
    w record;
begin
    block_nos := '{}';
    bits := '{}';
    total := 0;
    if (s.figures).dirty > 0 then
        v_mask := gallery.dirty_mask((s.figures).dirty_ids);
    end if;
    loop
        w := gallery.bitmap_window(v_query, v_range, s.descending, v_window);
        exit when w.reached is null;
        v_range := gallery.range_beyond(v_range, w.reached, s.descending);
        v_window := least(v_window * 4, gallery.counted_blocks());
        continue when w.block_nos is null;
        if (s.figures).dirty > 0 then
            w.bits := array(select b.bits & coalesce(m.bits, b.bits)
                            from unnest(w.block_nos, w.bits) with ordinality b (block_no, bits, n)
                            left join unnest(v_mask.block_nos, v_mask.bits) m (block_no, bits) using (block_no)
                            order by b.n);
        end if;
        block_nos := block_nos || w.block_nos;
        bits := bits || w.bits;
        total := total + gallery.count_bits(w.bits);
        exit when total >= enough;
    end loop;
end
$function$;
comment on function gallery.bitmap_result(gallery.filter, gallery.scan, bigint) is
    'Every slot that satisfies the filter''s clauses and is not dirty, in the direction of travel, and how many there are; stops early where there are enough (null: never).';
