-- What the list strategies share: narrowing lists of items one condition after the other, in the way
-- that costs less, and making a page of what is left.

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

create or replace function gallery.list_candidates(f gallery.filter, tags uuid[])
returns gallery.candidates[]
language plpgsql stable
set search_path from current
as $function$
begin
    return array(select row(source, gallery.list_carriers(tags, source))::gallery.candidates from unnest(f.sources) source);
end
$function$;
comment on function gallery.list_candidates(gallery.filter, uuid[]) is
    'The items of the filter''s sources that carry one of the tags.';

create or replace function gallery.barred_candidates(f gallery.filter)
returns gallery.candidates[]
language plpgsql stable
set search_path from current
as $function$
begin
    return case when f.tags_none is not null then gallery.list_candidates(f, f.tags_none) end;
end
$function$;
comment on function gallery.barred_candidates(gallery.filter) is
    'The items of the filter''s sources that carry a tag that must not be carried; null where the filter names none.';

create or replace function gallery.narrow_candidates(lists gallery.candidates[], conditions gallery.narrowing[], g gallery.figures)
returns gallery.candidates[]
language plpgsql stable
set search_path from current
as $function$
begin
    return array(select row(l.source, gallery.keep_matches(l.ids, l.source, conditions, g))::gallery.candidates
                 from unnest(lists) l);
end
$function$;
comment on function gallery.narrow_candidates(gallery.candidates[], gallery.narrowing[], gallery.figures) is
    'What more conditions on tags leave of some candidates.';

create or replace function gallery.count_candidates(lists gallery.candidates[])
returns bigint
language plpgsql immutable
set search_path from current
as $function$
begin
    return (select sum(cardinality(l.ids)) from unnest(lists) l);
end
$function$;
comment on function gallery.count_candidates(gallery.candidates[]) is
    'How many candidates there are.';

create or replace function gallery.page_of_lists(f gallery.filter, s gallery.scan, lists gallery.candidates[])
returns gallery.position[]
language plpgsql stable
set search_path from current
as $function$
begin
    return gallery.in_page_order(array(
        select c
        from unnest(lists) l
        cross join lateral gallery.page_of_candidates(f, s, l.source, l.ids) c), s);
end
$function$;
comment on function gallery.page_of_lists(gallery.filter, gallery.scan, gallery.candidates[]) is
    'The page of candidates that satisfy the filter''s tags.';
