-- The numbers of blocks: they leave gaps, so that a block can be split between two others, and are
-- given anew where they run out.

-- In an order in which no block gets a number that another one still has: those that move down one
-- after the other from the lowest, then those that move up from the highest.
create or replace function gallery.renumber_blocks(from_nos int[], to_nos int[])
returns void
language plpgsql
set search_path from current
set enable_nestloop = 'off' set enable_mergejoin = 'off' set jit = 'off'
as $function$
declare
    v_from int;
    v_to   int;
begin
    for v_from, v_to in
        select m.old, m.new from unnest(from_nos, to_nos) m (old, new)
        where m.old <> m.new
        order by m.new > m.old, case when m.new < m.old then m.old else -m.old::bigint end
    loop
        update gallery.bitmap_block b set block_no = v_to where b.block_no = v_from;
        update gallery.bitmap_slot b set block_no = v_to where b.block_no = v_from;
        update gallery.bitmap_container b set block_no = v_to where b.block_no = v_from;
    end loop;
    update gallery.bitmap_item b set block_no = m.new from unnest(from_nos, to_nos) m (old, new) where b.block_no = m.old;
end
$function$;
comment on function gallery.renumber_blocks(int[], int[]) is
    'Gives blocks other numbers in the same order, none of which another block has. Cost: rewrites these blocks, and reads gallery.bitmap_item.';

create or replace function gallery.spread_blocks(gap int)
returns void
language plpgsql
set search_path from current
as $function$
declare
    v_old int[] := array(select b.block_no from gallery.bitmap_block b order by b.block_no);
    v_gap int   := least(gap, 2147483647 / (cardinality(v_old) / 2 + 2));       -- leaves room for one more at either end
begin
    perform gallery.renumber_blocks(v_old,
        array(select (n - cardinality(v_old) / 2) * v_gap from generate_series(1, cardinality(v_old)) n));
end
$function$;
comment on function gallery.spread_blocks(int) is
    'Numbers all blocks anew around zero, a gap apart, or less where they are too many: rewrites the whole index. Needed after sixteen splits in one place at the soonest, or where the numbers run out at an end.';

create or replace function gallery.rebuild_top()
returns int
language sql immutable
return 1073741824;
comment on function gallery.rebuild_top() is
    'A rebuild numbers its blocks downwards from here; newer ones have as much room above.';

create or replace function gallery.block_no_above()
returns int
language plpgsql
set search_path from current
as $function$
begin
    if (select max(b.block_no) from gallery.bitmap_block b) > 2147483647 - gallery.block_gap() then
        perform gallery.spread_blocks(gallery.block_gap());
    end if;
    return (select coalesce(max(b.block_no) + gallery.block_gap(), 0) from gallery.bitmap_block b);
end
$function$;
comment on function gallery.block_no_above() is
    'The number of a new block after all others; where the numbers run out, all blocks get others first.';

create or replace function gallery.block_no_below()
returns int
language plpgsql
set search_path from current
as $function$
begin
    if (select min(b.block_no) from gallery.bitmap_block b) < -2147483648 + gallery.block_gap() then
        perform gallery.spread_blocks(gallery.block_gap());
    end if;
    return (select coalesce(min(b.block_no), gallery.rebuild_top()) - gallery.block_gap() from gallery.bitmap_block b);
end
$function$;
comment on function gallery.block_no_below() is
    'The number of a new block before all others; where the numbers run out, all blocks get others first.';
