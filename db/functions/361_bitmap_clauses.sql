-- The filter as clauses of keys. An item matches if it satisfies every clause: it carries one of
-- the keys in must, or, where there are keys in nots, none of those. What has no key (content type,
-- quality, search) is tested on the items found; dates are ranges of slots.

drop type if exists gallery.clause cascade;
create type gallery.clause as (
    must_kinds  smallint[],
    must_keys   uuid[],
    not_kinds   smallint[],
    not_keys    uuid[]
);
comment on type gallery.clause is 'An OR of keys, and of the absence of others.';

create or replace function gallery.source_key(source text)
returns uuid
language sql immutable parallel safe
return md5(source)::uuid;
comment on function gallery.source_key(text) is 'The key (kind 2) of a source type.';

create or replace function gallery.bitmap_clauses(f gallery.filter)
returns gallery.clause[]
language plpgsql immutable
set search_path from current
as $function$
declare
    c_nil    constant uuid := '00000000-0000-0000-0000-000000000000';
    v_clauses gallery.clause[] := '{}';
begin
    if cardinality(f.creators) = 1 then         -- first, for it may be rare
        v_clauses := v_clauses || row('{1}', f.creators, null, null)::gallery.clause;
    end if;
    for v_n in 1 .. coalesce(cardinality(f.tags_all), 0) loop
        v_clauses := v_clauses || row('{0}', f.tags_all[v_n:v_n], null, null)::gallery.clause;
    end loop;
    if cardinality(f.creators) > 1 then
        v_clauses := v_clauses || row(array_fill(1::smallint, array[cardinality(f.creators)]), f.creators, null, null)::gallery.clause;
    end if;
    if f.tags_any is not null then
        v_clauses := v_clauses || row(array_fill(0::smallint, array[cardinality(f.tags_any)]), f.tags_any, null, null)::gallery.clause;
    end if;
    if f.tags_none is not null then
        v_clauses := v_clauses || row(null, null, array_fill(0::smallint, array[cardinality(f.tags_none)]), f.tags_none)::gallery.clause;
    end if;
    if f.own_sources is not null then
        -- the viewer's own in these sources, and everybody else's in those
        v_clauses := v_clauses
            || row(array_fill(2::smallint, array[cardinality(f.own_sources)]),
                   array(select gallery.source_key(e) from unnest(f.own_sources) e), '{1}', array[f.viewer])::gallery.clause
            || row(array_fill(2::smallint, array[cardinality(f.other_sources)]) || 1::smallint,
                   array(select gallery.source_key(e) from unnest(f.other_sources) e) || f.viewer, null, null)::gallery.clause;
    elsif cardinality(f.sources) = 1 then
        v_clauses := v_clauses || row('{2}', array[gallery.source_key(f.sources[1])], null, null)::gallery.clause;
    end if;
    -- what everybody may see, and the viewer's own
    v_clauses := v_clauses || case when f.viewer is null then row('{3}', array[c_nil], null, null)::gallery.clause
                                   else row('{3,1}', array[c_nil, f.viewer], null, null)::gallery.clause end;
    return v_clauses;
end
$function$;
comment on function gallery.bitmap_clauses(gallery.filter) is
    'The clauses of a filter, in the order in which they are best applied (tags as the planner ordered them: rarest first).';

create or replace function gallery.needs_item_test(f gallery.filter)
returns boolean
language sql immutable parallel safe
return f.content_types is not null or f.min_quality is not null or f.terms is not null;
comment on function gallery.needs_item_test(gallery.filter) is
    'Whether a filter has conditions that the bitmap index has no keys for.';
