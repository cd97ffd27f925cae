-- Items by their ids: fetched, tested against what the filter asks of their own rows, and put into the
-- page order. They are fetched one by one, or, where they are many, by going through the table with
-- their ids in a hash table. Each way is a function whose planner settings leave one plan, and OFFSET 0
-- keeps the order of the page out of it: else a planner that believes a statistic may walk along
-- created_at and look for each item among the ids, which takes seconds.

do $define$
declare
    v_way record;
begin
    for v_way in select * from (values ('desc', '<'), ('asc', '>')) way (direction, beyond) loop
        execute format($template$
            create or replace function gallery.fetch_probing_%1$s(f gallery.filter, s gallery.scan, source text, ids bigint[])
            returns setof gallery.position
            language plpgsql stable
            set search_path from current
            set plan_cache_mode = 'force_generic_plan'
            set enable_seqscan = 'off' set enable_bitmapscan = 'off' set enable_hashjoin = 'off' set enable_mergejoin = 'off'
            as $function$
            begin
                return query
                select p.*
                from (select %3$s
                      from unnest(ids) c (id)
                      cross join lateral (select a.* from @schema@.content_items_all a
                                          where a.id = c.id and a.source_type = fetch_probing_%1$s.source offset 0) i
                      where %4$s
                        and ((s.after).id is null or row(%3$s)::gallery.position %2$s s.after)
                      offset 0) p
                order by 1 %1$s, 2 %1$s, 3 %1$s, 4 %1$s, 5 %1$s
                limit s.wanted;
            end
            $function$;
            comment on function gallery.fetch_probing_%1$s(gallery.filter, gallery.scan, text, bigint[]) is
                'Of some items of a source, the first wanted that satisfy all but the filter''s tags, after the scan''s position; travelling %1$s. Cost: a probe an item.';
            $template$,
            v_way.direction, v_way.beyond, gallery.position_sql(), gallery.match_attributes_sql());
        execute format($template$
            create or replace function gallery.fetch_scanning_%1$s(f gallery.filter, s gallery.scan, source text, ids bigint[])
            returns setof gallery.position
            language plpgsql stable
            set search_path from current
            set plan_cache_mode = 'force_generic_plan'
            set enable_seqscan = 'on' set enable_nestloop = 'off' set enable_mergejoin = 'off' set enable_bitmapscan = 'off'
            set enable_indexscan = 'off' set enable_indexonlyscan = 'off'
            as $function$
            #variable_conflict use_variable
            declare
                v_patterns text[] := gallery.word_patterns(f.terms);
            begin
                return query
                select p.*
                from (select %3$s
                      from (select i.*              -- offset 0: what is not among the ids is not tested
                            from unnest(ids) c (id)
                            join @schema@.content_items_all i on i.id = c.id and i.source_type = fetch_scanning_%1$s.source
                            offset 0) i
                      where %4$s
                        and ((s.after).id is null or row(%3$s)::gallery.position %2$s s.after)
                      offset 0) p
                order by 1 %1$s, 2 %1$s, 3 %1$s, 4 %1$s, 5 %1$s
                limit s.wanted;
            end
            $function$;
            comment on function gallery.fetch_scanning_%1$s(gallery.filter, gallery.scan, text, bigint[]) is
                'The same as fetch_probing_%1$s. Cost: the whole table, once.';
            $template$,
            v_way.direction, v_way.beyond, gallery.position_sql(), gallery.match_patterns_sql());
    end loop;
end
$define$;

create or replace function gallery.probing_pays(g gallery.figures, ids double precision)
returns boolean
language plpgsql stable
set search_path from current
as $function$
begin
    return ids * g.item_probe < gallery.patience() or ids * g.item_probe < gallery.pages_of_items();
end
$function$;
comment on function gallery.probing_pays(gallery.figures, double precision) is
    'Whether fetching so many items one by one touches fewer buffers than their tables have, as they are now: statistics may be of another time.';

create or replace function gallery.page_of_candidates(f gallery.filter, s gallery.scan, source text, ids bigint[])
returns setof gallery.position
language plpgsql stable
set search_path from current
as $function$
begin
    if ids = '{}' then
        return;
    elsif gallery.probing_pays(s.figures, cardinality(ids)) then
        if s.descending then
            return query select p.* from gallery.fetch_probing_desc(f, s, source, ids) p;
        else
            return query select p.* from gallery.fetch_probing_asc(f, s, source, ids) p;
        end if;
    elsif s.descending then
        return query select p.* from gallery.fetch_scanning_desc(f, s, source, ids) p;
    else
        return query select p.* from gallery.fetch_scanning_asc(f, s, source, ids) p;
    end if;
end
$function$;
comment on function gallery.page_of_candidates(gallery.filter, gallery.scan, text, bigint[]) is
    'The page of some items of a source that satisfy the filter''s tags: tests the rest of the filter, sorts.';

do $define$
begin
    execute format($template$
        create or replace function gallery.count_probing(f gallery.filter, source text, ids bigint[])
        returns bigint
        language plpgsql stable
        set search_path from current
        set plan_cache_mode = 'force_generic_plan'
        set enable_seqscan = 'off' set enable_bitmapscan = 'off' set enable_hashjoin = 'off' set enable_mergejoin = 'off'
        as $function$
        begin
            return (select count(*)
                    from unnest(ids) c (id)
                    cross join lateral (select a.* from @schema@.content_items_all a
                                        where a.id = c.id and a.source_type = count_probing.source offset 0) i
                    where %s);
        end
        $function$;
        $template$, gallery.match_attributes_sql());
    execute format($template$
        create or replace function gallery.count_scanning(f gallery.filter, source text, ids bigint[])
        returns bigint
        language plpgsql stable
        set search_path from current
        set plan_cache_mode = 'force_generic_plan'
        set enable_seqscan = 'on' set enable_nestloop = 'off' set enable_mergejoin = 'off' set enable_bitmapscan = 'off'
        set enable_indexscan = 'off' set enable_indexonlyscan = 'off'
        as $function$
        #variable_conflict use_variable
        declare
            v_patterns text[] := gallery.word_patterns(f.terms);
        begin
            return (select count(*)
                    from (select i.*
                          from unnest(ids) c (id)
                          join @schema@.content_items_all i on i.id = c.id and i.source_type = count_scanning.source
                          offset 0) i
                    where %s);
        end
        $function$;
        $template$, gallery.match_patterns_sql());
end
$define$;
comment on function gallery.count_probing(gallery.filter, text, bigint[]) is
    'How many of some items of a source satisfy all but the filter''s tags. Cost: a probe an item.';
comment on function gallery.count_scanning(gallery.filter, text, bigint[]) is
    'The same as count_probing. Cost: the whole table, once.';

create or replace function gallery.count_fetched(f gallery.filter, g gallery.figures, source text, ids bigint[])
returns bigint
language plpgsql stable
set search_path from current
as $function$
begin
    return case when ids = '{}' then 0
                when gallery.probing_pays(g, cardinality(ids)) then gallery.count_probing(f, source, ids)
                else gallery.count_scanning(f, source, ids) end;
end
$function$;
comment on function gallery.count_fetched(gallery.filter, gallery.figures, text, bigint[]) is
    'How many of some items of a source satisfy all but the filter''s tags.';
