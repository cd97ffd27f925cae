-- The bitmap strategy by quality_score, in whose order the slots do not stand: the matches are counted,
-- and fetched and sorted where they are few, or met on a walk along the sort index where they are many.

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
-- of them (see gallery.scanned_share).
create or replace function gallery.steps_for_bits(g gallery.figures, bits bigint)
returns bigint
language plpgsql immutable
set search_path from current
as $function$
declare
    v_cost  double precision := least(bits, g.items / gallery.chunk_capacity()) * gallery.chunk_cost() + least(bits, g.items * gallery.scanned_share()) * g.item_probe;
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
    v_places gallery.position[] := array[]::gallery.position[];
    v_spent  bigint := 0::bigint;       -- items walked
    v_budget bigint;
    v_walked gallery.stretch;
    v_result record;
begin
    for v_round in 1 .. 2 loop          -- the first of the matches are counted, then all of them
        v_result := gallery.bitmap_result(f, s, case v_round when 1 then gallery.many_matches()::bigint end);
        exit when v_result.total < gallery.many_matches();
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
