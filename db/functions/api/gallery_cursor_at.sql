-- gallery_cursor_at: the cursor that makes gallery_page start at a rank.

create or replace function gallery.bits_before(
    block_nos int[], bits bit varying[], place gallery.position, descending boolean)
returns bigint
language plpgsql stable
set search_path from current
as $function$
declare
    v_at record;
begin
    v_at := gallery.bitmap_locate(place, descending);
    return (
        select (coalesce(sum(bit_count(case
            when b.block_no <> v_at.block_no then b.bits
            when descending then b.bits & (gallery.all_slots() >> v_at.slot)
            else b.bits & (gallery.all_slots() << (gallery.block_capacity() - v_at.slot)) end)), 0))::bigint
        from unnest(block_nos, bits) b (block_no, bits)
        where case when descending then b.block_no >= v_at.block_no else b.block_no <= v_at.block_no end);
end
$function$;
comment on function gallery.bits_before(int[], bit varying[], gallery.position, boolean) is
    'How many bits stand before a place, in the direction of travel.';

create or replace function gallery.bit_at(block_nos int[], bits bit varying[], descending boolean, rank bigint)
returns gallery.position
language plpgsql stable
set search_path from current
as $function$
declare
    v_left bigint := rank;
    v_set  bigint;
begin
    for v_n in 1 .. coalesce(cardinality(block_nos), 0) loop
        v_set := bit_count(bits[v_n]);
        if v_left < v_set then
            return (gallery.bitmap_places(block_nos[v_n:v_n], array[
                gallery.slot_of_bit(bits[v_n], case when descending then v_set - 1 - v_left else v_left end)]))[1];
        end if;
        v_left := v_left - v_set;
    end loop;
    return null;
end
$function$;
comment on function gallery.bit_at(int[], bit varying[], boolean, bigint) is
    'The place of the rank-th bit (the first is 0) in the direction of travel; null if there are not so many.';

create or replace function gallery.bitmap_place_at(f gallery.filter, s gallery.scan, rank bigint)
returns gallery.position
language plpgsql stable
set search_path from current
as $function$
declare
    v_result record;
    v_dirty  gallery.position[];
    v_low    int := 0;                  -- so many dirty matches surely stand at or before the rank
    v_high   int;
    v_mid    int;
    v_at     bigint;
begin
    v_result := gallery.bitmap_result(f, s, rank + 1);           -- no further than where the rank must lie
    s.wanted := 2147483647;
    v_dirty := gallery.in_page_order(gallery.dirty_matches(f, s, null), s);
    v_high := cardinality(v_dirty);
    if rank >= v_result.total + v_high then
        return gallery.last_of(v_dirty || case when v_result.total > 0 then array[
            gallery.bit_at(v_result.block_nos, v_result.bits, s.descending, v_result.total - 1)] end, s);
    end if;
    while v_low < v_high loop           -- the n-th dirty match has rank n - 1 + bits before it
        v_mid := (v_low + v_high + 1) / 2;
        v_at := v_mid - 1 + gallery.bits_before(v_result.block_nos, v_result.bits, v_dirty[v_mid], s.descending);
        if v_at = rank then
            return v_dirty[v_mid];
        elsif v_at < rank then
            v_low := v_mid;
        else
            v_high := v_mid - 1;
        end if;
    end loop;
    return gallery.bit_at(v_result.block_nos, v_result.bits, s.descending, rank - v_low);
end
$function$;
comment on function gallery.bitmap_place_at(gallery.filter, gallery.scan, bigint) is
    'The place of the match of a rank (the first is 0) in the order of created_at; of the last match where there are not so many; null where there are none.';

create or replace function @schema@.gallery_cursor_at(
    tags_all uuid[] default null, tags_any uuid[] default null, tags_none uuid[] default null,
    content_source_types text[] default null, viewer uuid default null, creators uuid[] default null,
    content_types text[] default null, search text default null,
    created_from timestamptz default null, created_before timestamptz default null,
    min_quality double precision default null,
    sort_field text default 'created_at', sort_order text default 'desc', rank bigint default 0)
returns text
language plpgsql stable
set search_path from current
set jit = 'off' set max_parallel_workers_per_gather = 0
as $function$
declare
    v_in_force gallery.settings_in_force := gallery.current_settings();
    f        gallery.filter := gallery.make_filter(tags_all, tags_any, tags_none, content_source_types, viewer,
                                   creators, content_types, search collate "default", created_from, created_before, min_quality,
                                   v_in_force);
    s        gallery.scan := gallery.make_scan(sort_field collate "default", sort_order);
    v_mark   text collate "default" := gallery.fingerprint(f, s);
    v_place  gallery.position;
begin
    if rank is null or rank < 0 then
        perform gallery.raise_error('TG004', format('rank is %s', coalesce(rank::text, 'NULL')),
            'Give the rank of the item to start at; the first has rank 0.');
    end if;
    if f.impossible or rank = 0 then
        return null;
    end if;
    s.figures := gallery.read_figures(f, s, v_in_force);
    if s.by_quality or gallery.needs_item_test(f) or not v_in_force.enable_bitmap or (s.figures).index_lacks is not null then
        s.wanted := rank;
        v_place := gallery.last_of((gallery.run_plan(gallery.choose_strategy(f, s, null, v_in_force), f, s)).places, s);
    else
        f.tags_all := gallery.required_tags(s.figures);
        v_place := gallery.bitmap_place_at(f, s, rank - 1);
    end if;
    return case when not v_place is null then gallery.page_cursor(v_place, true, v_mark) end;
end
$function$;
comment on function @schema@.gallery_cursor_at(uuid[], uuid[], uuid[], text[], uuid, uuid[], text[], text, timestamptz, timestamptz, double precision, text, text, bigint) is
    'The cursor with which gallery_page, given the same filter and sort, starts at the item of a rank (the first has rank 0: no cursor, NULL); beyond the last item, at the end. Page 400 of 25 starts at rank 9975. Errors: TG004. Cost: that of gallery_count, in the order of created_at; other sorts and conditions without a key read the items up to the rank.';
