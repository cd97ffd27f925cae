-- The bitmap index's constants, and bits: slot n of a block is bit n of its containers, counted
-- from the left. Slots stand in page order, so the oldest item of a block is bit 0.

create or replace function gallery.block_capacity()
returns int
language sql immutable parallel safe
return 15360;
comment on function gallery.block_capacity() is
    'Slots in a block of the bitmap index. 15360 bits and their row head leave room for four containers on a page of 8 kB; twice as many were measured side by side, and were no faster and took more room. Changing it, to a multiple of 8, needs a new index.';

create or replace function gallery.chunk_capacity()
returns int
language sql immutable parallel safe
return 384;
comment on function gallery.chunk_capacity() is
    'Slots in a row of gallery.bitmap_slot: as many as fit on a page.';

create or replace function gallery.sparse_limit()
returns int
language sql immutable parallel safe
return 128;
comment on function gallery.sparse_limit() is
    'A container of at most so many slots is stored as an array. Few enough that turning it into bits, a copy of the bit string a slot, costs a few microseconds.';

create or replace function gallery.all_slots()
returns bit varying
language sql immutable parallel safe
return repeat('1', gallery.block_capacity())::bit varying;
comment on function gallery.all_slots() is 'A block''s bits, all set.';

create or replace function gallery.no_slots()
returns bit varying
language sql immutable parallel safe
return repeat('0', gallery.block_capacity())::bit varying;
comment on function gallery.no_slots() is 'A block''s bits, none set.';

do $define$
begin
    execute format($template$
        create or replace aggregate gallery.slots_to_bits(int, int) (
            sfunc = set_bit, stype = bit, initcond = %L, parallel = safe);
        $template$, 'x' || repeat('0', gallery.block_capacity() / 4));      -- it is read at every use: in hexadecimal, soonest
end
$define$;
comment on aggregate gallery.slots_to_bits(int, int) is
    'A block''s bits with some set: slots_to_bits(slot, 1).';

create or replace function gallery.count_bits(bits bit varying[])
returns bigint
language plpgsql immutable
set search_path from current
as $function$
begin
    return (select sum(bit_count(b))::bigint from unnest(bits) b);
end
$function$;
comment on function gallery.count_bits(bit varying[]) is 'How many bits are set in some blocks; null if there are none.';

create or replace function gallery.bits_to_slots(bits bit varying)
returns int[]
language plpgsql immutable
set search_path from current
as $function$
begin
    -- cut at the ones: what lies between them is counted, not looked at bit by bit
    return (
        select array_agg(s.slot order by s.slot)
        from (select (sum(length(w.zeros) + 1) over (order by w.n))::int - 1 as slot
              from unnest(string_to_array(bits::text, '1')) with ordinality w (zeros, n)) s
        where s.slot < length(bits)
    );
end
$function$;
comment on function gallery.bits_to_slots(bit varying) is
    'Which bits are set, ascending; null if none. Cost: some 40 µs a block and 0.5 µs a bit set.';

create or replace function gallery.slot_of_bit(bits bit varying, n bigint)
returns int
language plpgsql immutable
set search_path from current
as $function$
declare
    v_from int := 0;                    -- it is one of these slots
    v_to   int := length(bits);
    v_mid  int;
    v_set  bigint;
begin
    while v_to - v_from > 1 loop
        v_mid := (v_from + v_to) / 2;
        v_set := bit_count(substring(bits from v_from + 1 for v_mid - v_from));
        if n < v_set then
            v_to := v_mid;
        else
            n := n - v_set;
            v_from := v_mid;
        end if;
    end loop;
    return v_from;
end
$function$;
comment on function gallery.slot_of_bit(bit varying, bigint) is
    'The slot of the n-th bit set (the first is 0), which there must be: found by halving.';

create or replace function gallery.few_bits(
    inout block_nos int[], bits bit varying[], descending boolean, wanted int, out slots int[])
language plpgsql immutable
set search_path from current
set plan_cache_mode = 'force_generic_plan'
as $function$
declare
    c_section constant int := 512;
begin
    -- most sections hold nothing, and are told by their bit count
    select array_agg(s.block_no order by s.n, case when descending then -s.slot else s.slot end),
           array_agg(s.slot order by s.n, case when descending then -s.slot else s.slot end)
    into block_nos, slots
    from (select b.n, b.block_no, v.at + w.slot as slot
          from unnest(block_nos, bits) with ordinality b (block_no, bits, n)
          cross join lateral (
              select o.at, substring(b.bits from o.at + 1 for c_section) as bits
              from generate_series(0, length(b.bits) - 1, c_section) o (at)
              where bit_count(substring(b.bits from o.at + 1 for c_section)) > 0 offset 0) v
          cross join lateral (
              select (sum(length(z.zeros) + 1) over (order by z.n))::int - 1 as slot
              from unnest(string_to_array(v.bits::text, '1')) with ordinality z (zeros, n)) w
          where w.slot < length(v.bits)) s;
    block_nos := block_nos[:wanted];
    slots := slots[:wanted];
end
$function$;
comment on function gallery.few_bits(int[], bit varying[], boolean, int) is
    'The first wanted bits set in some blocks, in the order of the blocks and the direction of travel: for blocks in which not many are set.';

create or replace function gallery.first_slots(bits bit varying, descending boolean, wanted int)
returns int[]
language plpgsql immutable
set search_path from current
as $function$
declare
    v_set    int := bit_count(bits)::int;
    v_size   int := length(bits);
    v_step   int;
    v_from   int;
    v_part   bit varying;
    v_slots  int[] := array[]::int[];
begin
    if v_set = 0 or wanted <= 0 then
        return v_slots;
    end if;
    -- sections that hold about twice what is wanted, if the bits are spread evenly
    v_step := greatest(64, least(v_size, 2 * wanted * (v_size / v_set)) / 8 * 8);
    for v_section in 0 .. (v_size - 1) / v_step loop
        v_from := case when descending then greatest(0, v_size - (v_section + 1) * v_step) else v_section * v_step end;
        v_part := substring(bits from v_from + 1
                            for case when descending then v_size - v_section * v_step - v_from else v_step end);
        continue when bit_count(v_part) = 0;
        v_slots := v_slots || array(select v_from + f from unnest(gallery.bits_to_slots(v_part)) f
                                    order by case when descending then -f else f end);
        exit when cardinality(v_slots) >= wanted;
    end loop;
    return v_slots[:wanted];
end
$function$;
comment on function gallery.first_slots(bit varying, boolean, int) is
    'The first wanted of the bits set, from the right (descending) or the left.';
