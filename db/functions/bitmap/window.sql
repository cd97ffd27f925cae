-- Evaluates a query for a window of blocks in the direction of travel. The first key says which blocks
-- are worth looking at; the others narrow the bits. In a wide window the blocks in which nothing is
-- left drop out: the second key alone, for the two rarest together leave little; then, where so little is left that
-- each further key empties blocks, one after the other; else all that are left at once.
--
-- The planner settings leave one plan, however wrong its estimates: a probe of the container table a
-- key and block, or, where many blocks are left, one stretch of its index a key.

-- A wide window passes some hundred kB from one step to the next. The C library gives memory back to the
-- system as soon as so much is free, and half the time would go to fetching it anew, page by page; glibc
-- keeps twice as much as the largest piece that it once got back.
create or replace function gallery.keep_memory()
returns int
language sql immutable parallel safe
return length(repeat(' ', 4 * 1024 * 1024));
comment on function gallery.keep_memory() is
    'Gets and frees a piece of memory when a statement with it is planned, once a session: what is freed after that is kept for the next step.';

create or replace function gallery.bitmap_window(
    q gallery.bitmap_query, r gallery.block_range, descending boolean, blocks int,
    out block_nos int[], out bits bit varying[], out reached int)
language plpgsql stable
set search_path from current
as $function$
declare
    v_keys int := cardinality(q.keys);
    v_n    int;
    v_last int := case when blocks < gallery.wide_window() then v_keys else 1 end;     -- the last key that is done with
    v_span int;
    v_left int;
    v_step record;
begin
    if blocks >= gallery.wide_window() then
        perform gallery.keep_memory();
    end if;
    if descending then
        v_step := gallery.first_blocks_desc(q, r, blocks, v_last);
    else
        v_step := gallery.first_blocks_asc(q, r, blocks, v_last);
    end if;
    block_nos := v_step.block_nos;
    bits := v_step.bits;
    reached := block_nos[cardinality(block_nos)];
    if reached is null then
        return;
    end if;

    v_n := array_position(block_nos, r.first_block);
    if v_n is not null and r.first_slot > 0 then
        bits[v_n] := bits[v_n] & (gallery.all_slots() >> r.first_slot);
    end if;
    v_n := array_position(block_nos, r.last_block);
    if v_n is not null then
        bits[v_n] := bits[v_n] & (gallery.all_slots() << (gallery.block_capacity() - r.last_slot));
    end if;

    v_span := cardinality(block_nos);
    v_n := greatest(v_last, 1) + 1;
    while v_n <= v_keys and block_nos is not null loop
        v_left := cardinality(block_nos);
        v_last := case when v_n = 2 or v_left >= gallery.wide_window() and gallery.count_bits(bits) < gallery.few_bits() * v_left then v_n else v_keys end;
        if v_left >= gallery.wide_window() and 3 * v_left > v_span then
            v_step := gallery.bitmap_and_scanning(q, v_n, v_last, block_nos, bits);
        else
            v_step := gallery.bitmap_and_probing(q, v_n, v_last, block_nos, bits);
        end if;
        block_nos := v_step.block_nos;
        bits := v_step.bits;
        v_n := v_last + 1;
    end loop;
    for v_clause in 1 .. cardinality(q.clauses) loop
        exit when block_nos is null;
        v_step := gallery.bitmap_narrow(q.clauses[v_clause], block_nos, bits);
        block_nos := v_step.block_nos;
        bits := v_step.bits;
    end loop;
end
$function$;
comment on function gallery.bitmap_window(gallery.bitmap_query, gallery.block_range, boolean, int) is
    'The bits that satisfy a query in the next blocks of a range, null (or none set) if none do. reached: the last block looked at; null if the range holds none.';
