-- What the steps of the strategies cost. The unit is a buffer touched, a page of 8 kB read from memory
-- or disk: it is what can be told beforehand (how long each tag's list is, is known), what makes a
-- cold cache slow, and what EXPLAIN (BUFFERS) shows. Where many rows come from few buffers, as from a
-- tag's list, each row counts as a part of one, by the time it takes.
-- These functions are single expressions, so that PostgreSQL puts them in line.

create or replace function gallery.cost_of_listing(g gallery.figures, n gallery.narrowing)
returns double precision
language sql immutable
return g.sources * cardinality(n.tags) * g.tag_probe + n.listed * g.list_row;
comment on function gallery.cost_of_listing(gallery.figures, gallery.narrowing) is
    'Reading the lists of a condition''s tags.';

create or replace function gallery.cost_of_probing(g gallery.figures, ids double precision)
returns double precision
language sql immutable
return ids * g.tag_probe;
comment on function gallery.cost_of_probing(gallery.figures, double precision) is
    'Learning of some items, one by one, whether they carry a tag.';

create or replace function gallery.cost_of_narrowing(g gallery.figures, n gallery.narrowing, ids double precision)
returns double precision
language sql immutable
return least(gallery.cost_of_listing(g, n), gallery.cost_of_probing(g, ids));
comment on function gallery.cost_of_narrowing(gallery.figures, gallery.narrowing, double precision) is
    'Keeping those of some items that satisfy a condition: by its tags'' lists, or by a probe for each.';

create or replace function gallery.cost_of_scan(g gallery.figures)
returns double precision
language sql immutable
return g.item_pages + g.items * gallery.scanned_row();
comment on function gallery.cost_of_scan(gallery.figures) is
    'Going through all items.';

-- No more buffers are touched than the table has, but for some thousand, which take less time than going
-- through a table does.
create or replace function gallery.fetched_by_probing(g gallery.figures, ids double precision)
returns boolean
language sql immutable
return ids * g.item_probe < greatest(g.item_pages, gallery.patience());
comment on function gallery.fetched_by_probing(gallery.figures, double precision) is
    'Whether so many items are fetched one by one.';

create or replace function gallery.cost_of_fetching(g gallery.figures, ids double precision)
returns double precision
language sql immutable
return case when gallery.fetched_by_probing(g, ids) then ids * g.item_probe else gallery.cost_of_scan(g) end;
comment on function gallery.cost_of_fetching(gallery.figures, double precision) is
    'Fetching items by their ids: one by one, or by going through all there are.';

create or replace function gallery.meeting(items double precision, g gallery.figures, n gallery.narrowing)
returns double precision
language sql immutable
return case when items < 1e-30 then 0       -- a thousand conditions must not underflow
            when n.carried and cardinality(n.tags) = 1 then items * least(n.listed / g.items, 1)
            when n.carried then items * (1 - exp(-least(n.listed / g.items, 100)))
            when cardinality(n.tags) = 1 then items * greatest(1 - n.listed / g.items, 0)
            else items * exp(-least(n.listed / g.items, 100)) end;
comment on function gallery.meeting(double precision, gallery.figures, gallery.narrowing) is
    'How many of so many items satisfy a condition, were its tags independent of what the items satisfy so far and, if they are several, spread over all items at random.';

create or replace function gallery.cost_of_tests(g gallery.figures, conditions gallery.narrowing[], met double precision)
returns double precision
language plpgsql immutable
set search_path from current
as $function$
declare
    v_cost double precision := 0::double precision;
    n      gallery.narrowing;
begin
    foreach n in array conditions loop
        if n.carried and cardinality(n.tags) = 1 then
            v_cost := v_cost + met * g.tag_probe;
            met := gallery.meeting(met, g, n);
        end if;
    end loop;
    foreach n in array conditions loop
        if not (n.carried and cardinality(n.tags) = 1) then     -- looks through the item's tags
            v_cost := v_cost + met * (g.tag_probe + 1);
            met := gallery.meeting(met, g, n);
        end if;
    end loop;
    return v_cost;
end
$function$;
comment on function gallery.cost_of_tests(gallery.figures, gallery.narrowing[], double precision) is
    'Testing an item''s tags up to the first condition that fails, were they independent; met: the share of items that are tested at all.';

create or replace function gallery.cost_of_walk_step(g gallery.figures, by_quality boolean)
returns double precision
language sql immutable
return case when by_quality then 1.5 else gallery.entry_cost() end      -- items lie about in the order in which they were created, and in no order of quality
       + gallery.cost_of_tests(g, g.narrowings, g.tested);
comment on function gallery.cost_of_walk_step(gallery.figures, boolean) is
    'Meeting an item on a walk and testing it.';

create or replace function gallery.cost_of_seeded_step(g gallery.figures)
returns double precision
language sql immutable
return gallery.entry_cost()                             -- an entry of the sort index, its id looked up in the list
       + least((g.narrowings[1]).listed / g.items, 1) * g.item_probe
       + gallery.cost_of_tests(g, g.narrowings, g.tested * least((g.narrowings[1]).listed / g.items, 1));
comment on function gallery.cost_of_seeded_step(gallery.figures) is
    'Meeting an item on a walk that has the list of the rarest tag, and testing it if it is on the list.';

create or replace function gallery.cost_of_places(g gallery.figures, bits double precision)
returns double precision
language sql immutable
return least(bits * gallery.chunk_cost(), g.items / gallery.chunk_capacity() * gallery.chunk_cost()) + bits * gallery.placed_row();
comment on function gallery.cost_of_places(gallery.figures, double precision) is
    'Learning which items stand in so many slots: they share chunks where many are set.';

create or replace function gallery.places_for(g gallery.figures, budget double precision)
returns bigint
language sql immutable
return least(greatest(budget / (gallery.chunk_cost() + gallery.placed_row()),
                      (budget - g.items / gallery.chunk_capacity() * gallery.chunk_cost()) / gallery.placed_row()), 1e18)::bigint;
comment on function gallery.places_for(gallery.figures, double precision) is
    'The items of how many slots can be learnt within a budget; null: of all.';

create or replace function gallery.cost_of_walk(g gallery.figures, wanted bigint, matches double precision)
returns double precision
language sql immutable
return coalesce(g.seed_cost, 0) + least(wanted * g.items / greatest(matches * g.tested, 1), g.items) * g.walk_step;
comment on function gallery.cost_of_walk(gallery.figures, bigint, double precision) is
    'Meeting so many on a walk, were the matches spread evenly.';

create or replace function gallery.cost_of_listed_walk(g gallery.figures, wanted bigint, matches double precision)
returns double precision
language sql immutable
return least(wanted * g.items / greatest(matches * g.tested, 1), g.items) * gallery.entry_cost() + wanted / g.tested * g.item_probe;
comment on function gallery.cost_of_listed_walk(gallery.figures, bigint, double precision) is
    'Meeting so many on a walk that has a list of all candidates.';

create or replace function gallery.worst_of_join(g gallery.figures)
returns double precision
language plpgsql immutable
set search_path from current
as $function$
declare
    n       gallery.narrowing := g.narrowings[1];
    v_worst double precision;
begin
    if n.carried then
        v_worst := gallery.cost_of_listing(g, n) + gallery.cost_of_fetching(g, n.listed);
        foreach n in array g.narrowings[2:] loop
            v_worst := v_worst + gallery.cost_of_narrowing(g, n, (g.narrowings[1]).listed);
        end loop;
    end if;
    return v_worst;
end
$function$;
comment on function gallery.worst_of_join(gallery.figures) is
    'What strategy self_join costs if no further condition narrows its first list; null if it has none.';

create or replace function gallery.cost_of_full_scan(g gallery.figures)
returns double precision
language sql immutable
return coalesce(gallery.worst_of_join(g), gallery.cost_of_scan(g) + coalesce(gallery.cost_of_listing(g, g.narrowings[1]), 0));
comment on function gallery.cost_of_full_scan(gallery.figures) is
    'What strategy full_scan costs.';
