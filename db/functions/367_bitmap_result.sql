-- The whole result of a filter as bits: what counts, facets, jumps and sorts by quality start from.

create or replace function gallery.bitmap_result(
    f gallery.filter, s gallery.scan, enough bigint,
    out block_nos int[], out bits bit varying[], out total bigint)
language plpgsql stable
set search_path from current
as $function$
declare
    v_query   gallery.bitmap_query := gallery.bitmap_query(f);
    v_range   gallery.block_range := gallery.bitmap_range(f, s);
    v_clean   record;
    w record;
begin
    block_nos := '{}';
    bits := '{}';
    total := 0;
    select * into v_clean from gallery.dirty_mask();
    loop
        select * into w from gallery.bitmap_window(v_query, v_range, s.descending, 64);
        exit when w.reached is null;
        v_range := gallery.range_beyond(v_range, w.reached, s.descending);
        continue when w.block_nos is null;
        if v_clean.block_nos is not null then
            w.bits := array(select b.bits & coalesce(m.bits, b.bits)
                            from unnest(w.block_nos, w.bits) with ordinality b (block_no, bits, n)
                            left join unnest(v_clean.block_nos, v_clean.bits) m (block_no, bits) using (block_no)
                            order by b.n);
        end if;
        block_nos := block_nos || w.block_nos;
        bits := bits || w.bits;
        total := total + (select sum(bit_count(b))::bigint from unnest(w.bits) b);
        exit when total >= enough;
    end loop;
end
$function$;
comment on function gallery.bitmap_result(gallery.filter, gallery.scan, bigint) is
    'Every slot that satisfies the filter''s clauses and is not dirty, in the direction of travel, and how many there are; stops early where there are enough (null: never).';

do $define$
begin
    execute format($template$
        create or replace function gallery.bitmap_by_quality(f gallery.filter, s gallery.scan)
        returns gallery.position[]
        language plpgsql stable
        set search_path from current
        set plan_cache_mode = 'force_generic_plan'
        as $function$
        declare
            c_many constant int := 3000;        -- fetching so many costs as much as a walk that tests as many
            v_result record;
            v_taken  record;
        begin
            select * into v_result from gallery.bitmap_result(f, s, c_many);
            if v_result.total >= c_many then
                return null;
            end if;
            select * into v_taken from gallery.bitmap_take(v_result.block_nos, v_result.bits, s.descending, c_many);
            return array(
                select q.place
                from (select row(%2$s)::gallery.position as place
                      from unnest(gallery.bitmap_places(v_taken.taken_blocks, v_taken.taken_slots)) p
                      cross join lateral (select a.* from content_items_all a
                                          where a.id = p.id and a.source_type = p.source offset 0) i
                      where %1$s
                      offset 0) q
                where s.after is null
                   or case when s.descending then q.place < s.after else q.place > s.after end)
                || gallery.dirty_matches(f, s, null);
        end
        $function$;
        $template$, gallery.match_attributes_sql(), gallery.position_sql());
end
$define$;
comment on function gallery.bitmap_by_quality(gallery.filter, gallery.scan) is
    'All matches after the scan''s position in the order of quality_score; null where there are too many to fetch and sort.';
