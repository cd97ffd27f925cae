-- How many items of a source carry a tag is how many bits are set for it: gallery.tag_count is written
-- with the containers, and tag_cardinality_stats, which is everybody's to read, is made equal to it.

create or replace function gallery.publish_counts(tag_ids uuid[])
returns void
language plpgsql
set search_path from current
set plan_cache_mode = 'force_custom_plan'
set enable_hashjoin = 'on' set enable_mergejoin = 'on' set enable_nestloop = 'on' set enable_seqscan = 'on' set enable_bitmapscan = 'on'
set jit = 'off'
as $function$
begin
    with counted as materialized (
        select t.tag_id, s.source, s.count
        from gallery.tag_count t
        cross join lateral (values ('items', t.in_items), ('auto', t.in_all - t.in_items)) s (source, count)
        where (publish_counts.tag_ids is null or t.tag_id = any (publish_counts.tag_ids)) and s.count > 0
    ),
    gone as (
        delete from @schema@.tag_cardinality_stats s
        where (publish_counts.tag_ids is null or s.tag_id = any (publish_counts.tag_ids))
          and not exists (select from counted c where c.tag_id = s.tag_id and c.source = s.content_source)
    )
    insert into @schema@.tag_cardinality_stats as s (tag_id, content_source, cardinality)
    select c.tag_id, c.source, c.count from counted c
    on conflict (tag_id, content_source) do update
    set cardinality = excluded.cardinality, updated_at = now()
    where s.cardinality <> excluded.cardinality;
    if current_setting('session_replication_role') = 'replica' then     -- there the triggers do not list them
        perform gallery.list_tags(publish_counts.tag_ids);
    end if;
end
$function$;
comment on function gallery.publish_counts(uuid[]) is
    'Makes tag_cardinality_stats, and through its triggers the listing, what gallery.tag_count says of some tags (null: of all); tags left without items disappear.';

create or replace function gallery.add_to_counts(tag_ids uuid[], sources text[], counts bigint[])
returns void
language plpgsql
set search_path from current
as $function$
declare
    v_tags uuid[];
begin
    with change as (
        select u.tag_id, coalesce(sum(u.count) filter (where u.source = 'items'), 0) as in_items, sum(u.count) as in_all
        from unnest(add_to_counts.tag_ids, sources, counts) u (tag_id, source, count)
        group by 1
    ),
    written as (
        insert into gallery.tag_count as t (tag_id, in_items, in_all)
        select c.tag_id, c.in_items, c.in_all from change c where c.in_items <> 0 or c.in_all <> 0
        on conflict (tag_id) do update
        set in_items = t.in_items + excluded.in_items, in_all = t.in_all + excluded.in_all
        returning t.tag_id
    )
    select array_agg(w.tag_id) into v_tags from written w;
    if v_tags is not null then
        delete from gallery.tag_count t where t.tag_id = any (v_tags) and t.in_all = 0 and t.in_items = 0;
        perform gallery.publish_counts(v_tags);
    end if;
end
$function$;
comment on function gallery.add_to_counts(uuid[], text[], bigint[]) is
    'Adds to the counts of some tags in some sources, and publishes them.';

create or replace function gallery.block_tags(
    block_nos int[], out tag_ids uuid[], out sources text[], out counts bigint[])
language plpgsql stable
set search_path from current
as $function$
begin
    select array_agg(k.key), array_agg(s.source), array_agg(s.count) into tag_ids, sources, counts
    from gallery.bitmap_container k
    cross join lateral (values ('items', k.in_items::bigint), ('auto', (k.cardinality - k.in_items)::bigint)) s (source, count)
    where k.block_no = any (block_nos) and k.kind = 0 and s.count > 0;
end
$function$;
comment on function gallery.block_tags(int[]) is
    'How often each tag stands in each of some blocks, a source at a time.';

create or replace function gallery.add_difference_to_counts(
    old_tags uuid[], old_sources text[], old_counts bigint[], new_tags uuid[], new_sources text[], new_counts bigint[])
returns void
language plpgsql
set search_path from current
as $function$
declare
    d record;
begin
    select array_agg(t.tag_id) as tags, array_agg(t.source) as sources, array_agg(t.count) as counts into d
    from (select u.tag_id, u.source, sum(u.count)::bigint as count
          from (select o.tag_id, o.source, - o.count from unnest(old_tags, old_sources, old_counts) o (tag_id, source, count)
                union all
                select n.tag_id, n.source, n.count from unnest(new_tags, new_sources, new_counts) n (tag_id, source, count)) u (tag_id, source, count)
          group by 1, 2
          having sum(u.count) <> 0) t;
    perform gallery.add_to_counts(d.tags, d.sources, d.counts);
end
$function$;
comment on function gallery.add_difference_to_counts(uuid[], text[], bigint[], uuid[], text[], bigint[]) is
    'Brings the counts of tags from some blocks'' old ones to their new ones; most are equal and cost nothing.';

create or replace function gallery.count_all_tags()
returns void
language plpgsql
set search_path from current
as $function$
begin
    delete from gallery.tag_count;
    insert into gallery.tag_count (tag_id, in_items, in_all)
    select k.key, sum(k.in_items), sum(k.cardinality)
    from gallery.bitmap_container k
    where k.kind = 0
    group by k.key;
    perform gallery.publish_counts(null);
    perform gallery.list_tags(null);
end
$function$;
comment on function gallery.count_all_tags() is
    'Makes gallery.tag_count, tag_cardinality_stats and the listing of tags what the whole index says.';

create or replace function gallery.publish_all_if_changed()
returns void
language plpgsql
set search_path from current
as $function$
begin
    if (select (count(*), coalesce(sum(s.cardinality), 0)) from @schema@.tag_cardinality_stats s)
       is distinct from
       (select (coalesce(sum((t.in_items > 0)::int + (t.in_all > t.in_items)::int), 0), coalesce(sum(t.in_all), 0)) from gallery.tag_count t) then
        perform gallery.publish_counts(null);
    end if;
end
$function$;
comment on function gallery.publish_all_if_changed() is
    'At the end of a refresh: publishes all counts anew if somebody else has changed, emptied or truncated tag_cardinality_stats. Cost: a read of both tables.';

drop function if exists gallery.add_to_stats(uuid[], text[], bigint[]);
drop function if exists gallery.add_difference_to_stats(uuid[], text[], bigint[], uuid[], text[], bigint[]);
revoke execute on function
    gallery.publish_counts(uuid[]),
    gallery.add_to_counts(uuid[], text[], bigint[]),
    gallery.add_difference_to_counts(uuid[], text[], bigint[], uuid[], text[], bigint[]),
    gallery.count_all_tags(),
    gallery.publish_all_if_changed()
from public;
