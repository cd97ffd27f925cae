-- Estimates what strategy bitmap would take. Unlike the others' estimates this one has a hard bound,
-- whatever the data: the blocks in which the rarest tag occurs, times the number of keys.

create or replace function gallery.estimate_bitmap(f gallery.filter, s gallery.scan)
returns gallery.estimate
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan'
as $function$
declare
    c_statements constant double precision := 60::double precision;   -- what its statements take beside buffers, in their unit
    c_container  constant double precision := 4::double precision;    -- buffers touched to read one
    c_window     constant double precision := 64::double precision;   -- blocks read at a time to count
    c_chunk      constant double precision := 3::double precision;    -- and to learn which item stands in a slot
    c_sorted     constant double precision := 3000::double precision; -- more matches than that are not fetched to be sorted
    g         gallery.figures := s.figures;
    n         gallery.narrowing;
    v_missing text := gallery.bitmap_missing();
    v_keys    double precision := (1 + coalesce(cardinality(f.creators), 0) + case when f.viewer is null then 0 else 2 end)::double precision;
    v_wanted  double precision := least(s.wanted, g.items);
    v_left    double precision := g.items;          -- that carry the tags asked for
    v_dirty   double precision;                     -- to test the items that are not indexed yet
    v_blocks  double precision;
    v_read    double precision;                     -- blocks
    v_then    double precision;
begin
    if v_missing is not null then
        return row('bitmap', null, null, v_missing)::gallery.estimate;
    end if;
    v_dirty := (select count(*) from gallery.dirty_item)::double precision * g.tag_probe;
    v_blocks := greatest((select count(*) from gallery.bitmap_block), 1)::double precision;
    foreach n in array g.narrowings loop
        v_keys := v_keys + cardinality(n.tags);
        v_left := gallery.meeting(v_left, g, n);
    end loop;
    n := g.narrowings[1];
    v_read := case when n.carried and cardinality(n.tags) = 1 then least(v_blocks, n.listed) else v_blocks end;
    if s.by_quality then                -- all matches are counted, up to so many that they are no longer fetched and sorted
        v_read := least(v_read, greatest(ceil(c_sorted * v_blocks / greatest(v_left, 1)), c_window));
        v_then := case when v_left < c_sorted then v_left * (c_chunk + g.item_probe)
                       else g.walk_step * least(v_wanted * g.items / greatest(v_left, 1), g.items) end;
    else                                -- as far as a page takes, if matches are spread evenly
        v_read := least(v_read, ceil(2 * v_wanted * v_blocks / greatest(v_left, 1)) + 1);
        v_then := v_wanted * c_chunk;
    end if;
    return row('bitmap', v_left, c_statements + v_dirty + v_read * v_keys * c_container + v_then, null)::gallery.estimate;
end
$function$;
comment on function gallery.estimate_bitmap(gallery.filter, gallery.scan) is
    'What strategy bitmap would take, and what it lacks if it can''t be taken.';
