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
        select t.tag_id, t.scope as source, t.item_count as count
        from gallery.tag_count t
        where t.scope <> '' and (publish_counts.tag_ids is null or t.tag_id = any (publish_counts.tag_ids))
    ),
    gone as (
        delete from @schema@.tag_cardinality_stats s
        where (publish_counts.tag_ids is null or s.tag_id = any (publish_counts.tag_ids))
          and not exists (select from counted c where c.tag_id = s.tag_id and c.source = s.content_source)
    )
    insert into @schema@.tag_cardinality_stats as s (tag_id, content_source, cardinality)
    select c.tag_id, c.source, c.count from counted c
    order by c.tag_id, c.source         -- the planner reads all of a tag's: they stand on one page
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
        select u.tag_id, coalesce(u.source, '') as scope, sum(u.count) as item_count
        from unnest(add_to_counts.tag_ids, sources, counts) u (tag_id, source, count)
        group by u.tag_id, grouping sets ((u.source), ())
        having sum(u.count) <> 0
    ),
    written as (
        insert into gallery.tag_count as t (tag_id, scope, item_count)
        select c.tag_id, c.scope, c.item_count from change c
        on conflict (tag_id, scope) do update
        set item_count = t.item_count + excluded.item_count
        returning t.tag_id
    )
    select array_agg(distinct w.tag_id) into v_tags from written w;
    if v_tags is not null then
        delete from gallery.tag_count t where t.tag_id = any (v_tags) and t.item_count = 0;
        perform gallery.publish_counts(v_tags);
    end if;
end
$function$;
comment on function gallery.add_to_counts(uuid[], text[], bigint[]) is
    'Adds to the counts of some tags in some sources, and publishes them.';

-- How many of a tag's items are of a source is how many bits its container shares with the source's own.
create or replace function gallery.count_block(p_block_no int)
returns table (tag_id uuid, source text, item_count bigint)
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan'
set enable_hashjoin = 'off' set enable_mergejoin = 'off' set enable_seqscan = 'off' set jit = 'off'
as $function$
declare
    v_sources text[];
    v_bits    bit varying[];
begin
    select array_agg(t.source), array_agg(coalesce(k.bits, (select gallery.slots_to_bits(e, 1) from unnest(k.slots) e)))
    into v_sources, v_bits
    from unnest(gallery.source_types()) t (source)
    join gallery.bitmap_container k on k.key = gallery.source_key(t.source) and k.kind = gallery.kind_source() and k.block_no = p_block_no;
    return query
    select k.key, v_sources[n], c.shared
    from gallery.bitmap_container k
    cross join generate_subscripts(v_sources, 1) n
    cross join lateral (
        select case when k.bits is not null then bit_count(k.bits & v_bits[n])
                    else (select sum(get_bit(s.bits, s.slot))
                          from (select b.bits, unnest(k.slots) as slot from (select v_bits[n] as bits offset 0) b) s)
               end as shared offset 0) c
    where k.block_no = p_block_no and k.kind = gallery.kind_tag() and c.shared > 0;
end
$function$;
comment on function gallery.count_block(int) is
    'How many items carry each tag in a block, a source at a time.';

create or replace function gallery.block_tags(
    block_nos int[], out tag_ids uuid[], out sources text[], out counts bigint[])
language plpgsql stable
set search_path from current
as $function$
begin
    select array_agg(c.tag_id), array_agg(c.source), array_agg(c.item_count) into tag_ids, sources, counts
    from unnest(block_nos) b
    cross join lateral gallery.count_block(b) c;
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

create or replace function gallery.count_containers()
returns table (tag_id uuid, scope text, item_count bigint)
language plpgsql stable
set search_path from current
as $function$
begin
    return query
    select c.tag_id, coalesce(c.source, ''), sum(c.item_count)::bigint
    from gallery.bitmap_block b
    cross join lateral gallery.count_block(b.block_no) c
    group by c.tag_id, grouping sets ((c.source), ());
end
$function$;
comment on function gallery.count_containers() is
    'What gallery.tag_count holds, counted anew. Cost: a read of all containers.';

create or replace function gallery.count_all_tags()
returns void
language plpgsql
set search_path from current
as $function$
begin
    delete from gallery.tag_count;
    insert into gallery.tag_count (tag_id, scope, item_count)
    select c.tag_id, c.scope, c.item_count from gallery.count_containers() c;
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
       (select (count(*), coalesce(sum(t.item_count), 0)) from gallery.tag_count t where t.scope <> '') then
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
