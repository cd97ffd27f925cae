-- The bitmap strategy in the order of created_at: a window of blocks at a time, from the position on, up
-- to a full page or the end of the budget. How many blocks are read next follows from what those before gave.

-- Too few blocks cost another round, too many cost reading them. If the rest are as full as those
-- read, half as many more as would do are read next; but never less than all so far, in case they are not.
create or replace function gallery.next_blocks(last int, read int, matches int, wanted bigint)
returns int
language plpgsql immutable
set search_path from current
as $function$
begin
    return case when matches = 0 then least(last * 8, gallery.most_blocks())
                else least(greatest(1.5 * read * (wanted - matches) / matches, read), gallery.most_blocks())::int end;
end
$function$;
comment on function gallery.next_blocks(int, int, int, bigint) is
    'How many blocks to read in the next window, given how many were read in the last one and in all, and how many of the rows wanted these gave.';

create or replace function gallery.blocks_at_first(g gallery.figures, wanted bigint)
returns int
language plpgsql immutable
set search_path from current
as $function$
begin
    return greatest(gallery.least_first_blocks(), least(gallery.most_first_blocks(), ceil(1.25 * wanted * g.blocks / greatest(g.carriers * g.tested, 1)))::int);
end
$function$;
comment on function gallery.blocks_at_first(gallery.figures, bigint) is
    'How many blocks to read in the first window: as many as should do, if the tags are independent and the matches spread evenly.';

create or replace function gallery.bitmap_by_time(f gallery.filter, s gallery.scan, budget double precision)
returns gallery.stretch
language plpgsql stable
set search_path from current
as $function$
declare
    g         gallery.figures := s.figures;
    v_query   gallery.bitmap_query := gallery.bitmap_query(f);
    v_range   gallery.block_range := gallery.bitmap_range(f, s);
    v_tests   boolean := gallery.needs_item_test(f);
    v_dirty   boolean := g.dirty > 0;
    v_blocks  int := gallery.blocks_at_first(g, s.wanted);      -- to be read next,
    v_read    int := 0;                 -- and read so far
    v_batch   int;
    v_found   gallery.stretch := row('{}', true, null, s.lists, s.narrowed, s.counted)::gallery.stretch;
    v_taken   gallery.position[];
    w record;
    t record;
begin
    while cardinality(v_found.places) < s.wanted loop
        w := gallery.bitmap_window(v_query, v_range, s.descending, v_blocks);
        exit when w.reached is null;
        v_range := gallery.range_beyond(v_range, w.reached, s.descending);
        v_batch := least(s.wanted, gallery.most_places())::int;
        while cardinality(w.block_nos) > 0 and cardinality(v_found.places) < s.wanted loop
            if budget < 0 then          -- only where items are tested: else every one of them counts
                v_found.finished := false;
                return v_found;
            end if;
            t := gallery.bitmap_take(w.block_nos, w.bits, s.descending,
                case when v_tests or v_dirty then v_batch else least(s.wanted - cardinality(v_found.places), gallery.most_places())::int end);
            w.block_nos := t.block_nos;
            w.bits := t.bits;
            v_taken := gallery.bitmap_places(t.taken_blocks, t.taken_slots);
            if v_dirty then
                v_taken := gallery.without_dirty(v_taken, g.dirty_ids);
            end if;
            if v_tests and v_taken <> '{}' then     -- not a dirty item's place: it may be a match there
                v_found.reached := v_taken[cardinality(v_taken)];
                budget := budget - cardinality(v_taken) * g.item_probe;
                v_taken := gallery.tested(f, v_taken);
            end if;
            v_found.places := v_found.places || v_taken;
            v_batch := least(v_batch * 2, gallery.most_places());
        end loop;
        v_read := v_read + v_blocks;
        v_blocks := gallery.next_blocks(v_blocks, v_read, cardinality(v_found.places), s.wanted);
    end loop;
    return v_found;
end
$function$;
comment on function gallery.bitmap_by_time(gallery.filter, gallery.scan, double precision) is
    'At least the first wanted matches in the order of created_at that are not dirty: a gapless stretch from the position on, in no order; within a budget for the items that are tested one by one.';
