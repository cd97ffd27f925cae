-- From bits to items: takes the first bits of a window, and looks up which items stand in their slots.

create or replace function gallery.bitmap_take(
    inout block_nos int[], inout bits bit varying[], descending boolean, wanted int,
    out taken_blocks int[], out taken_slots int[])
language plpgsql immutable
set search_path from current
as $function$
declare
    v_block int := 0;                   -- so many blocks hold what is wanted,
    v_set   bigint := 0::bigint;              -- and so many bits in all
    v_more  bigint;
    v_mask  bit varying;
    v_rest  bit varying;                -- of the last block
    v_slot  int;
    b record;
begin
    while v_block < cardinality(block_nos) and v_set < wanted loop
        v_block := v_block + 1;
        v_set := v_set + bit_count(bits[v_block]);
    end loop;
    v_more := v_set - wanted;
    if v_more > 0 then
        v_slot := gallery.slot_of_bit(bits[v_block], case when descending then v_more else bit_count(bits[v_block]) - v_more - 1 end);
        v_mask := case when descending then gallery.all_slots() >> v_slot
                       else gallery.all_slots() << (gallery.block_capacity() - v_slot - 1) end;
        v_rest := bits[v_block] & ~ v_mask;
        bits[v_block] := bits[v_block] & v_mask;
    end if;
    b := gallery.all_bits(block_nos[:v_block], bits[:v_block], descending);
    taken_blocks := coalesce(b.block_nos, '{}');
    taken_slots := coalesce(b.slots, '{}');
    if v_more > 0 then
        bits[v_block] := v_rest;
        v_block := v_block - 1;
    end if;
    block_nos := block_nos[v_block + 1:];
    bits := bits[v_block + 1:];
end
$function$;
comment on function gallery.bitmap_take(int[], bit varying[], boolean, int) is
    'The first wanted bits of a window, and what is left of it.';

create or replace function gallery.bitmap_places(block_nos int[], slots int[])
returns gallery.position[]
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan' set enable_hashjoin = 'off' set enable_mergejoin = 'off' set enable_seqscan = 'off'
as $function$
begin
    return array(
        select row(false, z.created_ats[e.at], null, z.ids[e.at],
                   gallery.source_of(z.sources[e.at]))::gallery.position
        from (select t.block_no, (t.slot / gallery.chunk_capacity())::smallint as chunk,
                     array_agg(t.slot % gallery.chunk_capacity() + 1) as ats, array_agg(t.n) as ns
              from unnest(block_nos, slots) with ordinality t (block_no, slot, n)
              group by 1, 2) c
        join gallery.bitmap_slot z using (block_no, chunk)
        cross join lateral unnest(c.ats, c.ns) e (at, n)
        order by e.n);
end
$function$;
comment on function gallery.bitmap_places(int[], int[]) is
    'The places of the items in some slots, in the order of these. Cost: a row a chunk of slots.';

create or replace function gallery.places_of_bits(block_nos int[], bits bit varying[])
returns setof gallery.position
language plpgsql stable
set search_path from current
as $function$
declare
    t record;
begin
    while cardinality(block_nos) > 0 loop
        t := gallery.bitmap_take(block_nos, bits, true, gallery.most_places());
        block_nos := t.block_nos;
        bits := t.bits;
        return query select p.* from unnest(gallery.bitmap_places(t.taken_blocks, t.taken_slots)) p;
    end loop;
end
$function$;
comment on function gallery.places_of_bits(int[], bit varying[]) is
    'The places of the items in all slots set in some blocks, in no order; what work_mem can''t hold of them goes to disk.';
