-- A walk through all the ranges that a scan goes through: of the items by created_at, one; by quality,
-- that of the items with a quality and that of those without.

create or replace function gallery.seed_of(lists gallery.candidates[])
returns gallery.candidates[]
language plpgsql stable
set search_path from current
as $function$
begin
    return array(select row(t.source, array(select e.id from unnest(lists) l cross join lateral unnest(l.ids) e (id)
                                            where l.source = t.source order by e.id))::gallery.candidates
                 from unnest(gallery.source_types()) with ordinality t (source, n)
                 order by t.n);
end
$function$;
comment on function gallery.seed_of(gallery.candidates[]) is
    'Lists of items as the seed of a walk: one for each source there is, in the order of ids, for who looks them up by halving.';

create or replace function gallery.walk_range(f gallery.filter, s gallery.scan, no_quality boolean, steps bigint)
returns gallery.stretch
language plpgsql stable
set search_path from current
as $function$
declare
    v_start gallery.position := gallery.walk_start(f, s, no_quality);
begin
    return case
        when v_start is null then row('{}', null, null, null, null, null)::gallery.stretch
        when not s.by_quality then
            case when s.descending then gallery.walk_created_at_desc(f, s, v_start, steps)
                                   else gallery.walk_created_at_asc(f, s, v_start, steps) end
        when s.seed is not null then
            gallery.seeded_walk_range(f, s, no_quality, v_start, steps)
        when no_quality then
            case when s.descending then gallery.walk_no_quality_desc(f, s, v_start, steps)
                                   else gallery.walk_no_quality_asc(f, s, v_start, steps) end
        else
            case when s.descending then gallery.walk_quality_desc(f, s, v_start, steps)
                                   else gallery.walk_quality_asc(f, s, v_start, steps) end
    end;
end
$function$;
comment on function gallery.walk_range(gallery.filter, gallery.scan, boolean, bigint) is
    'Walks the items with, or without, a quality (in a sort by created_at: all).';

create or replace function gallery.walk(f gallery.filter, s gallery.scan, steps bigint)
returns gallery.stretch
language plpgsql stable
set search_path from current
as $function$
declare
    v_ranges boolean[] := case when s.by_quality and f.min_quality is null then array[s.backward, not s.backward] else '{f}' end;
    v_range  boolean;
    v_rows   gallery.position[] := array[]::gallery.position[];
    v_walked gallery.stretch;
begin
    foreach v_range in array v_ranges loop
        v_walked := gallery.walk_range(f, s, v_range, steps);
        v_rows := v_rows || v_walked.places;
        exit when cardinality(v_rows) >= s.wanted or (v_walked.reached).id is not null;
    end loop;
    v_walked.places := gallery.in_page_order(v_rows, s);
    v_walked.finished := cardinality(v_walked.places) >= s.wanted or (v_walked.reached).id is null;
    if not v_walked.finished then       -- its namesakes in other partitions have been looked at too
        v_walked.reached.source := case when s.descending then '' else E'\x7f' end;
    end if;
    return v_walked;
end
$function$;
comment on function gallery.walk(gallery.filter, gallery.scan, bigint) is
    'Walks the items in page order and tests each, up to a page, or within so many steps, an item each (null: as many as it takes). Where a sort by quality goes on to the items without one, that range gets as many once more.';
