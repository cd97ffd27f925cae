-- Items by their ids: fetched, tested against what the filter asks of their own rows, and put into the
-- page order.

create or replace function gallery.plan_fetch(g gallery.figures, ids int)
returns void
language plpgsql stable
set search_path from current
as $function$
begin
    if not gallery.fetched_by_probing(g, ids) then
        perform set_config('plan_cache_mode', 'force_custom_plan', true);
    end if;
end
$function$;
comment on function gallery.plan_fetch(gallery.figures, int) is
    'Has the next statement, which fetches items by their ids, planned for that many, unless its cached plan, a probe for each, will do; up to the end of the innermost function that has a SET clause for plan_cache_mode.';

do $define$
declare
    v_way record;
begin
    for v_way in select * from (values ('desc', '<'), ('asc', '>')) way (direction, beyond) loop
        execute format($template$
            create or replace function gallery.fetch_%1$s(f gallery.filter, s gallery.scan, source text, ids bigint[])
            returns setof gallery.position
            language plpgsql stable
            set search_path from current
            set plan_cache_mode = 'force_generic_plan'
            as $function$
            begin
                perform gallery.plan_fetch(s.figures, cardinality(ids));
                return query
                select %3$s
                from unnest(ids) c (id)
                join @schema@.content_items_all i on i.id = c.id and i.source_type = fetch_%1$s.source
                where %4$s
                  and ((s.after).id is null or row(%3$s)::gallery.position %2$s s.after)
                order by 1 %1$s, 2 %1$s, 3 %1$s, 4 %1$s, 5 %1$s
                limit s.wanted;
            end
            $function$;
            comment on function gallery.fetch_%1$s(gallery.filter, gallery.scan, text, bigint[]) is
                'Of some items of a source, the first wanted that satisfy all but the filter''s tags, after the scan''s position; travelling %1$s.';
            $template$,
            v_way.direction, v_way.beyond, gallery.position_sql(), gallery.match_attributes_sql());
    end loop;
end
$define$;

create or replace function gallery.page_of_candidates(f gallery.filter, s gallery.scan, source text, ids bigint[])
returns setof gallery.position
language plpgsql stable
set search_path from current
as $function$
begin
    if ids = '{}' then
        return;
    elsif s.descending then
        return query select p.* from gallery.fetch_desc(f, s, source, ids) p;
    else
        return query select p.* from gallery.fetch_asc(f, s, source, ids) p;
    end if;
end
$function$;
comment on function gallery.page_of_candidates(gallery.filter, gallery.scan, text, bigint[]) is
    'The page of some items of a source that satisfy the filter''s tags: tests the rest of the filter, sorts.';

do $define$
begin
    execute format($template$
        create or replace function gallery.count_fetched(f gallery.filter, g gallery.figures, source text, ids bigint[])
        returns bigint
        language plpgsql stable
        set search_path from current
        set plan_cache_mode = 'force_generic_plan'
        as $function$
        begin
            perform gallery.plan_fetch(g, cardinality(ids));
            return (select count(*)
                    from unnest(ids) c (id)
                    join @schema@.content_items_all i on i.id = c.id and i.source_type = count_fetched.source
                    where %s);
        end
        $function$;
        $template$, gallery.match_attributes_sql());
end
$define$;
comment on function gallery.count_fetched(gallery.filter, gallery.figures, text, bigint[]) is
    'How many of some items of a source satisfy all but the filter''s tags.';
