-- The tags that come next in the listing after a position, in either order and direction.

create or replace function gallery.tags_window(
    f gallery.tag_filter, s gallery.tag_scan, wanted int)
returns setof gallery.tag_position
language plpgsql stable rows 25
set search_path from current
as $function$
declare
    -- Counts are indexed negated, so that all columns of either order run the same way.
    v_order    text := case when f.by_count then '-l.item_count, ' else '' end || 'l.name_start, l.tag_id';
    v_position text := case when f.by_count then '-$7, ' else '' end || '$8, $9';
    v_beyond   text := case when s.forward then '>' else '<' end;
    v_way      text := case when s.forward then 'asc' else 'desc' end;
begin
    -- Planned for its arguments at every call: it is they that decide which index to read.
    return query execute format(
        $query$
            select l.item_count, l.name_start, l.tag_id
            from gallery.tag_listing l
            where l.scope = $1
              and -l.item_count between -$2 and -$3
              and ($4 is null or l.name_start like $4)
              and ($5 is null or exists (select from @schema@.tags t where t.id = l.tag_id and starts_with(t.name, $5)))
              and ($6 or (%1$s) %2$s (%3$s))
            order by %4$s
            limit $10
        $query$,
        v_order, v_beyond, v_position, replace(v_order, ',', ' ' || v_way || ',') || ' ' || v_way)
    using f.scope,
          coalesce(f.max_count, 9223372036854775807),
          coalesce(f.min_count, 0),
          regexp_replace(left(f.name_prefix, 80), '[\\%_]', '\\\&', 'g') || '%',
          case when length(f.name_prefix) > 80 then f.name_prefix end,
          s.after is null,
          (s.after).item_count, (s.after).name_start, (s.after).tag_id,
          wanted;
end
$function$;
comment on function gallery.tags_window(gallery.tag_filter, gallery.tag_scan, int) is
    'The next wanted tags of a scan, in its direction of travel.';
