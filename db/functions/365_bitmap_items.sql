-- From bits to items: takes the first bits of a window, looks up which items stand in their slots,
-- and leaves out those that are dirty.

create or replace function gallery.bitmap_take(
    inout block_nos int[], inout bits bit varying[], descending boolean, wanted int,
    out taken_blocks int[], out taken_slots int[])
language plpgsql immutable
set search_path from current
as $function$
declare
    c_few   constant int := 300;
    v_block int := 0;                   -- so many blocks hold what is wanted,
    v_set   bigint := 0::bigint;              -- and so many bits in all
    v_slots int[];
    b record;
begin
    while v_block < cardinality(block_nos) and v_set < wanted loop
        v_block := v_block + 1;
        v_set := v_set + bit_count(bits[v_block]);
    end loop;
    if v_set <= wanted + c_few then     -- together
        b := gallery.few_bits(block_nos[:v_block], bits[:v_block], descending, wanted);
        taken_blocks := b.block_nos;
        taken_slots := b.slots;
    else                                -- block by block, each only as far as needed
        taken_blocks := '{}';
        taken_slots := '{}';
        for v_n in 1 .. v_block loop
            v_slots := gallery.first_slots(bits[v_n], descending, wanted - cardinality(taken_slots));
            taken_slots := taken_slots || v_slots;
            taken_blocks := taken_blocks || array_fill(block_nos[v_n], array[cardinality(v_slots)]);
        end loop;
    end if;
    if v_set <= wanted then
        block_nos := block_nos[v_block + 1:];
        bits := bits[v_block + 1:];
    else                                -- the last of these blocks has more
        block_nos := block_nos[v_block:];
        bits := bits[v_block:];
        bits[1] := bits[1] & case when descending
            then gallery.all_slots() << (gallery.block_capacity() - taken_slots[cardinality(taken_slots)])
            else gallery.all_slots() >> (taken_slots[cardinality(taken_slots)] + 1) end;
    end if;
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
                   case z.sources[e.at] when 'i' then 'items' else 'auto' end)::gallery.position
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

do $define$
begin
    execute format($template$
        create or replace function gallery.tested(f gallery.filter, places gallery.position[])
        returns gallery.position[]
        language plpgsql stable
        set search_path from current
        set plan_cache_mode = 'force_generic_plan'
        as $function$
        begin
            return array(
                select p
                from unnest(places) p
                cross join lateral (select a.* from content_items_all a
                                    where a.id = p.id and a.source_type = p.source collate "default" offset 0) i
                where %s);
        end
        $function$;
        $template$, gallery.match_attributes_sql());
end
$define$;
comment on function gallery.tested(gallery.filter, gallery.position[]) is
    'Of some places, those whose items'' own rows satisfy the filter.';
