-- Items that changed since they were last indexed. In any one snapshot the index is exact for every
-- other item; a reader leaves these out of the bitmaps and tests them against the tables instead.

create or replace function gallery.bitmap_missing()
returns text
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan'
as $function$
declare
    v_limit  int := (gallery.current_settings()).dirty_limit;
    v_dirty  bigint;
    v_whole  boolean;
begin
    if not has_table_privilege('gallery.bitmap_state', 'select') then
        return 'this role may not read the bitmap index';
    end if;
    if not (select s.built from gallery.bitmap_state s) then
        return 'the bitmap index is not built yet';
    end if;
    select count(*), coalesce(bool_or(d.content_id is null), false) into v_dirty, v_whole
    from (select i.content_id from gallery.dirty_item i limit v_limit + 1) d;
    if v_dirty > v_limit then
        return format('more than %s changed items are not indexed yet', v_limit);
    end if;
    if v_whole then
        return 'a table was truncated and the bitmap index not built anew since';
    end if;
    return null;
end
$function$;
comment on function gallery.bitmap_missing() is
    'Why the bitmap index can''t be used now; null if it can. A role without SELECT on it is served by the other strategies.';

create or replace function gallery.dirty_mask(out block_nos int[], out bits bit varying[])
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan' set enable_hashjoin = 'off' set enable_mergejoin = 'off' set enable_seqscan = 'off'
as $function$
begin
    select array_agg(m.block_no), array_agg(m.bits::bit varying) into block_nos, bits
    from (select b.block_no, ~ gallery.slots_to_bits(b.slot, 1) as bits
          from (select distinct i.content_source, i.content_id from gallery.dirty_item i) d
          join gallery.bitmap_item b using (content_id, content_source)
          group by b.block_no) m;
end
$function$;
comment on function gallery.dirty_mask() is
    'For every block with dirty items, the bits of all others.';

do $define$
begin
    execute format($template$
        create or replace function gallery.dirty_matches(f gallery.filter, s gallery.scan, before gallery.position)
        returns gallery.position[]
        language plpgsql stable
        set search_path from current
        set plan_cache_mode = 'force_generic_plan' set enable_hashjoin = 'off' set enable_mergejoin = 'off'
        as $function$
        begin
            -- tags first: most items fail there, at the price of one index probe
            return array(
                select p.place
                from (select row(%3$s)::gallery.position as place
                      from (select i.*
                            from (select distinct d.content_id as id, d.content_source as source_type
                                  from gallery.dirty_item d) i
                            where %2$s
                            offset 0) k
                      cross join lateral (select a.* from content_items_all a
                                          where a.id = k.id and a.source_type = k.source_type offset 0) i
                      where %1$s
                      offset 0) p
                where (s.after is null
                       or case when s.descending then p.place < s.after else p.place > s.after end)
                  and (before is null
                       or case when s.descending then p.place > before else p.place < before end));
        end
        $function$;
        $template$, gallery.match_attributes_sql(), gallery.match_tags_sql(), gallery.position_sql());
end
$define$;
comment on function gallery.dirty_matches(gallery.filter, gallery.scan, gallery.position) is
    'The places of the dirty items that match, after the scan''s position and before another (null: no such bound).';
