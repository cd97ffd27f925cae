-- Items that changed since they were last indexed. In any one snapshot the index is exact for every
-- other item; a reader leaves these out of the bitmaps and tests them against the tables instead.

drop function if exists gallery.dirty_mask();
create or replace function gallery.dirty_mask(dirty_ids gallery.candidates[], out block_nos int[], out bits bit varying[])
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan' set enable_hashjoin = 'off' set enable_mergejoin = 'off' set enable_seqscan = 'off'
as $function$
begin
    select array_agg(m.block_no), array_agg(m.bits::bit varying) into block_nos, bits
    from (select b.block_no, ~ gallery.slots_to_bits(b.slot, 1) as bits
          from unnest(dirty_ids) d
          cross join lateral unnest(d.ids) e (id)
          join gallery.bitmap_item b on b.content_id = e.id and b.content_source = d.source
          group by b.block_no) m;
end
$function$;
comment on function gallery.dirty_mask(gallery.candidates[]) is
    'For every block that some dirty items stand in, the bits of all others.';

-- width_bucket finds an id among sorted ones by halving: they are as good as an index.
create or replace function gallery.without_dirty(places gallery.position[], dirty_ids gallery.candidates[])
returns gallery.position[]
language plpgsql immutable
set search_path from current
set plan_cache_mode = 'force_generic_plan'
as $function$
begin
    return array(
        select row(p.segment, p.created_at, p.quality, p.id, p.source)::gallery.position
        from unnest(places) with ordinality p (segment, created_at, quality, id, source, n)
        left join unnest(dirty_ids) d on d.source = p.source
        where d.ids[width_bucket(p.id, d.ids)] is distinct from p.id
        order by p.n);
end
$function$;
comment on function gallery.without_dirty(gallery.position[], gallery.candidates[]) is
    'Of some places, those of items that are not dirty.';

create or replace function gallery.single_conditions(conditions gallery.narrowing[])
returns gallery.narrowing[]
language plpgsql immutable
set search_path from current
as $function$
declare
    c_several constant int := 20;
    v_found   gallery.narrowing[] := array[]::gallery.narrowing[];
    n         gallery.narrowing;
begin
    foreach n in array conditions loop
        if n.carried or cardinality(n.tags) not between 2 and c_several then
            v_found := v_found || n;
        else
            for v_n in 1 .. cardinality(n.tags) loop
                v_found := v_found || row(n.tags[v_n : v_n], false, n.listed / cardinality(n.tags))::gallery.narrowing;
            end loop;
        end if;
    end loop;
    return v_found;
end
$function$;
comment on function gallery.single_conditions(gallery.narrowing[]) is
    'Conditions on tags in which each of several tags that must not be carried is a condition of its own: what fails one is not tested for the next.';

-- Dirty items are candidates like those that a list strategy has: narrowed by their tags, in the way
-- that costs less, then fetched and tested. Where many may match, or a condition would cost much, they
-- are told apart by their places first: most lie outside the page, and of the others some are taken in
-- the page order, for if these fill the page, none of the rest could stand before them.
create or replace function gallery.dirty_matches_of(
    source text, ids bigint[], f gallery.filter, s gallery.scan, before gallery.position)
returns gallery.position[]
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan'
as $function$
declare
    c_little constant double precision := 2::double precision;        -- buffers an item
    g        gallery.figures := s.figures;
    v_steps  gallery.narrowing[] := gallery.single_conditions(g.narrowings);
    v_first  double precision := gallery.first_changed()::double precision;           -- of which so many should match
    v_places gallery.position[] := array[]::gallery.position[];
    n        gallery.narrowing;
    w        record;
begin
    -- of a list, what lies between the first and the last is read: items that changed lately often have ids close
    -- together; and their tags are seldom known to be visible to all
    g.list_row := (g.list_row + 1) * gallery.share_between(source, ids[1], ids[cardinality(ids)]);
    foreach n in array v_steps loop
        v_first := gallery.meeting(v_first, g, n);
    end loop;
    if before is null or cardinality(v_steps) < 2 or v_first < s.wanted / 2.0 then
        while cardinality(v_steps) > 0
              and (before is null or gallery.cost_of_narrowing(g, v_steps[1], cardinality(ids)) < c_little * cardinality(ids)) loop
            ids := gallery.keep_carriers(ids, source, v_steps[1], g);
            v_steps := v_steps[2:];
        end loop;
    end if;
    if not before is null and cardinality(ids) > gallery.few_changed() then
        w := gallery.first_between(ids, source, s, before);
        v_places := array(select c from gallery.page_of_candidates(
            f, s, source, gallery.keep_matches(w.near[:gallery.first_changed()], source, v_steps, g)) c);
        ids := case when w.complete then w.near[gallery.first_changed() + 1:]
                    else array(select e from unnest(ids) e where e not in (select unnest(w.near[:gallery.first_changed()]))) end;
    end if;
    if cardinality(v_places) < s.wanted then
        v_places := v_places || array(select c from gallery.page_of_candidates(
            f, s, source, gallery.keep_matches(ids, source, v_steps, g)) c);
    end if;
    return array(select p from unnest(v_places) p
                 where before is null or case when s.descending then p > before else p < before end);
end
$function$;
comment on function gallery.dirty_matches_of(text, bigint[], gallery.filter, gallery.scan, gallery.position) is
    'The places of those of some dirty items of a source that match, after the scan''s position and before another (null: no such bound): the first wanted, and perhaps more.';

create or replace function gallery.dirty_matches(f gallery.filter, s gallery.scan, before gallery.position)
returns gallery.position[]
language plpgsql stable
set search_path from current
as $function$
declare
    d        gallery.candidates;
    v_places gallery.position[] := array[]::gallery.position[];
begin
    foreach d in array coalesce((s.figures).dirty_ids, '{}') loop
        if d.source = any (f.sources) then
            v_places := v_places || gallery.dirty_matches_of(d.source, d.ids, f, s, before);
        end if;
    end loop;
    return v_places;
end
$function$;
comment on function gallery.dirty_matches(gallery.filter, gallery.scan, gallery.position) is
    'The places of the dirty items that match, after the scan''s position and before another (null: no such bound), of each source the first wanted, and perhaps more.';
