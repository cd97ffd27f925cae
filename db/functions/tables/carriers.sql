-- The items that carry tags: reading the lists of items that the junction holds for tags, and keeping
-- those of a list that satisfy a condition. A list is of one source, so that an item and its namesake
-- in another never mix. Each way of doing it is a function whose planner settings leave one plan.

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

create or replace function gallery.keep_carriers_of_all(ids bigint[], source text, tags uuid[])
returns bigint[]
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_generic_plan'
as $function$
#variable_conflict use_variable
begin
    if ids = '{}' or tags = '{}' then
        return ids;
    end if;
    return array(            -- offset 0: probes, in the order of the tags, up to the first that fails
        select c.id
        from unnest(ids) c (id)
        where not exists (select from unnest(tags) w (id)
                          where not exists (select from @schema@.content_tags t
                                            where t.content_id = c.id and t.content_source = source
                                              and t.tag_id = w.id offset 0) offset 0));
end
$function$;
comment on function gallery.keep_carriers_of_all(bigint[], text, uuid[]) is
    'Of some items of a source, those that carry all of the tags: a probe a tag, up to the first that is missing.';

create or replace function gallery.group_having(tags uuid[], source text)
returns bigint[]
language plpgsql stable
set search_path from current
set plan_cache_mode = 'force_custom_plan'
as $function$
#variable_conflict use_variable
begin
    return array(
        select t.content_id
        from @schema@.content_tags t
        where t.tag_id = any (tags) and t.content_source = source
        group by t.content_id
        having count(*) = cardinality(tags));       -- (item, tag) is unique
end
$function$;
comment on function gallery.group_having(uuid[], text) is
    'The items of a source that carry all of the tags.';
