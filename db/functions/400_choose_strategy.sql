-- The planner: which strategy answers a query.

create or replace function gallery.check_strategy(strategy text)
returns void
language plpgsql stable
set search_path from current
as $function$
begin
    if strategy is not null and to_regproc('gallery.' || quote_ident('strategy_' || strategy)) is null then
        perform gallery.raise_error('TG004', format('unknown strategy %L', left(strategy, 60)),
            (select 'Known are ' || string_agg(substr(p.proname, 10), ', ' order by p.proname) || '; leave it out to let the planner choose.'
             from pg_proc p where p.pronamespace = 'gallery'::regnamespace and p.proname like 'strategy\_%'));
    end if;
end
$function$;
comment on function gallery.check_strategy(text) is
    'TG004 if there is no strategy of that name.';

create or replace function gallery.choose_strategy(f gallery.filter, s gallery.scan, strategy text)
returns gallery.choice
language plpgsql stable
set search_path from current
as $function$
begin
    perform gallery.check_strategy(strategy);
    return row(coalesce(strategy, 'ordered_walk'), coalesce(cardinality(f.tags_all), 0), null, null, null)::gallery.choice;
end
$function$;
