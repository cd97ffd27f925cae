-- Calls a strategy by its name. A strategy is a function gallery.strategy_NAME(filter, scan): a new
-- one is a new file in this folder, and a line in the planner that says when it is worth taking.

create or replace function gallery.run_strategy(strategy text, f gallery.filter, s gallery.scan)
returns gallery.position[]
language plpgsql stable
set search_path from current
as $function$
declare
    v_places gallery.position[];
begin
    execute format('select array(select p from gallery.%I($1, $2) p)', 'strategy_' || strategy)
        into v_places using f, s;
    return v_places;
end
$function$;
comment on function gallery.run_strategy(text, gallery.filter, gallery.scan) is
    'The first wanted matches after the scan''s position, in page order, by the strategy named.';
