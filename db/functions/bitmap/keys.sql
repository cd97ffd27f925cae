-- The keys of the bitmap index: the one place that says what kinds of keys there are, which ones an item
-- has of its own row, which ones a change may have given or taken, and which ones a query asks for. Its
-- tags, of which each is a key, are read from the junction by who builds or verifies a block; everything
-- else takes a key as it comes.
--
-- A query is clauses of keys. An item matches if it satisfies every clause: it has one of the keys in
-- must_keys, or, where there are not_keys, none of those. For example, "by Ann, and public" are two clauses
-- of one key; "public, or by the viewer" is one clause of two. What has no key (content type, quality, search)
-- is tested on the items found; dates are ranges of slots.

create or replace function gallery.kind_tag()
returns smallint
language sql immutable parallel safe
return 0::smallint;
comment on function gallery.kind_tag() is 'The kind of keys that are a tag''s id.';

create or replace function gallery.kind_creator()
returns smallint
language sql immutable parallel safe
return 1::smallint;
comment on function gallery.kind_creator() is 'The kind of keys that are the id of who made the item.';

create or replace function gallery.kind_source()
returns smallint
language sql immutable parallel safe
return 2::smallint;
comment on function gallery.kind_source() is 'The kind of keys that stand for an item''s source.';

create or replace function gallery.kind_public()
returns smallint
language sql immutable parallel safe
return 3::smallint;
comment on function gallery.kind_public() is 'The kind of the one key that every item has which is not private.';

create or replace function gallery.kind_name(kind int)
returns text
language sql immutable parallel safe
return (array['tag', 'creator', 'source', 'public'])[kind + 1];
comment on function gallery.kind_name(int) is 'What a kind of keys is called in messages.';

create or replace function gallery.public_key()
returns uuid
language sql immutable parallel safe
return uuid '00000000-0000-0000-0000-000000000000';
comment on function gallery.public_key() is 'The key (kind 3) of every item that is not private.';

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

create or replace function gallery.own_keys(creator uuid, source text, is_private boolean)
returns table (kind smallint, key uuid)
language sql immutable parallel safe
begin atomic
    select k.kind, k.key
    from (values (gallery.kind_creator(), own_keys.creator),
                 (gallery.kind_source(), gallery.source_key(own_keys.source)),
                 (gallery.kind_public(), case when own_keys.is_private is not true then gallery.public_key() end)) k (kind, key)
    where k.key is not null;
end;
comment on function gallery.own_keys(uuid, text, boolean) is
    'The keys that an item has of its own row, beside those of its tags. It is put in line.';

create or replace function gallery.key_changes(
    tags uuid[], removed_tags uuid[], creator uuid, removed_creators uuid[], source text, is_public boolean)
returns table (kind smallint, key uuid, present boolean)
language sql immutable parallel safe
begin atomic
    select gallery.kind_tag(), t.key, true from unnest(key_changes.tags) t (key)
    union all
    select gallery.kind_tag(), t.key, false from unnest(key_changes.removed_tags) t (key)
    union all
    select gallery.kind_creator(), t.key, false from unnest(key_changes.removed_creators) t (key)
    union all
    select gallery.kind_public(), gallery.public_key(), false where not key_changes.is_public
    union all
    select k.kind, k.key, true from gallery.own_keys(key_changes.creator, key_changes.source, not key_changes.is_public) k;
end;
comment on function gallery.key_changes(uuid[], uuid[], uuid, uuid[], text, boolean) is
    'The keys of an item that changed: those it has now (present), and those it may have had; one may be both.';

create or replace function gallery.visible_to_viewer(q gallery.bitmap_query, f gallery.filter)
returns gallery.bitmap_query
language plpgsql stable
set search_path from current
as $function$
declare
    v_own     boolean := coalesce(f.other_sources = '{}', false);         -- only the viewer's own are asked for,
    v_others  boolean := coalesce(f.own_sources = '{}', false);           -- only everybody else's
    v_sources text[]  := case when v_own then f.own_sources when v_others then f.other_sources
                              when f.own_sources is null then f.sources end;
begin
    if v_own then
        q.kinds := q.kinds || gallery.kind_creator();
        q.keys := q.keys || f.viewer;
    end if;
    if cardinality(v_sources) = 1 then
        q.kinds := q.kinds || gallery.kind_source();
        q.keys := q.keys || gallery.source_key(v_sources[1]);
    elsif v_sources <> gallery.source_types() then
        q.clauses := q.clauses || row(array_fill(gallery.kind_source(), array[cardinality(v_sources)]),
            array(select gallery.source_key(e) from unnest(v_sources) e), null, null)::gallery.clause;
    elsif v_sources is null then                -- the viewer's own in these sources, and everybody else's in those
        q.clauses := q.clauses
            || row(array_fill(gallery.kind_source(), array[cardinality(f.own_sources)]),
                   array(select gallery.source_key(e) from unnest(f.own_sources) e), array[gallery.kind_creator()], array[f.viewer])::gallery.clause
            || row(array_fill(gallery.kind_source(), array[cardinality(f.other_sources)]) || gallery.kind_creator(),
                   array(select gallery.source_key(e) from unnest(f.other_sources) e) || f.viewer, null, null)::gallery.clause;
    end if;
    if v_others then
        q.clauses := q.clauses || row(null, null, array[gallery.kind_creator()], array[f.viewer])::gallery.clause;
    end if;
    if f.everything then
        if q.kinds = '{}' then                  -- a query has a key or a clause that asks for one: here that of any source
            q.clauses := q.clauses || row(array_fill(gallery.kind_source(), array[cardinality(f.sources)]),
                array(select gallery.source_key(e) from unnest(f.sources) e), null, null)::gallery.clause;
        end if;
    elsif f.viewer is null or v_others then
        q.kinds := q.kinds || gallery.kind_public();
        q.keys := q.keys || gallery.public_key();
    elsif not v_own then                        -- what everybody may see, and the viewer's own
        q.clauses := q.clauses || row(array[gallery.kind_public(), gallery.kind_creator()], array[gallery.public_key(), f.viewer], null, null)::gallery.clause;
    end if;
    return q;
end
$function$;
comment on function gallery.visible_to_viewer(gallery.bitmap_query, gallery.filter) is
    'A query, with the clauses for the sources asked for and for what the viewer may see.';

create or replace function gallery.bitmap_query(f gallery.filter)
returns gallery.bitmap_query
language plpgsql stable
set search_path from current
as $function$
declare
    q gallery.bitmap_query := row(array[]::smallint[], array[]::uuid[], array[]::gallery.clause[]);
begin
    if cardinality(f.creators) = 1 then         -- first, for it may be rare
        q.kinds := array[gallery.kind_creator()];
        q.keys := f.creators;
    elsif f.creators is not null then
        q.clauses := q.clauses || row(array_fill(gallery.kind_creator(), array[cardinality(f.creators)]), f.creators, null, null)::gallery.clause;
    end if;
    if f.tags_all is not null then
        q.kinds := q.kinds || array_fill(gallery.kind_tag(), array[cardinality(f.tags_all)]);
        q.keys := q.keys || f.tags_all;
    end if;
    if f.tags_any is not null then
        q.clauses := q.clauses || row(array_fill(gallery.kind_tag(), array[cardinality(f.tags_any)]), f.tags_any, null, null)::gallery.clause;
    end if;
    if f.tags_none is not null then
        q.clauses := q.clauses || row(null, null, array_fill(gallery.kind_tag(), array[cardinality(f.tags_none)]), f.tags_none)::gallery.clause;
    end if;
    return gallery.visible_to_viewer(q, f);
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
