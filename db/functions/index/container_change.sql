-- Changes bits in place: of containers, and of the statistics with them.

create or replace function gallery.container_change(
    inout bits bit varying, inout slots smallint[], sets int[], clears int[], out cardinality int)
language plpgsql immutable
set search_path from current
as $function$
begin
    if bits is null then
        slots := array(select e from (select unnest(slots)::int union select unnest(sets)) u (e)
                       where clears is null or e <> all (clears) order by e);
        cardinality := cardinality(slots);
        if cardinality > gallery.sparse_limit() then
            bits := (select gallery.slots_to_bits(e, 1) from unnest(slots) e);
            slots := null;
        end if;
    else
        bits := (bits | (select gallery.slots_to_bits(e, 1) from unnest(sets) e))
                & ~ (select gallery.slots_to_bits(e, 1) from unnest(clears) e);
        cardinality := bit_count(bits)::int;
        if cardinality <= gallery.sparse_limit() / 2 then   -- half the limit: not back and forth at each change
            slots := coalesce(gallery.bits_to_slots(bits), '{}');
            bits := null;
        end if;
    end if;
end
$function$;
comment on function gallery.container_change(bit varying, smallint[], int[], int[]) is
    'A container''s bits with some set and some cleared, in the form that suits their number.';

-- What is asked for may be so already: only bits that really change are written and counted.
create or replace function gallery.change_bits(
    kinds smallint[], keys uuid[], block_nos int[], slots int[], sources text[], present boolean[])
returns void
language plpgsql
set search_path from current
set enable_hashjoin = 'off' set enable_mergejoin = 'off' set enable_seqscan = 'off'
set jit = 'off'
as $function$
declare
    v_tags    uuid[];
    v_sources text[];
    v_counts  bigint[];
begin
    with change as materialized (
        select u.kind, u.key, u.block_no, u.slot, u.source, u.present
        from unnest(kinds, keys, block_nos, slots, sources, present) u (kind, key, block_no, slot, source, present)
        left join gallery.bitmap_container k using (key, kind, block_no)
        where u.present <> coalesce(case when k.bits is not null then get_bit(k.bits, u.slot) = 1
                                         else u.slot = any (k.slots) end, false)
    ),
    changed as (
        select c.kind, c.key, c.block_no,
               array_agg(c.slot) filter (where c.present) as sets,
               array_agg(c.slot) filter (where not c.present) as clears
        from change c
        group by 1, 2, 3
    ),
    written as (
        insert into gallery.bitmap_container as k (key, block_no, kind, cardinality, bits, slots)
        select c.key, c.block_no, c.kind, n.cardinality, n.bits, n.slots
        from changed c
        left join gallery.bitmap_container o using (key, kind, block_no)
        cross join lateral gallery.container_change(o.bits, coalesce(o.slots, case when o.bits is null then '{}'::smallint[] end), c.sets, c.clears) n
        on conflict (key, kind, block_no) do update
        set cardinality = excluded.cardinality, bits = excluded.bits, slots = excluded.slots
    )
    select array_agg(s.key), array_agg(s.source), array_agg(s.count) into v_tags, v_sources, v_counts
    from (select c.key, c.source, sum(case when c.present then 1 else -1 end) as count
          from change c where c.kind = gallery.kind_tag() group by 1, 2) s;

    delete from gallery.bitmap_container k
    using (select distinct u.kind, u.key, u.block_no
           from unnest(kinds, keys, block_nos, present) u (kind, key, block_no, present) where not u.present) u
    where k.key = u.key and k.kind = u.kind and k.block_no = u.block_no and k.cardinality = 0;
    perform gallery.add_to_counts(v_tags, v_sources, v_counts);
end
$function$;
comment on function gallery.change_bits(smallint[], uuid[], int[], int[], text[], boolean[]) is
    'Sets or clears bits: of a key in a slot of a block, each given once.';

revoke execute on function gallery.change_bits(smallint[], uuid[], int[], int[], text[], boolean[]) from public;
