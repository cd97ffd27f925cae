-- The whole result of a filter as bits: what counts, facets, jumps and sorts by quality start from.

create or replace function gallery.bitmap_result(
    f gallery.filter, s gallery.scan, enough bigint,
    out block_nos int[], out bits bit varying[], out total bigint)
language plpgsql stable
set search_path from current
as $function$
declare
    c_window  constant int := 64;       -- blocks read at a time
    v_window  int := case when enough is null then c_window else 4 end;
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
        v_window := least(v_window * 4, c_window);
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

create or replace function gallery.places_of_bits(block_nos int[], bits bit varying[])
returns setof gallery.position
language plpgsql stable
set search_path from current
as $function$
declare
    c_batch constant int := 4000;
    t record;
begin
    while cardinality(block_nos) > 0 loop
        t := gallery.bitmap_take(block_nos, bits, true, c_batch);
        block_nos := t.block_nos;
        bits := t.bits;
        return query select p.* from unnest(gallery.bitmap_places(t.taken_blocks, t.taken_slots)) p;
    end loop;
end
$function$;
comment on function gallery.places_of_bits(int[], bit varying[]) is
    'The places of the items in all slots set in some blocks, in no order; what work_mem can''t hold of them goes to disk.';

create or replace function gallery.page_of_bits(f gallery.filter, s gallery.scan, block_nos int[], bits bit varying[])
returns gallery.position[]
language plpgsql stable
set search_path from current
set work_mem = '4MB' set hash_mem_multiplier = 1
as $function$
begin
    perform gallery.use_work_mem();
    return array(
        select c
        from (select p.source, array_agg(p.id) as ids
              from gallery.places_of_bits(block_nos, bits) p
              group by p.source) l
        cross join lateral gallery.page_of_candidates(f, s, l.source collate "default", l.ids) c);
end
$function$;
comment on function gallery.page_of_bits(gallery.filter, gallery.scan, int[], bit varying[]) is
    'Of the items in all slots set in some blocks, each source''s first wanted after the scan''s position, in any sort: fetches them all.';

-- Slots share a chunk where many are set. Going through all items takes as long as fetching an eighth
-- of them (see 404_costs.sql).
create or replace function gallery.steps_for_bits(g gallery.figures, bits bigint)
returns bigint
language plpgsql immutable
set search_path from current
as $function$
declare
    c_chunk constant double precision := 3::double precision;    -- buffers touched to learn which items stand in one
    v_cost  double precision := least(bits, g.items / gallery.chunk_capacity()) * c_chunk + least(bits, g.items / 8) * g.item_probe;
begin
    return least(ceil(greatest(v_cost - coalesce(g.seed_cost, 0), 0) / g.walk_step), 1e18)::bigint;
end
$function$;
comment on function gallery.steps_for_bits(gallery.figures, bigint) is
    'How many steps of a walk cost what fetching the items in so many slots does.';

-- Where many match, a page is full soon on the way along the sort index; unless the matches lie far
-- on, as those without a quality do. So the walk may spend what fetching all matches would cost, and
-- what is wanted beyond that is fetched. To begin with it gets what the first matches counted are
-- worth: mostly that is enough, and the others are never counted.
create or replace function gallery.bitmap_by_quality(f gallery.filter, s gallery.scan)
returns gallery.position[]
language plpgsql stable
set search_path from current
as $function$
declare
    c_many   constant int := 3000;      -- fetching so many costs as much as a walk that tests as many
    v_places gallery.position[] := array[]::gallery.position[];
    v_spent  bigint := 0::bigint;       -- items walked
    v_budget bigint;
    v_walked gallery.stretch;
    v_result record;
begin
    for v_round in 1 .. 2 loop          -- the first of the matches are counted, then all of them
        v_result := gallery.bitmap_result(f, s, case v_round when 1 then c_many::bigint end);
        exit when v_result.total < c_many;
        v_budget := gallery.steps_for_bits(s.figures, v_result.total) - v_spent;
        continue when v_budget <= 0;
        s := gallery.seeded(f, s);
        v_walked := gallery.walk(f, s, v_budget);
        v_places := v_places || v_walked.places;
        if (v_walked.reached).id is null then
            return v_places;
        end if;
        s.after := v_walked.reached;
        s.wanted := s.wanted - cardinality(v_walked.places);
        v_spent := v_spent + v_budget;
    end loop;
    return v_places || gallery.page_of_bits(f, s, v_result.block_nos, v_result.bits) || gallery.dirty_matches(f, s, null);
end
$function$;
comment on function gallery.bitmap_by_quality(gallery.filter, gallery.scan) is
    'At least the first wanted matches in the order of quality_score: all fetched and sorted, or where they are many, met on a walk that may cost as much.';
