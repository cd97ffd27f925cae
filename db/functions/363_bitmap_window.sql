-- Evaluates clauses for a window of blocks in the direction of travel. The first clause says which
-- blocks are worth looking at; each further one narrows the bits, and drops the blocks in which
-- nothing is left. The planner settings leave one plan: a probe of the container table a key and
-- block, however wrong its estimates.

create or replace function gallery.bitmap_seed(
    c gallery.clause, r gallery.block_range, descending boolean, blocks int,
    out block_nos int[], out bits bit varying[], out reached int)
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = 'off' set enable_bitmapscan = 'off' set enable_sort = 'off'
as $function$
begin
    if cardinality(c.must_keys) = 1 and c.not_keys is null then     -- the blocks in which the key occurs
        if descending then
            select array_agg(w.block_no), array_agg(w.bits) into block_nos, bits
            from (select k.block_no, coalesce(k.bits, (select gallery.slots_to_bits(e, 1) from unnest(k.slots) e)) as bits
                  from gallery.bitmap_container k
                  where k.key = c.must_keys[1] and k.kind = c.must_kinds[1]
                    and k.block_no between r.first_block and r.last_block
                  order by k.key desc, k.kind desc, k.block_no desc limit blocks) w;
        else
            select array_agg(w.block_no), array_agg(w.bits) into block_nos, bits
            from (select k.block_no, coalesce(k.bits, (select gallery.slots_to_bits(e, 1) from unnest(k.slots) e)) as bits
                  from gallery.bitmap_container k
                  where k.key = c.must_keys[1] and k.kind = c.must_kinds[1]
                    and k.block_no between r.first_block and r.last_block
                  order by k.key, k.kind, k.block_no limit blocks) w;
        end if;
    else                                                            -- all blocks
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
    end if;
    reached := block_nos[cardinality(block_nos)];
end
$function$;
comment on function gallery.bitmap_seed(gallery.clause, gallery.block_range, boolean, int) is
    'The next blocks of a range in which a clause of one key holds somewhere, with its bits; all blocks for any other clause. reached: the last of them, null where the range is exhausted.';

create or replace function gallery.bitmap_narrow(c gallery.clause, inout block_nos int[], inout bits bit varying[])
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = 'off' set enable_bitmapscan = 'off' set enable_hashjoin = 'off' set enable_mergejoin = 'off'
set enable_memoize = 'off' set enable_material = 'off'
as $function$
begin
    if cardinality(c.must_keys) = 1 and c.not_keys is null then
        select array_agg(w.block_no order by w.n), array_agg(w.bits order by w.n) into block_nos, bits
        from (select b.block_no, b.n,
                     b.bits & coalesce(k.bits, (select gallery.slots_to_bits(e, 1) from unnest(k.slots) e)) as bits
              from unnest(block_nos, bits) with ordinality b (block_no, bits, n)
              join gallery.bitmap_container k
                on k.key = c.must_keys[1] and k.kind = c.must_kinds[1] and k.block_no = b.block_no
              offset 0) w
        where bit_count(w.bits) > 0;
    else
        select array_agg(w.block_no order by w.n), array_agg(w.bits order by w.n) into block_nos, bits
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
    end if;
end
$function$;
comment on function gallery.bitmap_narrow(gallery.clause, int[], bit varying[]) is
    'Of some blocks'' bits, those that satisfy one more clause; blocks in which none is left are dropped, null if all are.';

create or replace function gallery.bitmap_window(
    clauses gallery.clause[], inout r gallery.block_range, descending boolean, blocks int,
    out block_nos int[], out bits bit varying[], out exhausted boolean)
language plpgsql stable
set search_path from current
as $function$
declare
    v_reached int;
    v_n       int;
begin
    select w.block_nos, w.bits, w.reached into block_nos, bits, v_reached
    from gallery.bitmap_seed(clauses[1], r, descending, blocks) w;
    exhausted := v_reached is null;
    if exhausted then
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
    for v_clause in case when cardinality(clauses[1].must_keys) = 1 and clauses[1].not_keys is null then 2 else 1 end
                    .. cardinality(clauses) loop
        exit when block_nos is null;
        select w.block_nos, w.bits into block_nos, bits from gallery.bitmap_narrow(clauses[v_clause], block_nos, bits) w;
    end loop;
    if descending then
        r.last_block := v_reached - 1;
        r.last_slot := gallery.block_capacity();
    else
        r.first_block := v_reached + 1;
        r.first_slot := 0;
    end if;
end
$function$;
comment on function gallery.bitmap_window(gallery.clause[], gallery.block_range, boolean, int) is
    'The bits that satisfy all clauses in the next blocks of a range (null if none do), and the range that is left; exhausted: there were no more blocks.';
