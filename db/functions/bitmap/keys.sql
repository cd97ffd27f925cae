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

drop type if exists gallery.bitmap_query cascade;
create type gallery.bitmap_query as (
    kinds       smallint[],             -- keys that an item must carry, each one: the commonest clauses by far,
    keys        uuid[],                 --   in the order in which they are best applied, rarest first
    clauses     gallery.clause[]        -- and the others
);
comment on type gallery.bitmap_query is 'A filter as keys and clauses, all of which must hold.';

create or replace function gallery.source_key(source text)
returns uuid
language sql immutable parallel safe
return md5(source)::uuid;
comment on function gallery.source_key(text) is 'The key (kind 2) of a source type.';

create or replace function gallery.bitmap_query(f gallery.filter)
returns gallery.bitmap_query
language plpgsql stable
set search_path from current
as $function$
declare
    c_nil constant uuid := uuid '00000000-0000-0000-0000-000000000000';
    v_own     boolean := coalesce(f.other_sources = '{}', false);         -- only the viewer's own are asked for,
    v_others  boolean := coalesce(f.own_sources = '{}', false);           -- only everybody else's
    v_sources text[]  := case when v_own then f.own_sources when v_others then f.other_sources
                              when f.own_sources is null then f.sources end;
    q gallery.bitmap_query := row(array[]::smallint[], array[]::uuid[], array[]::gallery.clause[]);
begin
    if cardinality(f.creators) = 1 then         -- first, for it may be rare
        q.kinds := array[1::smallint];
        q.keys := f.creators;
    elsif f.creators is not null then
        q.clauses := q.clauses || row(array_fill(1::smallint, array[cardinality(f.creators)]), f.creators, null, null)::gallery.clause;
    end if;
    if f.tags_all is not null then
        q.kinds := q.kinds || array_fill(0::smallint, array[cardinality(f.tags_all)]);
        q.keys := q.keys || f.tags_all;
    end if;
    if f.tags_any is not null then
        q.clauses := q.clauses || row(array_fill(0::smallint, array[cardinality(f.tags_any)]), f.tags_any, null, null)::gallery.clause;
    end if;
    if f.tags_none is not null then
        q.clauses := q.clauses || row(null, null, array_fill(0::smallint, array[cardinality(f.tags_none)]), f.tags_none)::gallery.clause;
    end if;
    if v_own then
        q.kinds := q.kinds || 1::smallint;
        q.keys := q.keys || f.viewer;
    end if;
    if cardinality(v_sources) = 1 then
        q.kinds := q.kinds || 2::smallint;
        q.keys := q.keys || gallery.source_key(v_sources[1]);
    elsif v_sources <> gallery.source_types() then
        q.clauses := q.clauses || row(array_fill(2::smallint, array[cardinality(v_sources)]),
            array(select gallery.source_key(e) from unnest(v_sources) e), null, null)::gallery.clause;
    elsif v_sources is null then                -- the viewer's own in these sources, and everybody else's in those
        q.clauses := q.clauses
            || row(array_fill(2::smallint, array[cardinality(f.own_sources)]),
                   array(select gallery.source_key(e) from unnest(f.own_sources) e), '{1}', array[f.viewer])::gallery.clause
            || row(array_fill(2::smallint, array[cardinality(f.other_sources)]) || 1::smallint,
                   array(select gallery.source_key(e) from unnest(f.other_sources) e) || f.viewer, null, null)::gallery.clause;
    end if;
    if v_others then
        q.clauses := q.clauses || row(null, null, '{1}', array[f.viewer])::gallery.clause;
    end if;
    if f.everything then
        if q.kinds = '{}' then                  -- a query has a key or a clause that asks for one: here that of any source
            q.clauses := q.clauses || row(array_fill(2::smallint, array[cardinality(f.sources)]),
                array(select gallery.source_key(e) from unnest(f.sources) e), null, null)::gallery.clause;
        end if;
    elsif f.viewer is null or v_others then
        q.kinds := q.kinds || 3::smallint;
        q.keys := q.keys || c_nil;
    elsif not v_own then                        -- what everybody may see, and the viewer's own
        q.clauses := q.clauses || row('{3,1}', array[c_nil, f.viewer], null, null)::gallery.clause;
    end if;
    return q;
end
$function$;
comment on function gallery.bitmap_query(gallery.filter) is
    'A filter''s conditions as keys and clauses, tags in the order in which the planner put them.';

create or replace function gallery.needs_item_test(f gallery.filter)
returns boolean
language sql immutable parallel safe
return f.content_types is not null or f.min_quality is not null or f.terms is not null;
comment on function gallery.needs_item_test(gallery.filter) is
    'Whether a filter has conditions that the bitmap index has no keys for.';
