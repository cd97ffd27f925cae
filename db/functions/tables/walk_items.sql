-- Walks along the sort indexes: items in page order, each tested, up to as many matches as are wanted.
--
-- Exactness: a walk is one range of a sort index, entered by one row comparison on (value, id,
-- source). The index is ordered by (value, id); equal pairs of two partitions leave the merge in
-- either order, so the rows that equal the last pair are fetched too (WITH TIES), and the few rows
-- found are put into the total order at the end. The same holds where a number of steps ends a walk:
-- it ends after a whole pair. Items with and without a quality are two ranges.
--
-- The planner settings leave the index walk as the only plan, so one generic plan serves all.

create or replace function gallery.walks()
returns table (name text, keyset text, range text, page_order text)
language sql immutable
set search_path from current
as $function$
    values
        ('created_at_desc',
         '(i.created_at, i.id, i.source_type collate "C") < (v_after.created_at, v_after.id, v_after.source)',
         'i.created_at >= coalesce(f.created_from, ''-infinity'')',
         'i.created_at desc, i.id desc'),
        ('created_at_asc',
         '(i.created_at, i.id, i.source_type collate "C") > (v_after.created_at, v_after.id, v_after.source)',
         'i.created_at <= coalesce(f.created_before, ''infinity'')',
         'i.created_at, i.id'),
        ('quality_desc',
         '(i.quality_score, i.id, i.source_type collate "C") < (v_after.quality, v_after.id, v_after.source)',
         'i.quality_score >= coalesce(f.min_quality, ''-infinity'')',
         'i.quality_score desc nulls last, i.id desc'),
        ('quality_asc',
         '(i.quality_score, i.id, i.source_type collate "C") > (v_after.quality, v_after.id, v_after.source)',
         'true',
         'i.quality_score nulls first, i.id'),
        ('no_quality_desc',
         '(i.id, i.source_type collate "C") < (v_after.id, v_after.source)',
         'i.quality_score is null',
         'i.quality_score desc nulls last, i.id desc'),
        ('no_quality_asc',
         '(i.id, i.source_type collate "C") > (v_after.id, v_after.source)',
         'i.quality_score is null',
         'i.quality_score nulls first, i.id')
$function$;
comment on function gallery.walks() is
    'The ranges of the sort indexes that a walk may go along, as text to paste: where it goes on after v_after, the filter''s bound at its other end, and its order.';

do $define$
declare
    v_walk record;
begin
    for v_walk in select * from gallery.walks() loop
        execute format($template$
            create or replace function gallery.walk_%1$s(f gallery.filter, s gallery.scan, v_after gallery.position, v_steps bigint)
            returns gallery.stretch
            language plpgsql stable
            set search_path from current
            set plan_cache_mode = 'force_generic_plan'
            set enable_seqscan = 'off' set enable_bitmapscan = 'off' set enable_sort = 'off'
            set enable_incremental_sort = 'off' set enable_hashjoin = 'off' set enable_mergejoin = 'off'
            set jit = 'off' set max_parallel_workers_per_gather = 0
            as $function$
            #variable_conflict use_variable
            declare
                v_walked gallery.stretch;
            begin
                v_walked.places := array(
                    select row(%5$s)::gallery.position
                    from (select i.*
                          from @schema@.content_items_all i
                          where %2$s
                            and %3$s
                            and gallery.is_asked(i.source_type, f.sources)
                          order by %4$s
                          fetch first (v_steps) rows with ties) i
                    where %6$s
                    order by %4$s
                    fetch first (s.wanted) rows with ties);
                if v_steps is not null and cardinality(v_walked.places) < s.wanted then
                    v_walked.reached := (
                        select row(%5$s)::gallery.position
                        from @schema@.content_items_all i
                        where %2$s
                          and %3$s
                          and gallery.is_asked(i.source_type, f.sources)
                        order by %4$s
                        offset v_steps - 1 limit 1);
                end if;
                return v_walked;
            end
            $function$;
            comment on function gallery.walk_%1$s(gallery.filter, gallery.scan, gallery.position, bigint) is
                'The first wanted matches after a place, with ties, walking the items by %1$s; within so many steps, an item each; null: as many as it takes.';
            $template$,
            v_walk.name, v_walk.keyset, v_walk.range, v_walk.page_order, gallery.position_sql(), gallery.match_sql());
    end loop;
end
$define$;

-- Where a walk of one range starts: at its end, at the filter's bound, or where the scan stands,
-- whichever is furthest on in the direction of travel. Null: the scan has left that range behind.
create or replace function gallery.walk_start(f gallery.filter, s gallery.scan, no_quality boolean)
returns gallery.position
language plpgsql immutable
set search_path from current
as $function$
declare
    v_start   gallery.position;
    v_segment boolean := s.by_quality and no_quality = (s.descending = s.backward);
begin
    -- ids and sources that lie before, or behind, all others
    v_start := case when s.descending
                    then row(v_segment, null, null, 9223372036854775807, E'\x7f')
                    else row(v_segment, null, null, -9223372036854775808, '') end;
    if not s.by_quality then
        v_start.created_at := case when s.descending then coalesce(f.created_before, 'infinity')
                                   else coalesce(f.created_from, '-infinity') end;
        if s.descending and f.created_before is not null then   -- the bound itself is not wanted
            v_start.id := -9223372036854775808;
            v_start.source := '';
        end if;
    elsif not no_quality then
        v_start.quality := case when s.descending then 'NaN' else coalesce(f.min_quality, '-infinity') end;
    end if;
    v_start := case when s.descending then least(v_start, s.after) else greatest(v_start, s.after) end;
    return case when v_start.segment = v_segment then v_start end;
end
$function$;
comment on function gallery.walk_start(gallery.filter, gallery.scan, boolean) is
    'The exclusive start of a walk of the items with, or without, a quality (in a sort by created_at: of all).';
