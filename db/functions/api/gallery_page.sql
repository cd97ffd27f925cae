-- gallery_page: where a page comes from. Check the arguments, open the cursor, choose a strategy,
-- find the page's places, fetch its items. What an item's own row says of the filter, its privacy before
-- all, is tested once more where the row is in hand anyway: whatever changes no trigger saw, and
-- whatever the index believes, no item is shown that its row does not allow.

do $define$
begin
    execute format($template$
        create or replace function @schema@.gallery_page(
            tags_all uuid[] default null, tags_any uuid[] default null, tags_none uuid[] default null,
            content_source_types text[] default null, viewer uuid default null, creators uuid[] default null,
            content_types text[] default null, search text default null,
            created_from timestamptz default null, created_before timestamptz default null,
            min_quality double precision default null,
            sort_field text default 'created_at', sort_order text default 'desc',
            page_size int default 25, cursor text default null, strategy text default null)
        returns table (
            id bigint, source_type text, title text, content_type text, content_data text, item_metadata jsonb,
            creator_id uuid, created_at timestamptz, updated_at timestamptz, quality_score double precision,
            is_private boolean, path_thumb text, path_thumbs_alt_res jsonb, prompt text,
            next_cursor text, prev_cursor text)
        language plpgsql stable rows 25
        set search_path from current
        set plan_cache_mode = 'force_generic_plan' set enable_seqscan = 'off'
        set jit = 'off' set max_parallel_workers_per_gather = 0
        as $function$
        declare
            v_in_force gallery.settings_in_force := gallery.current_settings();
            f        gallery.filter := gallery.make_filter(tags_all, tags_any, tags_none, content_source_types, viewer,
                                           creators, content_types, search collate "default", created_from, created_before, min_quality,
                                           v_in_force);
            s        gallery.scan := gallery.make_scan(sort_field collate "default", sort_order);
            v_size   int := gallery.check_page_size(page_size);
            v_choice gallery.choice;
            v_mark   text collate "default" := gallery.fingerprint(f, s);
            v_page   gallery.page;
            v_start  timestamptz := clock_timestamp();
        begin
            s.wanted := v_size::bigint + 1;
            v_choice := gallery.choose_strategy(f, s, strategy collate "default", v_in_force);
            if cursor is not null then
                s := gallery.open_cursor(cursor collate "default", s, v_mark);
            end if;
            if f.impossible then
                return;
            end if;
            v_page := gallery.find_page(f, s, v_size, v_choice, v_mark);
            perform gallery.log_choice(v_choice.strategy, v_choice.k, v_choice.rarest_count, v_choice.estimated_candidates,
                                       coalesce(cardinality(v_page.places), 0), v_start, v_in_force);
            return query
            select i.id, i.source_type, i.title, i.content_type, i.content_data, i.item_metadata, i.creator_id, i.created_at,
                   i.updated_at, i.quality_score, i.is_private, i.path_thumb, i.path_thumbs_alt_res, i.prompt,
                   v_page.next_cursor, v_page.prev_cursor
            from unnest(v_page.places) with ordinality p (segment, created_at, quality, id, source, n)
            cross join lateral (select * from @schema@.content_items_all a
                                where a.id = p.id and a.source_type = p.source collate "default" offset 0) i
            where case when s.by_quality then i.quality_score is not distinct from p.quality else i.created_at = p.created_at end
              and %s
            order by p.n;       -- offset 0: one probe an item, never a join of the whole table; collate: in its partition alone
        end
        $function$;
        $template$, gallery.match_attributes_sql());
end
$define$;
comment on function @schema@.gallery_page(uuid[], uuid[], uuid[], text[], uuid, uuid[], text[], text, timestamptz, timestamptz, double precision, text, text, int, text, text) is
$comment$The page of items that match every condition given, in the order (sort value, id, source_type).
Filter: tags_all, tags_any, tags_none (tag ids); content_source_types (user-regular, user-auto, community-regular, community-auto); viewer (who is looking, unless the setting viewer.pinned_to says where the server knows it from; private items are seen by their creator alone); creators; content_types; search (words and "phrases" in title or prompt); created_from <= created_at < created_before; min_quality.
Page: sort_field created_at | quality_score (null last); sort_order desc | asc; page_size 1 to 500; cursor: a next_cursor or prev_cursor of the same filter and sort; strategy: forces one, for tests and benchmarks.
Bounds: 5000 elements in all arrays together, 8192 bytes of search.
next_cursor and prev_cursor are the same on every row, and null where nothing matches any more that way.
Errors: TG001, TG002 (cursor), TG004 (arguments), TG005 (strategy). Cost: about a millisecond with its rows for any tags in the order of created_at, a few by quality_score; content types, min_quality and words are tested on item after item until the page is full, so where hardly any item has the words, on every item.$comment$;
