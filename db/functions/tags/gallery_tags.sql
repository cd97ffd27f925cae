-- gallery_tags: popular tags, tag search with counts, autocomplete.

create or replace function @schema@.gallery_tags(
    name_prefix text default null, source_types text[] default null,
    min_count bigint default null, max_count bigint default null,
    sort text default 'count', page_size int default 25, cursor text default null)
returns table (tag_id uuid, name text, item_count bigint, counts_by_source jsonb, next_cursor text, prev_cursor text)
language plpgsql stable rows 25
set search_path from current
set plan_cache_mode = 'force_generic_plan'
as $function$
declare
    f        gallery.tag_filter := gallery.make_tag_filter(name_prefix collate "default", source_types, min_count, max_count, sort);
    s        gallery.tag_scan   := row(null::gallery.tag_position, true);
    v_size   int                := gallery.check_page_size(page_size);
    v_mark   text collate "default" := gallery.tags_fingerprint(f);
    v_unlisted uuid[]           := gallery.unlisted_tags(f.scope);
    v_places gallery.tag_position[];
    v_ahead  boolean;
    v_behind boolean;
    v_next   text;
    v_prev   text;
begin
    if cursor is not null then
        s := gallery.open_tags_cursor(cursor collate "default", v_mark);
    end if;
    v_places := array(select w from gallery.tags_window(f, s, v_size + 1, v_unlisted) w);
    v_ahead  := cardinality(v_places) > v_size;
    v_places := v_places[:v_size];
    v_behind := s.after is not null
                and exists (select from gallery.tags_window(f, row(v_places[1], not s.forward)::gallery.tag_scan, 1, v_unlisted));
    if not s.forward then
        v_places := array(select v_places[n] from generate_series(cardinality(v_places), 1, -1) n);
    end if;
    if (case when s.forward then v_ahead else v_behind end) then
        v_next := gallery.tags_cursor(v_places[cardinality(v_places)], true, v_mark);
    end if;
    if (case when s.forward then v_behind else v_ahead end) then
        v_prev := gallery.tags_cursor(v_places[1], false, v_mark);
    end if;
    return query
    select p.tag_id, t.name, p.item_count,
           case when coalesce(p.tag_id = any (v_unlisted), true)
                then (select c.counts_by_source from gallery.counted_tags(array[p.tag_id], f.scope) c)
                else gallery.listed_counts(p.tag_id, f.scope) end,
           v_next, v_prev
    from unnest(v_places) with ordinality p (item_count, name_start, tag_id, n)
    cross join lateral (select a.name from @schema@.tags a where a.id = p.tag_id offset 0) t
    order by p.n;                       -- offset 0: one probe a tag, never a join of the whole table
end
$function$;
comment on function @schema@.gallery_tags(text, text[], bigint, bigint, text, int, text) is
$comment$Tags with the number of items that carry each: popular tags, search by the start of the name, autocomplete. Tags that no item carries are not listed.
name_prefix: names that start with it, letter by letter: case counts, and %, _ and \ are themselves. source_types: count items of these sources alone; NULL counts all. min_count, max_count: the least and greatest item_count, both included.
sort: 'count' (the most carried first, then by name) or 'name'; names sort by code point ("C"), and by their first 80 characters and then the id where they are longer. page_size: 1 to 500. cursor: a next_cursor or prev_cursor of the same filter and sort.
counts_by_source: {source: count}, which add up to item_count. next_cursor and prev_cursor are the same on every row, and NULL where there is nothing more that way.
Counts are those of tag_cardinality_stats, exact as of the last gallery_refresh(); they include private items. A role that row level security hides rows from, or that may not read these statistics, gets the counts of the items that it may see, at the cost of reading all tag rows.
Errors: TG001, TG002 (cursor), TG004 (arguments). Cost: well under a millisecond; for several sources that are not all, a read of the statistics of all tags.$comment$;
