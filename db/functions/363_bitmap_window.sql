-- Evaluates a query for a window of blocks in the direction of travel. The first key says which blocks
-- are worth looking at; the others narrow the bits, and the blocks in which nothing is left drop out:
-- the second key alone, for the two rarest together leave little, then all that are left at once.
--
-- The planner settings leave one plan: a probe of the container table a key and block, however wrong
-- its estimates.

create or replace function gallery.bitmap_narrow(c gallery.clause, inout block_nos int[], inout bits bit varying[])
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = 'off' set enable_bitmapscan = 'off' set enable_hashjoin = 'off' set enable_mergejoin = 'off'
set enable_memoize = 'off' set enable_material = 'off'
as $function$
begin
    select array_agg(w.block_no order by w.n), array_agg(w.bits::bit varying order by w.n) into block_nos, bits
    from (select b.block_no, b.n,
                 b.bits & (coalesce(k.must_dense, gallery.no_slots()) | k.must_sparse
                           | case when c.not_keys is null then gallery.no_slots()
                                  else ~ (coalesce(k.not_dense, gallery.no_slots()) | k.not_sparse) end) as bits
          from unnest(block_nos, bits) with ordinality b (block_no, bits, n)
          cross join lateral (
              select bit_or(k.bits) filter (where u.must)              as must_dense,
                     gallery.slots_to_bits(e, 1) filter (where u.must) as must_sparse,
                     bit_or(k.bits) filter (where not u.must)              as not_dense,
                     gallery.slots_to_bits(e, 1) filter (where not u.must) as not_sparse
              from (select true, m.kind, m.key from unnest(c.must_kinds, c.must_keys) m (kind, key)
                    union all
                    select false, m.kind, m.key from unnest(c.not_kinds, c.not_keys) m (kind, key)) u (must, kind, key)
              join gallery.bitmap_container k on k.key = u.key and k.kind = u.kind and k.block_no = b.block_no
              left join lateral unnest(k.slots) e on true) k
          offset 0) w
    where bit_count(w.bits) > 0;
end
$function$;
comment on function gallery.bitmap_narrow(gallery.clause, int[], bit varying[]) is
    'Of some blocks'' bits, those that satisfy a clause; blocks in which none is left are dropped, null if all are.';

create or replace function gallery.bitmap_window(
    q gallery.bitmap_query, r gallery.block_range, descending boolean, blocks int,
    out block_nos int[], out bits bit varying[], out reached int)
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = 'off' set enable_bitmapscan = 'off' set enable_hashjoin = 'off' set enable_mergejoin = 'off'
set enable_sort = 'off' set enable_memoize = 'off' set enable_material = 'off'
as $function$
declare
    v_keys    int := cardinality(q.keys);
    v_n       int;
begin
    if v_keys = 0 then                  -- all blocks
        if descending then
            block_nos := array(select b.block_no from gallery.bitmap_block b
                               where b.block_no between r.first_block and r.last_block
                               order by b.block_no desc limit blocks);
        else
            block_nos := array(select b.block_no from gallery.bitmap_block b
                               where b.block_no between r.first_block and r.last_block
                               order by b.block_no limit blocks);
        end if;
        bits := array_fill(gallery.all_slots(), array[cardinality(block_nos)]);
    elsif descending then               -- those in which the first key occurs
        select array_agg(w.block_no), array_agg(w.bits::bit varying) into block_nos, bits
        from (select k.block_no, coalesce(k.bits, (select gallery.slots_to_bits(e, 1) from unnest(k.slots) e)) as bits
              from gallery.bitmap_container k
              where k.key = q.keys[1] and k.kind = q.kinds[1] and k.block_no between r.first_block and r.last_block
              order by k.key desc, k.kind desc, k.block_no desc limit blocks) w;
    else
        select array_agg(w.block_no), array_agg(w.bits::bit varying) into block_nos, bits
        from (select k.block_no, coalesce(k.bits, (select gallery.slots_to_bits(e, 1) from unnest(k.slots) e)) as bits
              from gallery.bitmap_container k
              where k.key = q.keys[1] and k.kind = q.kinds[1] and k.block_no between r.first_block and r.last_block
              order by k.key, k.kind, k.block_no limit blocks) w;
    end if;
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

    v_n := 2;
    while v_n <= v_keys and block_nos is not null loop
        select array_agg(w.block_no order by w.n), array_agg(w.bits::bit varying order by w.n) into block_nos, bits
        from (select b.block_no, b.n, b.bits & k.bits as bits
              from unnest(block_nos, bits) with ordinality b (block_no, bits, n)
              cross join lateral (
                  select bit_and(coalesce(k.bits, (select gallery.slots_to_bits(e, 1) from unnest(k.slots) e))) as bits,
                         count(*) as keys
                  from generate_series(v_n, case when v_n = 2 then 2 else v_keys end) u
                  join gallery.bitmap_container k
                    on k.key = q.keys[u] and k.kind = q.kinds[u] and k.block_no = b.block_no) k
              where k.keys = case when v_n = 2 then 1 else v_keys - v_n + 1 end
              offset 0) w
        where bit_count(w.bits) > 0;
        v_n := case when v_n = 2 then 3 else v_keys + 1 end;
    end loop;
    for v_clause in 1 .. cardinality(q.clauses) loop
        exit when block_nos is null;
        select w.block_nos, w.bits into block_nos, bits from gallery.bitmap_narrow(q.clauses[v_clause], block_nos, bits) w;
    end loop;
end
$function$;
comment on function gallery.bitmap_window(gallery.bitmap_query, gallery.block_range, boolean, int) is
    'The bits that satisfy a query in the next blocks of a range, null if none do. reached: the last block looked at; null if the range holds none.';
