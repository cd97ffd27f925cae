-- Items found by going through the whole table, and counted by it. Tags that must not be carried are told by a hash
-- table of the items that carry them; looked up item by item, they would touch more than the table has.

create or replace function gallery.not_listed_sql()
returns text
language sql immutable
return $condition$(without is null
                             or (i.id, i.source_type) not in (
                                    select c.id, l.source from unnest(without) l cross join lateral unnest(l.ids) c (id)))$condition$;
comment on function gallery.not_listed_sql() is
    'Whether an item is on none of some lists, without, a variable of the function around it: by a hash table. Told in a plan made for null, it is nothing.';

do $define$
declare
    v_way record;
begin
    for v_way in select * from (values ('desc', '<'), ('asc', '>')) way (direction, beyond) loop
        -- RETURN QUERY is what PL/pgSQL runs in parallel
        execute format($template$
            create or replace function gallery.scan_%1$s(f gallery.filter, s gallery.scan, without gallery.candidates[])
            returns setof gallery.position
            language plpgsql stable
            set search_path from current
            set plan_cache_mode = 'force_custom_plan'
            set enable_seqscan = 'on' set enable_indexscan = 'off' set enable_indexonlyscan = 'off' set enable_bitmapscan = 'off'
            set jit = 'off' set max_parallel_workers_per_gather = 0
            as $function$
            #variable_conflict use_variable
            declare
                v_patterns text[] := gallery.word_patterns(f.terms);
            begin
                -- pages have it at 0: here, what the server, the database or the role have it at
                perform set_config(p.name, p.reset_val, true) from pg_settings p where p.name = 'max_parallel_workers_per_gather';
                return query
                select p.*
                from (select %3$s
                      from @schema@.content_items_all i
                      where %4$s
                        and %5$s
                      offset 0) p (segment, created_at, quality, id, source)       -- only of what is found the place is compared
                where (s.after).id is null
                   or row(p.segment, p.created_at, p.quality, p.id, p.source)::gallery.position %2$s s.after
                order by 1 %1$s, 2 %1$s, 3 %1$s, 4 %1$s, 5 %1$s
                limit s.wanted;
            end
            $function$;
            comment on function gallery.scan_%1$s(gallery.filter, gallery.scan, gallery.candidates[]) is
                'The first wanted items after the scan''s position, in its order, that hold all words, satisfy what else the filter asks of their rows, and are on none of some lists (null: there are none); travelling %1$s. Cost: the whole table.';
            $template$,
            v_way.direction, v_way.beyond, gallery.position_sql(), gallery.match_patterns_sql(), gallery.not_listed_sql());
    end loop;
end
$define$;

create or replace function gallery.scan_items(f gallery.filter, s gallery.scan, without gallery.candidates[])
returns gallery.position[]
language plpgsql stable
set search_path from current
as $function$
begin
    if s.descending then
        return array(select p from gallery.scan_desc(f, s, without) p);
    end if;
    return array(select p from gallery.scan_asc(f, s, without) p);
end
$function$;
comment on function gallery.scan_items(gallery.filter, gallery.scan, gallery.candidates[]) is
    'The first wanted items after the scan''s position that satisfy all but the filter''s tags and are on none of some lists (null: there are none). Cost: the whole table.';

do $define$
begin
    execute format($template$
        create or replace function gallery.count_items(f gallery.filter, without gallery.candidates[])
        returns bigint
        language plpgsql stable
        set search_path from current
        set plan_cache_mode = 'force_custom_plan'
        set enable_seqscan = 'on' set enable_indexscan = 'off' set enable_indexonlyscan = 'off' set enable_bitmapscan = 'off'
        set jit = 'off'
        as $function$
        #variable_conflict use_variable
        declare
            v_patterns text[] := gallery.word_patterns(f.terms);
        begin
            return (select count(*) from @schema@.content_items_all i where %s and %s);
        end
        $function$;
        $template$, gallery.match_patterns_sql(), gallery.not_listed_sql());
end
$define$;
comment on function gallery.count_items(gallery.filter, gallery.candidates[]) is
    'How many items satisfy all but the filter''s tags and are on none of some lists (null: there are none). Cost: the whole table.';
