-- Containers of some blocks, ANDed. The planner settings leave one plan, however wrong its estimates: a
-- probe of the container table a key and block, or, where many blocks are left, one stretch of its
-- index a key.

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
              left join lateral unnest(k.slots) e on true
              having count(*) > 0 or c.not_keys is not null) k
          offset 0) w
    where bit_count(w.bits) > 0;
end
$function$;
comment on function gallery.bitmap_narrow(gallery.clause, int[], bit varying[]) is
    'Of some blocks'' bits, those that satisfy a clause; blocks in which none is left are dropped, null if all are.';

create or replace function gallery.bitmap_and_probing(
    q gallery.bitmap_query, first int, last int, inout block_nos int[], inout bits bit varying[])
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = 'off' set enable_bitmapscan = 'off' set enable_hashjoin = 'off' set enable_mergejoin = 'off'
set enable_memoize = 'off' set enable_material = 'off'
as $function$
begin
    select array_agg(w.block_no order by w.n), array_agg(w.bits::bit varying order by w.n) into block_nos, bits
    from (select b.block_no, b.n, b.bits & k.bits as bits
          from unnest(block_nos, bits) with ordinality b (block_no, bits, n)
          cross join lateral (
              select bit_and(coalesce(k.bits, (select gallery.slots_to_bits(e, 1) from unnest(k.slots) e))) as bits,
                     count(*) as keys
              from generate_series(first, last) u
              join gallery.bitmap_container k on k.key = q.keys[u] and k.kind = q.kinds[u] and k.block_no = b.block_no) k
          where k.keys = last - first + 1
          offset 0) w
    where bit_count(w.bits) > 0;
end
$function$;
comment on function gallery.bitmap_and_probing(gallery.bitmap_query, int, int, int[], bit varying[]) is
    'Of some blocks'' bits, those that the query''s keys from first to last have too; blocks in which none is left are dropped, null if all are. Cost: a probe a key and block.';

create or replace function gallery.bitmap_and_scanning(
    q gallery.bitmap_query, first int, last int, inout block_nos int[], inout bits bit varying[])
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = 'off' set enable_bitmapscan = 'off' set enable_hashjoin = 'on' set enable_mergejoin = 'off'
set enable_memoize = 'off' set enable_material = 'off'
as $function$
begin
    select array_agg(w.block_no order by w.n), array_agg(w.bits::bit varying order by w.n) into block_nos, bits
    from (select b.block_no, b.n, b.bits & k.shared as bits
          from (select s.block_no, bit_and(coalesce(s.bits, (select gallery.slots_to_bits(e, 1) from unnest(s.slots) e))) as shared
                from generate_series(first, last) u
                cross join lateral (
                    select k.block_no, k.bits, k.slots
                    from gallery.bitmap_container k
                    where k.key = q.keys[u] and k.kind = q.kinds[u]
                      and k.block_no between least(block_nos[1], block_nos[cardinality(block_nos)])
                                         and greatest(block_nos[1], block_nos[cardinality(block_nos)])
                    offset 0) s
                group by s.block_no
                having count(*) = last - first + 1) k
          join unnest(block_nos, bits) with ordinality b (block_no, bits, n) using (block_no)
          offset 0) w
    where bit_count(w.bits) > 0;
end
$function$;
comment on function gallery.bitmap_and_scanning(gallery.bitmap_query, int, int, int[], bit varying[]) is
    'The same as bitmap_and_probing. Cost: for each key one stretch of the index, of all blocks between the first and the last.';

do $define$
declare
    v_way record;
begin
    for v_way in select * from (values ('desc', ' desc'), ('asc', '')) way (direction, travel) loop
        execute format($template$
            create or replace function gallery.first_blocks_%1$s(
                q gallery.bitmap_query, r gallery.block_range, blocks int, last int, out block_nos int[], out bits bit varying[])
            language plpgsql stable
            set search_path from current
            set plan_cache_mode = 'force_generic_plan'
            set enable_seqscan = 'off' set enable_bitmapscan = 'off' set enable_hashjoin = 'off' set enable_mergejoin = 'off'
            set enable_sort = 'off' set enable_memoize = 'off' set enable_material = 'off'
            as $function$
            begin
                if cardinality(q.keys) = 0 then
                    block_nos := array(select b.block_no from gallery.bitmap_block b
                                       where b.block_no between r.first_block and r.last_block
                                       order by b.block_no%2$s limit blocks);
                    bits := array_fill(gallery.all_slots(), array[cardinality(block_nos)]);
                    return;
                end if;
                select array_agg(w.block_no order by w.block_no%2$s), array_agg(w.bits::bit varying order by w.block_no%2$s) into block_nos, bits
                from (select f.block_no,
                             case when last = 1 then f.bits
                                  when o.keys = last - 1 then f.bits & o.shared
                                  else gallery.no_slots() end as bits
                      from (select k.block_no, coalesce(k.bits, (select gallery.slots_to_bits(e, 1) from unnest(k.slots) e)) as bits
                            from gallery.bitmap_container k
                            where k.key = q.keys[1] and k.kind = q.kinds[1] and k.block_no between r.first_block and r.last_block
                            order by k.key%2$s, k.kind%2$s, k.block_no%2$s limit blocks) f
                      cross join lateral (
                          select bit_and(coalesce(k.bits, (select gallery.slots_to_bits(e, 1) from unnest(k.slots) e))) as shared,
                                 count(*) as keys
                          from generate_series(2, last) u
                          join gallery.bitmap_container k on k.key = q.keys[u] and k.kind = q.kinds[u] and k.block_no = f.block_no
                          where last > 1      -- told once, not by a series of none
                          offset 0) o) w;
            end
            $function$;
            comment on function gallery.first_blocks_%1$s(gallery.bitmap_query, gallery.block_range, int, int) is
                'The next blocks of a range in which the query''s first key occurs, or all if it has none, and the bits that have its keys up to the last one asked for; travelling %1$s. Null, or empty, if there are none.';
            $template$, v_way.direction, v_way.travel);
    end loop;
end
$define$;
