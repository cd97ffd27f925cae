-- Runs a plan: one strategy after the other, each within its budget, until the page is full or the items
-- are at an end. This is the only place where one strategy hands over to another.
--
-- Exactness: a strategy that stops for want of budget has found all matches up to the place that it
-- reached, or none at all; the next one starts from there, in the same snapshot. Lists that it has in
-- hand hold every item that may still be wanted: as many are wanted less as the position has moved on.
--
-- A strategy is a function gallery.strategy_NAME(filter, scan, budget): a new one is a new file, named in
-- the list order before this one, a name in gallery.strategies(), and an estimate. The branches are made
-- of the functions that are there: a statement put together at run time would be planned for each page.

do $define$
begin
    execute format($template$
        create or replace function gallery.run_step(strategy text, f gallery.filter, s gallery.scan, budget double precision)
        returns gallery.stretch
        language plpgsql stable
        set search_path from current
        as $function$
        declare
            v_found gallery.stretch;
        begin
            case strategy
            %s
            end case;
            return v_found;
        end
        $function$;
        $template$,
        (select string_agg(format('when %L then v_found := gallery.%I(f, s, budget);', substr(p.proname, 10), p.proname), E'\n            '
                           order by p.proname <> 'strategy_bitmap', p.proname)
         from pg_proc p
         where p.pronamespace = 'gallery'::regnamespace and p.proname like E'strategy\\_%'));
end
$define$;
comment on function gallery.run_step(text, gallery.filter, gallery.scan, double precision) is
    'What a strategy, by its name, finds within a budget (null: no budget).';

-- A budget is a guess at how far it is worth while to go. Where it is spent and has brought some matches, the
-- others are likely to lie as near to each other. So the strategy gets a second budget, for as many as are still
-- wanted and three standard deviations of such a count more; unless the next step would cost little more than
-- that, or fewer than four were found, from which nothing follows. For example, if 4,000 buffers have brought 20
-- of 26 matches, the 6 others get 4,000 / 20 * (6 + 3 * 2.4), some 2,700.
create or replace function gallery.second_budget(first double precision, found int, wanted bigint, next double precision)
returns double precision
language sql immutable
return case when found >= 4 and first / found * (wanted + 3 * sqrt(wanted)) < next / 2 then first / found * (wanted + 3 * sqrt(wanted)) end;
comment on function gallery.second_budget(double precision, int, bigint, double precision) is
    'What a strategy may spend on so many further matches, having found some for a first budget; null: the next step, of that estimate, is to take over.';

create or replace function gallery.run_plan(choice gallery.choice, f gallery.filter, s gallery.scan)
returns gallery.run
language plpgsql stable
set search_path from current
as $function$
declare
    v_run    gallery.run := row('{}', '{}')::gallery.run;
    v_found  gallery.stretch;
    v_step   gallery.step;
    v_budget double precision;
    v_start  timestamptz;
begin
    f.tags_all := choice.tags_all;
    s.figures := choice.figures;
    for v_n in 1 .. cardinality(choice.steps) loop
        v_step := choice.steps[v_n];
        v_budget := v_step.budget;
        for v_round in 1 .. 2 loop
            v_start := clock_timestamp();
            v_found := gallery.run_step(v_step.strategy, f, s, v_budget);
            v_run.places := v_run.places || v_found.places;
            v_run.taken := v_run.taken || row(v_n, v_step.strategy, v_budget, v_step.estimate, cardinality(v_found.places),
                extract(epoch from clock_timestamp() - v_start) * 1000, v_found.finished)::gallery.step_taken;
            if v_found.finished then
                return v_run;
            end if;
            s.after := coalesce(v_found.reached, s.after);
            s.wanted := s.wanted - cardinality(v_found.places);
            s.lists := v_found.lists;
            s.narrowed := v_found.narrowed;
            s.counted := v_found.counted;
            v_budget := gallery.second_budget(v_budget, cardinality(v_found.places), s.wanted, choice.steps[v_n + 1].estimate);
            exit when v_budget is null;
        end loop;
    end loop;
    -- the last step has no budget: a page that lacks items is never given
    raise exception 'The plan % ended before the page was full', choice.steps
        using hint = 'This is a bug of pg_gallery: please report it, with the arguments. Until it is mended, strategy => ''ordered_walk'' answers.';
end
$function$;
comment on function gallery.run_plan(gallery.choice, gallery.filter, gallery.scan) is
    'The first wanted matches after the scan''s position, in page order, by the plan chosen, which gets the figures and the order of tags that it was chosen by.';
