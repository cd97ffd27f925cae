-- Runs the strategy that was chosen, by its name. A strategy is a function
-- gallery.strategy_NAME(filter, scan): a new one is a new file before this one, and a row of
-- gallery.strategies() with its estimate. The branches are made of the functions that are there: a
-- statement put together at run time would be planned for each page.

do $define$
begin
    execute format($template$
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
            case choice.runs
            %s
            end case;
            return v_places;
        end
        $function$;
        $template$,
        (select string_agg(format('when %L then v_places := gallery.%I(f, s);', substr(p.proname, 10), p.proname), E'\n            '
                           order by p.proname)
         from pg_proc p
         where p.pronamespace = 'gallery'::regnamespace and p.proname like E'strategy\\_%'));
end
$define$;
comment on function gallery.run_strategy(gallery.choice, gallery.filter, gallery.scan) is
    'The first wanted matches after the scan''s position, in page order, by the strategy chosen, which gets the figures and the order of tags that it was chosen by.';
