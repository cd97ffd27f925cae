-- Runs the strategy that was chosen, by its name. A strategy is a function gallery.strategy_NAME(filter, scan): a new
-- one is a new file in this folder, and a row of gallery.strategies() with its estimate.

create or replace function gallery.run_strategy(choice gallery.choice, f gallery.filter, s gallery.scan)
returns gallery.position[]
language plpgsql stable
set search_path from current
as $function$
declare
    v_places gallery.position[];
begin
    f.tags_all := choice.tags_all;
    s.figures := choice.figures;
    execute format('select array(select p from gallery.%I($1, $2) p)', 'strategy_' || choice.runs)
        into v_places using f, s;
    return v_places;
end
$function$;
comment on function gallery.run_strategy(gallery.choice, gallery.filter, gallery.scan) is
    'The first wanted matches after the scan''s position, in page order, by the strategy chosen, which gets the figures and the order of tags that it was chosen by.';
