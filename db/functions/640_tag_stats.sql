-- tag_cardinality_stats follows the bitmap index: how many items of a source carry a tag is how many
-- bits are set for it.

create or replace function gallery.add_to_stats(tag_ids uuid[], sources text[], counts bigint[])
returns void
language plpgsql
set search_path from current
as $function$
begin
    insert into @schema@.tag_cardinality_stats as s (tag_id, content_source, cardinality)
    select u.tag_id, u.source, sum(u.count)
    from unnest(tag_ids, sources, counts) u (tag_id, source, count)
    group by 1, 2
    having sum(u.count) <> 0
    on conflict (tag_id, content_source) do update
    set cardinality = s.cardinality + excluded.cardinality, updated_at = now();
    delete from @schema@.tag_cardinality_stats s
    using unnest(tag_ids, sources, counts) u (tag_id, source, count)
    where s.tag_id = u.tag_id and s.content_source = u.source and u.count < 0 and s.cardinality = 0;
end
$function$;
comment on function gallery.add_to_stats(uuid[], text[], bigint[]) is
    'Adds to the cardinalities of some tags in some sources; tags left without items disappear.';

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

create or replace function gallery.add_difference_to_stats(
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
    perform gallery.add_to_stats(d.tags, d.sources, d.counts);
end
$function$;
comment on function gallery.add_difference_to_stats(uuid[], text[], bigint[], uuid[], text[], bigint[]) is
    'Brings the statistics from some blocks'' old counts to their new ones; most are equal and cost nothing.';

create or replace function gallery.count_all_tags()
returns void
language plpgsql
set search_path from current
as $function$
begin
    with counted as materialized (
        select k.key as tag_id, s.source, sum(s.count) as cardinality
        from gallery.bitmap_container k
        cross join lateral (values ('items', k.in_items), ('auto', k.cardinality - k.in_items)) s (source, count)
        where k.kind = 0 and s.count > 0
        group by 1, 2
    ),
    gone as (
        delete from @schema@.tag_cardinality_stats s
        where not exists (select from counted c where c.tag_id = s.tag_id and c.source = s.content_source)
    )
    insert into @schema@.tag_cardinality_stats as s (tag_id, content_source, cardinality)
    select c.tag_id, c.source, c.cardinality from counted c
    on conflict (tag_id, content_source) do update
    set cardinality = excluded.cardinality, updated_at = now()
    where s.cardinality <> excluded.cardinality;
end
$function$;
comment on function gallery.count_all_tags() is
    'Makes tag_cardinality_stats what the whole index says.';

revoke execute on function
    gallery.add_to_stats(uuid[], text[], bigint[]),
    gallery.add_difference_to_stats(uuid[], text[], bigint[], uuid[], text[], bigint[]),
    gallery.count_all_tags()
from public;
