-- What the list strategies share: reading the lists of items that the junction holds for tags,
-- narrowing them, and making a page of what is left. A list is of one source, so that an item and
-- its namesake in another never mix.

create or replace function gallery.use_work_mem()
returns void
language plpgsql stable
set search_path from current
as $function$
begin
    perform set_config('work_mem', (gallery.current_settings()).max_work_mem_mb || 'MB', true);
end
$function$;
comment on function gallery.use_work_mem() is
    'Sets work_mem to max_work_mem_mb, up to the end of the innermost function that has a SET clause for work_mem: every strategy that handles lists.';

create or replace function gallery.list_carriers(tags uuid[], source text)
returns bigint[]
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan' set enable_seqscan = 'off' set enable_bitmapscan = 'off'
as $function$
#variable_conflict use_variable
begin
    if cardinality(tags) = 1 then
        return array(select t.content_id from @schema@.content_tags t
                     where t.tag_id = tags[1] and t.content_source = source order by t.content_id);
    end if;
    return array(select distinct t.content_id from @schema@.content_tags t where t.tag_id = any (tags) and t.content_source = source);
end
$function$;
comment on function gallery.list_carriers(uuid[], text) is
    'The items of a source that carry one of the tags; in the order of their ids if it is one tag, for whom looks them up by halving.';

-- Narrowing a list of items to those that satisfy a condition on tags is done in two ways, each a
-- function whose planner settings leave one plan.

create or replace function gallery.keep_by_probing(ids bigint[], source text, tags uuid[], carried boolean)
returns bigint[]
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan' set enable_seqscan = 'off' set enable_bitmapscan = 'off'
set enable_hashjoin = 'off' set enable_mergejoin = 'off'
as $function$
#variable_conflict use_variable
declare
    v_tag uuid := case when cardinality(tags) = 1 then tags[1] end;     -- of several, all that the item carries are looked at
begin
    if v_tag is not null then
        return array(select c.id from unnest(ids) c (id)
                     where carried = exists (select from @schema@.content_tags t where t.content_id = c.id and t.content_source = source
                                                                          and t.tag_id = v_tag offset 0));
    end if;
    return array(select c.id from unnest(ids) c (id)
                 where carried = exists (select from @schema@.content_tags t where t.content_id = c.id and t.content_source = source
                                                                      and t.tag_id = any (tags) offset 0));
end
$function$;
comment on function gallery.keep_by_probing(bigint[], text, uuid[], boolean) is
    'Of some items of a source, those that carry one of the tags, or none of them: by a probe for each item.';

create or replace function gallery.keep_by_listing(ids bigint[], source text, tags uuid[], carried boolean)
returns bigint[]
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan' set enable_seqscan = 'off' set enable_bitmapscan = 'off'
set enable_hashjoin = 'off' set enable_nestloop = 'off'
as $function$
#variable_conflict use_variable
declare
    v_tag   uuid := case when cardinality(tags) = 1 then tags[1] end;   -- one tag's list comes in the order of ids
    v_least bigint;                                                     -- the rest of a list is not read
    v_most  bigint;
begin
    select min(e), max(e) into v_least, v_most from unnest(ids) e;
    return case
        when carried and v_tag is not null then
            array(select c.id from unnest(ids) c (id)
                  join @schema@.content_tags t on t.content_id = c.id
                  where t.content_source = source and t.tag_id = v_tag and t.content_id between v_least and v_most)
        when carried then
            array(select c.id from unnest(ids) c (id)
                  where c.id in (select t.content_id from @schema@.content_tags t
                                 where t.content_source = source and t.tag_id = any (tags) and t.content_id between v_least and v_most))
        when v_tag is not null then
            array(select c.id from unnest(ids) c (id)
                  where not exists (select from @schema@.content_tags t
                                    where t.content_id = c.id and t.content_source = source and t.tag_id = v_tag
                                      and t.content_id between v_least and v_most))
        else
            array(select c.id from unnest(ids) c (id)
                  where not exists (select from @schema@.content_tags t
                                    where t.content_id = c.id and t.content_source = source and t.tag_id = any (tags)
                                      and t.content_id between v_least and v_most))
    end;
end
$function$;
comment on function gallery.keep_by_listing(bigint[], text, uuid[], boolean) is
    'Of some items of a source, those that carry one of the tags, or none of them: by merging with the tags'' lists.';

create or replace function gallery.keep_carriers(ids bigint[], source text, n gallery.narrowing, g gallery.figures)
returns bigint[]
language plpgsql stable
set search_path from current
as $function$
begin
    return case
        when ids = '{}' then ids
        when gallery.cost_of_listing(g, n) < gallery.cost_of_probing(g, cardinality(ids))
            then gallery.keep_by_listing(ids, source, n.tags, n.carried)
        else gallery.keep_by_probing(ids, source, n.tags, n.carried)
    end;
end
$function$;
comment on function gallery.keep_carriers(bigint[], text, gallery.narrowing, gallery.figures) is
    'Of some items of a source, those that satisfy a condition on tags; in the way that costs less.';

create or replace function gallery.few_candidates()
returns int
language sql immutable parallel safe
return 30;
comment on function gallery.few_candidates() is
    'So many items are sooner tested for all conditions that are left than by a statement a condition.';

create or replace function gallery.keep_by_tests(ids bigint[], source text, conditions gallery.narrowing[])
returns bigint[]
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan' set enable_seqscan = 'off' set enable_bitmapscan = 'off'
set enable_hashjoin = 'off' set enable_mergejoin = 'off'
as $function$
#variable_conflict use_variable
begin
    return array(
        select c.id
        from unnest(ids) c (id)
        where not exists (select from unnest(conditions) n
                          where n.carried <> exists (select from @schema@.content_tags t
                                                     where t.content_id = c.id and t.content_source = source
                                                       and t.tag_id = any (n.tags) offset 0) offset 0));
end
$function$;
comment on function gallery.keep_by_tests(bigint[], text, gallery.narrowing[]) is
    'Of some items of a source, those that satisfy all of some conditions on tags: each is tested up to the first that fails, in one statement.';

create or replace function gallery.keep_matches(ids bigint[], source text, conditions gallery.narrowing[], g gallery.figures)
returns bigint[]
language plpgsql stable
set search_path from current
as $function$
begin
    for v_n in 1 .. cardinality(conditions) loop
        exit when ids = '{}';
        if cardinality(ids) <= gallery.few_candidates() and v_n < cardinality(conditions) then
            return gallery.keep_by_tests(ids, source, conditions[v_n:]);
        end if;
        ids := gallery.keep_carriers(ids, source, conditions[v_n], g);
    end loop;
    return ids;
end
$function$;
comment on function gallery.keep_matches(bigint[], text, gallery.narrowing[], gallery.figures) is
    'Of some items of a source, those that satisfy some conditions on tags, one after the other until nothing is left.';

create or replace function gallery.tag_conditions(g gallery.figures, required boolean)
returns gallery.narrowing[]
language plpgsql immutable
set search_path from current
as $function$
begin
    return array(select n
                 from unnest(g.narrowings) with ordinality c (tags, carried, listed, place)
                 cross join lateral (select row(c.tags, c.carried, c.listed)::gallery.narrowing) r (n)
                 where (c.carried and cardinality(c.tags) = 1) = required
                 order by c.place);
end
$function$;
comment on function gallery.tag_conditions(gallery.figures, boolean) is
    'What a filter asks of tags: each required tag, the rarest first; or the rest, tags_any and tags_none.';

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
