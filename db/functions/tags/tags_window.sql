-- The tags that come next after a position, in either order and direction: of the listing, and
-- those that are not listed anew yet, or for a role that may not read the listing all of them, as
-- the tables have them.

create or replace function gallery.may_read_listing()
returns boolean
language plpgsql stable
set search_path from current
as $function$
begin
    return has_table_privilege('gallery.tag_listing', 'select')
       and has_table_privilege('gallery.dirty_tag', 'select')
       and has_table_privilege('@schema_text@.tag_cardinality_stats', 'select')
       and not gallery.rows_are_hidden();
end
$function$;
comment on function gallery.may_read_listing() is
    'Whether the current role sees the tags'' counts as they are derived from all rows.';

create or replace function gallery.count_visible_tags(tag_ids uuid[])
returns setof gallery.tag_listing
language plpgsql stable
set search_path from current
as $function$
#variable_conflict use_variable
begin
    return query
    select t.id, s.scope, gallery.tag_name_start(t.name), s.item_count, s.counts_by_source
    from @schema@.tags t
    join (select c.tag_id, coalesce(c.content_source, '') as scope,
                 sum(c.n)::bigint as item_count, jsonb_object_agg(c.content_source, c.n) as counts_by_source
          from (select ct.tag_id, ct.content_source, count(*) as n
                from @schema@.content_tags ct
                join @schema@.content_items_all i on i.id = ct.content_id and i.source_type = ct.content_source
                where tag_ids is null or ct.tag_id = any (tag_ids)
                group by 1, 2) c
          group by c.tag_id, grouping sets ((c.content_source), ())) s on s.tag_id = t.id;
end
$function$;
comment on function gallery.count_visible_tags(uuid[]) is
    'What gallery.tag_listing would hold for these tags (null: for all), if it were made of the rows that the current role may see. Cost: all tag rows.';

create or replace function gallery.counted_tags(tag_ids uuid[])
returns setof gallery.tag_listing
language plpgsql stable
set search_path from current
as $function$
begin
    if gallery.may_read_listing() then
        return query select e.* from gallery.expected_tag_listing(tag_ids) e;
    else
        return query select v.* from gallery.count_visible_tags(tag_ids) v;
    end if;
end
$function$;
comment on function gallery.counted_tags(uuid[]) is
    'Some tags (null: all) with their counts, worked out anew: from the statistics, or for a role that may not read those from the rows that it sees.';

create or replace function gallery.is_listed_scope(scope text)
returns boolean
language sql immutable
return strpos(scope, ',') = 0;
comment on function gallery.is_listed_scope(text) is
    'Whether gallery.tag_listing has rows of a scope: not of several sources that are not all.';

create or replace function gallery.counted_tags(tag_ids uuid[], scope text)
returns setof gallery.tag_listing
language plpgsql stable
set search_path from current
as $function$
begin
    if gallery.is_listed_scope(counted_tags.scope) then
        return query select c.* from gallery.counted_tags(tag_ids) c where c.scope = counted_tags.scope;
    else
        return query
        select c.tag_id, counted_tags.scope, c.name_start, sum(c.item_count)::bigint, jsonb_object_agg(c.scope, c.item_count)
        from gallery.counted_tags(tag_ids) c
        where c.scope = any (string_to_array(counted_tags.scope, ','))
        group by c.tag_id, c.name_start;
    end if;
end
$function$;
comment on function gallery.counted_tags(uuid[], text) is
    'Some tags (null: all) with their counts in a scope, worked out anew.';

create or replace function gallery.listed_counts(tag_id uuid, scope text)
returns jsonb
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan'
as $function$
begin
    return (select l.counts_by_source from gallery.tag_listing l where l.tag_id = listed_counts.tag_id and l.scope = listed_counts.scope);
end
$function$;
comment on function gallery.listed_counts(uuid, text) is 'The counts by source of a tag in the listing. A function, so that a role which may not read the listing is not asked for it.';

create or replace function gallery.unlisted_tags(scope text)
returns uuid[]
language plpgsql stable
set search_path from current
as $function$
begin
    return case when gallery.is_listed_scope(scope) and gallery.may_read_listing() then gallery.dirty_tags() end;
end
$function$;
comment on function gallery.unlisted_tags(text) is
    'The tags that gallery.tag_listing can''t be asked about now in a scope; null: all of them.';
drop function if exists gallery.unlisted_tags();

create or replace function gallery.tags_window(
    f gallery.tag_filter, s gallery.tag_scan, wanted int, unlisted uuid[])
returns setof gallery.tag_position
language plpgsql stable rows 25
set search_path from current
as $function$
declare
    -- Counts are indexed negated, so that all columns of either order run the same way.
    v_columns  text := case when f.by_count then '-l.item_count, ' else '' end || 'l.name_start, l.tag_id';
    v_position text := case when f.by_count then '-$7, ' else '' end || '$8, $9';
    v_way      text := case when s.forward then ' asc' else ' desc' end;
    v_order    text := replace(v_columns, ',', v_way || ',') || v_way;
    v_tags     text := '@schema_text@.tags'::regclass::text;
    v_beyond   text := case when s.forward then '>' else '<' end;
    c_next     constant text := $query$
            select l.item_count, l.name_start, l.tag_id
            from %1$s l
            where l.scope = $1
              and -l.item_count between -$2 and -$3
              and ($4 is null or l.name_start like $4)
              and ($5 is null or exists (select from %2$s t where t.id = l.tag_id and starts_with(t.name, $5)))
              and ($6 or (%3$s) %4$s (%5$s))
              %6$s
            order by %7$s
            limit $10
        $query$;
    v_listed   text := format(c_next, 'gallery.tag_listing', v_tags, v_columns, v_beyond, v_position, 'and l.tag_id <> all ($11)', v_order);
    v_counted  text := format(c_next, 'gallery.counted_tags($11, $1)', v_tags, v_columns, v_beyond, v_position, '', v_order);
begin
    -- Planned for its arguments at every call: it is they that decide which index to read.
    return query execute
        case when unlisted = '{}' then v_listed
             when unlisted is null then v_counted
             else format('select l.* from ((%s) union all (%s)) l order by %s limit $10', v_listed, v_counted, v_order) end
    using f.scope,
          coalesce(f.max_count, 9223372036854775807),
          coalesce(f.min_count, 0),
          regexp_replace(left(f.name_prefix, 80), E'[\\\\%_]', E'\\\\\\&', 'g') || '%',
          case when length(f.name_prefix) > 80 then f.name_prefix end,
          s.after is null,
          (s.after).item_count, (s.after).name_start, (s.after).tag_id,
          wanted, unlisted;
end
$function$;
comment on function gallery.tags_window(gallery.tag_filter, gallery.tag_scan, int, uuid[]) is
    'The next wanted tags of a scan, in its direction of travel; unlisted: those that the listing can''t be asked about, null for all.';
drop function if exists gallery.tags_window(gallery.tag_filter, gallery.tag_scan, int);
