-- gallery.tag_listing, what gallery_tags reads: a row for each tag and scope (a content source, or
-- '' for all of them together), indexed in both sort orders.
--
-- Exactness: whoever changes tag_cardinality_stats, in practice the refresh, brings the listing up to
-- date in the same transaction. Whoever makes, renames or deletes a tag appends it to a log,
-- gallery.dirty_tag; gallery_tags leaves the tags in the log out of the listing and works them out
-- from the tables, and the refresh lists them anew. So no writer of tags waits for a refresh, nor a
-- refresh for it. The log is taken before the tables are read: what commits later leaves a row of its own.

create or replace function gallery.tag_name_start(name text)
returns text
language sql immutable
return left(name, 80);
comment on function gallery.tag_name_start(text) is
    'The part of a tag''s name that is listed and sorted by. A name may be as long as an index entry, which leaves no room for the columns beside it, and too long for a cursor.';

create or replace function gallery.expected_tag_listing(tag_ids uuid[])
returns setof gallery.tag_listing
language plpgsql stable
set search_path from current
as $function$
#variable_conflict use_variable
begin
    return query
    select t.id, s.scope, gallery.tag_name_start(t.name), s.item_count, s.counts_by_source
    from @schema@.tags t
    cross join lateral (
        select coalesce(c.content_source, '') as scope,
               sum(c.cardinality)::bigint as item_count,
               jsonb_object_agg(c.content_source, c.cardinality) as counts_by_source
        from @schema@.tag_cardinality_stats c
        where c.tag_id = t.id and c.cardinality > 0
        group by grouping sets ((c.content_source), ())
    ) s
    where (tag_ids is null or t.id = any (tag_ids)) and s.item_count > 0;
end
$function$;
comment on function gallery.expected_tag_listing(uuid[]) is
    'What gallery.tag_listing holds for these tags (null: for all), worked out from the tables.';

-- Triggers call it with the planner settings of whoever changed the counts: with those of a refresh,
-- which leave nested loops alone, the time would grow with the square of the tags.
create or replace function gallery.list_tags(tag_ids uuid[])
returns void
language plpgsql volatile
set search_path from current
set plan_cache_mode = 'force_custom_plan'
set enable_hashjoin = 'on' set enable_mergejoin = 'on' set enable_nestloop = 'on' set enable_seqscan = 'on' set enable_bitmapscan = 'on'
set jit = 'off'
as $function$
begin
    with expected as materialized (
        select * from gallery.expected_tag_listing(tag_ids)
    ), gone as (
        delete from gallery.tag_listing l
        where (tag_ids is null or l.tag_id = any (tag_ids))
          and not exists (select from expected e where e.tag_id = l.tag_id and e.scope = l.scope)
    )
    insert into gallery.tag_listing as l
    select * from expected
    on conflict (tag_id, scope) do update
    set name_start = excluded.name_start, item_count = excluded.item_count, counts_by_source = excluded.counts_by_source
    where (l.*) is distinct from (excluded.*);
end
$function$;
comment on function gallery.list_tags(uuid[]) is
    'Brings the listing of some tags (null: of all) up to date with tags and tag_cardinality_stats. Cost: some 50 microseconds a tag.';
revoke execute on function gallery.list_tags(uuid[]) from public;

create or replace function gallery.dirty_tags()
returns uuid[]
language plpgsql stable
set search_path from current
as $function$
begin
    if exists (select from gallery.dirty_tag d where d.tag_id is null) then
        return null;
    end if;
    return array(select distinct d.tag_id from gallery.dirty_tag d);
end
$function$;
comment on function gallery.dirty_tags() is
    'The tags that were made, renamed or deleted since they were listed; null: all may have been.';

create or replace function gallery.list_dirty_tags()
returns void
language plpgsql volatile
set search_path from current
as $function$
declare
    v_all  boolean;
    v_tags uuid[];
begin
    with taken as (
        delete from gallery.dirty_tag d returning d.tag_id
    )
    select bool_or(t.tag_id is null), array_agg(distinct t.tag_id) into v_all, v_tags from taken t;
    if v_tags is not null then
        perform gallery.list_tags(case when not v_all then v_tags end);
    end if;
end
$function$;
comment on function gallery.list_dirty_tags() is
    'Part of a refresh: lists the tags in the log anew, and takes them out of it.';
revoke execute on function gallery.list_dirty_tags() from public;

create or replace function gallery.verify_tag_listing()
returns table (object text, detail text)
language plpgsql stable
set search_path from current
as $function$
declare
    v_dirty uuid[] := gallery.dirty_tags();
begin
    return query
    select format('listing of tag %s in %s', coalesce(l.tag_id, e.tag_id), coalesce(nullif(coalesce(l.scope, e.scope), ''), 'all sources')),
           case when e.tag_id is null then 'it is listed, and no item carries it'
                when l.tag_id is null then 'it is carried, and not listed'
                else 'it is listed with another name or count than it has' end
    from gallery.tag_listing l
    full join gallery.expected_tag_listing(null) e on e.tag_id = l.tag_id and e.scope = l.scope
    where l.* is distinct from e.*
      and coalesce(l.tag_id, e.tag_id) <> all (v_dirty);      -- nothing, if all may be
end
$function$;
comment on function gallery.verify_tag_listing() is
    'What in gallery.tag_listing is not what tags and tag_cardinality_stats say: no rows, or it is a bug.';
