-- Rebuilds a block from the tables, splitting it where it has become too full.

create or replace function gallery.rebuild_block(p_block_no int)
returns void
language plpgsql
set search_path from current
as $function$
declare
    v_block   gallery.bitmap_block;
    v_lower   gallery.position;
    v_upper   gallery.position := gallery.last_place();
    v_above   gallery.bitmap_block;
    v_next    int;
    v_items   record;
    v_built   int[] := array[]::int[];
    v_parts   int;
    v_old     record;
    v_new     record;
    v_from    int;
    v_to      int;
begin
    select * into v_block from gallery.bitmap_block b where b.block_no = p_block_no;
    v_lower := row(false, v_block.lower_at, null::double precision, v_block.lower_id, v_block.lower_source);
    select * into v_above from gallery.bitmap_block b where b.block_no > p_block_no order by b.block_no limit 1;
    if found then
        v_next := v_above.block_no;
        v_upper := row(false, v_above.lower_at, null::double precision, v_above.lower_id, v_above.lower_source);
    end if;

    select * into v_old from gallery.block_tags(array[p_block_no]);
    perform gallery.remove_block(p_block_no);
    select * into v_items
    from gallery.items_to_index(v_lower, v_upper, 9223372036854775806);
    v_items.ids := coalesce(v_items.ids, '{}');
    v_parts := greatest(1, (cardinality(v_items.ids) + gallery.block_capacity() - 1) / gallery.block_capacity());
    if v_next::bigint - p_block_no <= v_parts then
        perform gallery.spread_blocks(greatest(gallery.block_gap(), v_parts + 1));
        v_next := (select b.block_no from gallery.bitmap_block b
                   where (b.lower_at, b.lower_id, b.lower_source) = (v_upper.created_at, v_upper.id, v_upper.source));
        p_block_no := (select coalesce(max(b.block_no), v_next - greatest(gallery.block_gap(), v_parts + 1)) + 1
                       from gallery.bitmap_block b where b.block_no < v_next);          -- all of the gap before the next block
    elsif v_next is null and p_block_no > 2147483647 - v_parts::bigint * gallery.block_gap() then
        perform gallery.spread_blocks(gallery.block_gap());
        p_block_no := gallery.block_no_above();
    end if;
    for v_part in 0 .. v_parts - 1 loop
        v_from := (v_part::bigint * cardinality(v_items.ids) / v_parts)::int + 1;
        v_to   := ((v_part + 1)::bigint * cardinality(v_items.ids) / v_parts)::int;
        v_built := v_built || p_block_no + case when v_next is null then v_part * gallery.block_gap()
                                                else (v_part::bigint * (v_next::bigint - p_block_no) / v_parts)::int end;
        perform gallery.build_block(
            v_built[v_part + 1],
            case when v_part = 0 then v_lower
                 else row(false, v_items.created_ats[v_from], null, v_items.ids[v_from], v_items.sources[v_from])::gallery.position end,
            v_items.ids[v_from:v_to], v_items.sources[v_from:v_to], v_items.created_ats[v_from:v_to]);
    end loop;
    select * into v_new from gallery.block_tags(v_built);
    perform gallery.add_difference_to_counts(v_old.tag_ids, v_old.sources, v_old.counts, v_new.tag_ids, v_new.sources, v_new.counts);
end
$function$;
comment on function gallery.rebuild_block(int) is
    'Builds a block anew from the tables, with all items that belong into it now, as so many blocks as they need.';

revoke execute on function
    gallery.renumber_blocks(int[], int[]), gallery.spread_blocks(int), gallery.block_no_above(), gallery.block_no_below(),
    gallery.rebuild_block(int)
from public;
