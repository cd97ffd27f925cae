-- Places in the page order as places in the bitmap index: a filter's dates and a scan's position
-- become a range of blocks, and of slots in the first and the last of them.

drop type if exists gallery.block_range cascade;
create type gallery.block_range as (
    first_block int,                    -- slots from first_slot on
    first_slot  int,
    last_block  int,                    -- slots before last_slot
    last_slot   int
);
comment on type gallery.block_range is 'The slots between two places, in page order.';

create or replace function gallery.bitmap_locate(place gallery.position, after boolean, out block_no int, out slot int)
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan'
as $function$
declare
    z gallery.bitmap_slot;
begin
    select * into z
    from gallery.bitmap_slot b
    where (b.lower_at, b.lower_id, b.lower_source) <= (place.created_at, place.id, place.source)
    order by b.lower_at desc, b.lower_id desc, b.lower_source desc
    limit 1;
    if not found then                   -- before every item
        block_no := -2147483648;
        slot := 0;
        return;
    end if;
    block_no := z.block_no;
    slot := width_bucket(place.created_at, z.created_ats);      -- so many are not later
    while slot > 0 and z.created_ats[slot] = place.created_at
          and (case when after then (z.ids[slot], gallery.source_of(z.sources[slot]) collate "C") > (place.id, place.source)
                    else (z.ids[slot], gallery.source_of(z.sources[slot]) collate "C") >= (place.id, place.source) end) loop
        slot := slot - 1;
    end loop;
    slot := slot + z.chunk * gallery.chunk_capacity();
end
$function$;
comment on function gallery.bitmap_locate(gallery.position, boolean) is
    'The first slot at or after a place (or strictly after it), as a block and a slot number, which may be the block''s end.';

create or replace function gallery.bitmap_range(f gallery.filter, s gallery.scan)
returns gallery.block_range
language plpgsql stable
set search_path from current
as $function$
declare
    v_low   gallery.position;           -- exclusive: (t, least id, '') lies just before every item of t
    v_high  gallery.position;
    v_range gallery.block_range := row(-2147483648, 0, 2147483647, 0);
    l       record;
begin
    if f.created_from is not null then
        v_low := row(false, f.created_from, null::double precision, -9223372036854775808, '');
    end if;
    if f.created_before is not null then
        v_high := row(false, f.created_before, null::double precision, -9223372036854775808, '');
    end if;
    if s.descending and not s.by_quality then
        v_high := least(v_high, s.after);
    elsif not s.by_quality then
        v_low := greatest(v_low, s.after);
    end if;
    if not v_low is null then             -- as a row: IS NOT NULL would ask for every field
        l := gallery.bitmap_locate(v_low, true);
        v_range.first_block := l.block_no;
        v_range.first_slot := l.slot;
    end if;
    if not v_high is null then
        l := gallery.bitmap_locate(v_high, false);
        v_range.last_block := l.block_no;
        v_range.last_slot := l.slot;
    end if;
    return v_range;
end
$function$;
comment on function gallery.bitmap_range(gallery.filter, gallery.scan) is
    'The slots that lie in the filter''s dates and after the scan''s position.';

create or replace function gallery.range_beyond(r gallery.block_range, reached int, descending boolean)
returns gallery.block_range
language plpgsql immutable
set search_path from current
as $function$
begin
    if descending then
        r.last_block := reached - 1;
        r.last_slot := gallery.block_capacity();
    else
        r.first_block := reached + 1;
        r.first_slot := 0;
    end if;
    return r;
end
$function$;
comment on function gallery.range_beyond(gallery.block_range, int, boolean) is
    'What is left of a range when the blocks up to one have been read.';
