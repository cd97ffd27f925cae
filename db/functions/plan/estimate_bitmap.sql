-- Estimates what strategy bitmap would take. Unlike the others' estimates this one has a hard bound,
-- whatever the data: the blocks in which the rarest tag occurs, times the number of keys.

create or replace function gallery.estimate_bitmap(f gallery.filter, s gallery.scan)
returns gallery.estimate
language plpgsql immutable
set search_path from current
as $function$
declare
    c_statements constant double precision := 60::double precision;   -- what its statements take beside buffers, in their unit
    c_container  constant double precision := 4::double precision;    -- buffers touched to read one alone; of many, each takes as long
    c_row        constant double precision := 0.25::double precision; -- what a row of the log, or one that it is compared with, takes
    c_each       constant double precision := 4::double precision;    -- so many of these a row of the log
    c_rows       constant double precision := 2::double precision;    -- of these a changed item
    g         gallery.figures := s.figures;
    n         gallery.narrowing;
    v_others  double precision := (case when f.everything then 0 else 1 end + coalesce(cardinality(f.creators), 0) + case when f.viewer is null then 0 else 2 end)::double precision;
    v_wanted  double precision := least(s.wanted / g.tested, g.items);    -- candidates that a page takes
    v_left    double precision := g.carriers;
    v_met     double precision := g.items;          -- that carry the first of them
    v_read    double precision;                     -- blocks,
    v_containers double precision := 0::double precision;
    v_then    double precision;
    v_dirty   double precision := 0::double precision;      -- to test the items that are not indexed yet
begin
    if g.index_lacks is not null then
        return row('bitmap', null, null, g.index_lacks)::gallery.estimate;
    end if;
    n := g.narrowings[1];
    if g.dirty > 0 then                 -- told apart, and tested but for those that surely lie outside the page
        v_dirty := g.dirty * c_row
            + case when not s.by_quality and v_wanted * g.items < c_each * g.dirty * v_left then v_wanted * g.items / v_left * c_row
                   when n.carried then gallery.cost_of_narrowing(g, n, g.dirty / c_rows)
                   else g.dirty / c_rows * g.tag_probe end;
    end if;
    v_read := case when n.carried and cardinality(n.tags) = 1 then least(g.blocks, n.listed) else g.blocks end;
    if s.by_quality then                -- all matches are counted, up to so many that they are no longer fetched and sorted
        v_read := least(v_read, greatest(ceil(gallery.patience() / gallery.chunk_cost() * g.blocks / greatest(v_left, 1)),
                                         gallery.counted_blocks_first()));
        v_then := least(v_left * (gallery.chunk_cost() + g.item_probe),
                        coalesce(g.seed_cost, 0) + g.walk_step * least(v_wanted * g.items / greatest(v_left, 1), g.items));
    else                                -- as far as a page takes, if matches are spread evenly
        v_read := least(v_read, ceil(2 * v_wanted * g.blocks / greatest(v_left, 1)) + 1);
        v_then := least(v_wanted, v_left) * (gallery.chunk_cost() + case when g.tested < 1 then g.item_probe else 0 end);
    end if;
    foreach n in array g.narrowings loop            -- blocks in which nothing is left drop out
        v_containers := v_containers + cardinality(n.tags) * least(v_read, v_met);
        v_met := gallery.meeting(v_met, g, n);
    end loop;
    v_containers := v_containers + v_others * least(v_read, v_met);
    return row('bitmap', v_left, c_statements + v_dirty + v_containers * c_container + v_then, null)::gallery.estimate;
end
$function$;
comment on function gallery.estimate_bitmap(gallery.filter, gallery.scan) is
    'What strategy bitmap would take, and what it lacks if it can''t be taken.';
