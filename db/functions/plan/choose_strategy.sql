-- The planner: which strategy answers a query. The caller's, if one is forced; else the choice of the
-- planner in force, by the figures of figures.sql and the estimates of estimates.sql.

create or replace function gallery.strategies()
returns text[]
language sql immutable
return '{ordered_walk,self_join,group_having,two_phase_single,two_phase_dual,bitmap,full_scan}'::text[];
comment on function gallery.strategies() is
    'The strategies that can be asked for by name.';

create or replace function gallery.check_strategy(strategy text)
returns void
language plpgsql immutable
set search_path from current
as $function$
begin
    if strategy <> all (gallery.strategies()) then
        perform gallery.raise_error('TG004', format('unknown strategy %L', left(strategy, 60)),
            format('Known are %s; leave it out to let the planner choose.', array_to_string(gallery.strategies(), ', ')));
    end if;
end
$function$;
comment on function gallery.check_strategy(text) is
    'TG004 if there is no strategy of that name.';

create or replace function gallery.refuse_strategy(e gallery.estimate)
returns void
language plpgsql immutable
set search_path from current
as $function$
begin
    perform gallery.raise_error('TG005', format('strategy %s can''t answer this query: %s', e.strategy, e.unable),
        case when e.unable like 'enable%'
             then format('Switch it on by gallery_configure(''{"%s": true}''), or let the planner choose.', split_part(e.unable, ' ', 1))
             else 'Require a tag in tags_all, or let the planner choose.' end);
end
$function$;
comment on function gallery.refuse_strategy(gallery.estimate) is
    'TG005: a strategy that was asked for can''t be taken.';

create or replace function gallery.nothing_to_choose(f gallery.filter)
returns boolean
language plpgsql immutable
set search_path from current
as $function$
begin
    return f.impossible
        or f.tags_all is null and f.tags_any is null and f.tags_none is null and f.creators is null and f.own_sources is null;
end
$function$;
comment on function gallery.nothing_to_choose(gallery.filter) is
    'Whether nothing could find the matches of a filter sooner than a walk.';

create or replace function gallery.choose_among(
    estimates gallery.estimate[], s gallery.scan, strategy text, in_force gallery.settings_in_force, choice gallery.choice)
returns gallery.choice
language plpgsql immutable
set search_path from current
as $function$
declare
    e gallery.estimate := gallery.estimate_of(estimates, strategy);
begin
    if strategy is not null then
        if e.unable is not null and not (strategy = 'bitmap' and in_force.enable_bitmap) then     -- that one says itself what it lacks
            perform gallery.refuse_strategy(e);
        end if;
        choice.strategy := strategy;
        choice.steps := array[row(strategy, null, e.cost)]::gallery.step[];
        choice.reason := 'it was asked for';
    elsif in_force.planner = 'rules' then
        choice := gallery.choose_by_rules(s, estimates, in_force, choice);
    else
        choice := gallery.choose_by_cost(s, estimates, in_force, choice);
    end if;
    if choice.strategy is null then
        perform gallery.raise_error('TG005', 'no strategy that can answer this query is switched on',
            'Switch ordered_walk on, which answers every query, by gallery_configure(''{"enable_ordered_walk": true}'').');
    end if;
    e := gallery.estimate_of(estimates, choice.strategy);
    choice.estimated_candidates := coalesce(e.candidates, (s.figures).items)::bigint;
    return choice;
end
$function$;
comment on function gallery.choose_among(gallery.estimate[], gallery.scan, text, gallery.settings_in_force, gallery.choice) is
    'Completes a choice: the strategy asked for, or that of the planner in force. Errors: TG005.';

create or replace function gallery.choose_strategy(f gallery.filter, s gallery.scan, strategy text, in_force gallery.settings_in_force)
returns gallery.choice
language plpgsql stable
set search_path from current
as $function$
declare
    c gallery.choice;
    e gallery.estimate;
begin
    perform gallery.check_strategy(strategy);
    c.k := coalesce(cardinality(f.tags_all), 0);
    s.wanted := coalesce(s.wanted, 26);
    if strategy is null and in_force.enable_ordered_walk and gallery.nothing_to_choose(f) then
        c.strategy := 'ordered_walk';
        c.steps := array[row('ordered_walk', null, s.wanted)]::gallery.step[];
        c.reason := case when f.impossible then 'the conditions contradict each other: nothing is read'
                                           else 'no condition leads to the matches' end;
        c.estimated_candidates := case when f.impossible then 0 else s.wanted end;
        if not f.impossible and gallery.needs_item_test(f) then
            c.figures := gallery.read_figures(f, s, in_force);
            s.figures := c.figures;
            c.steps := gallery.steps_of(row('ordered_walk', null, s.wanted, null)::gallery.estimate, s, in_force);
        end if;
        return c;
    end if;

    s.figures := gallery.read_figures(f, s, in_force);
    c.figures := s.figures;
    c.tags_all := gallery.required_tags(s.figures);
    c.rarest_count := gallery.rarest_count(s.figures);
    e := gallery.estimate_bitmap(f, s);
    if strategy is null and gallery.bitmap_is_least(e, f, s, in_force) then
        c.strategy := 'bitmap';
        c.steps := gallery.steps_of(e, s, in_force);
        c.reason := 'its estimate is less than what any other would cost at its best';
        c.estimated_candidates := e.candidates::bigint;
        return c;
    end if;
    return gallery.choose_among(gallery.estimates(f, s, in_force), s, strategy, in_force, c);
end
$function$;
comment on function gallery.choose_strategy(gallery.filter, gallery.scan, text, gallery.settings_in_force) is
    'The strategy to run, and the figures and the order of tags to run it by. Errors: TG004 for an unknown one, TG005 for one that can''t be taken.';
