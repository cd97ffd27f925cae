-- The row types that the private functions hand to each other. They are made anew at every
-- installation: nothing outside this folder depends on them, and no table stores them.

drop type if exists gallery.position cascade;
create type gallery.position as (
    segment     boolean,                -- keeps items without a quality apart; false by created_at
    created_at  timestamptz,            -- null in a sort by quality_score
    quality     double precision,       -- null in a sort by created_at
    id          bigint,
    source      text collate "C"
);
comment on type gallery.position is
    'An item''s place in the page order. Row comparison of two positions of one scan is that order.';

drop type if exists gallery.narrowing cascade;
create type gallery.narrowing as (
    tags        uuid[],
    carried     boolean,                -- keep the items that carry one of the tags; false: that carry none
    listed      double precision        -- how many rows the junction has for the tags, by the statistics
);
comment on type gallery.narrowing is
    'A step by which a list of items is narrowed to those that satisfy one condition on tags.';

drop type if exists gallery.dirty cascade;       -- of earlier versions
drop type if exists gallery.source_ids cascade;  -- likewise
drop type if exists gallery.candidates cascade;
create type gallery.candidates as (
    source      text,
    ids         bigint[]
);
comment on type gallery.candidates is
    'Some items of a source; some of several are an array of these.';

drop type if exists gallery.figures cascade;
create type gallery.figures as (
    narrowings  gallery.narrowing[],    -- what the filter asks of tags: first what must be carried, the rarest before all
    sources     int,                    -- how many sources are asked for
    items       double precision,       -- in these sources
    tested      double precision,       -- the share of them thought to satisfy what has neither tag nor key,
    owned       double precision,       -- and to be by the creators asked for, or the viewer's own
    carriers    double precision,       -- how many of those are thought to satisfy what is asked of tags
    item_pages  double precision,       -- that they fill
    item_probe  double precision,       -- buffers touched to fetch an item by its id,
    tag_probe   double precision,       -- to learn whether an item carries a tag,
    list_row    double precision,       -- for a row of a tag's list,
    walk_step   double precision,       -- to meet an item on a walk and test it,
    seed_cost   double precision,       -- to read the list by which a walk tests the rarest tag; null: it probes for it
    hidden      boolean,                -- row level security hides rows from the caller
    index_lacks text,                   -- why the bitmap index can't be used now; null if it can
    blocks      double precision,       -- that it has,
    dirty       double precision,       -- rows of its log: of items that changed since they were indexed,
    dirty_ids   gallery.candidates[]    -- and these items, in the order of ids
);
comment on type gallery.figures is
    'What statistics say of the data that a query asks for.';

drop type if exists gallery.scan cascade;
create type gallery.scan as (
    by_quality  boolean,                -- sort by quality_score, else by created_at
    descending  boolean,                -- the direction of travel: of values, ids and sources alike
    backward    boolean,                -- against the page order: items without a quality come first
    after       gallery.position,       -- exclusive; null: from the start
    wanted      bigint,                 -- how many rows
    figures     gallery.figures,        -- for strategies that go by them
    seed        gallery.candidates[],   -- for a walk that tests the rarest tag by its list: a list for each of gallery.source_types(); null: it probes for it
    lists       gallery.candidates[],   -- what an earlier step of the plan has in hand: the items of each source
    narrowed    int,                    --   that satisfy so many of the conditions on tags; null: nothing
    counted     bigint                  -- how many candidates there are, or at least, where a step has counted them
);
comment on type gallery.scan is
    'What a strategy is asked for: the next wanted matches after a position, in the direction of travel.';

drop type if exists gallery.stretch cascade;
create type gallery.stretch as (
    places      gallery.position[],     -- of matches: the first ones after the scan's position, none left out
    finished    boolean,                -- these are as many as were wanted, or all there are
    reached     gallery.position,       -- else: the place up to which they are all; null: the scan's position
    lists       gallery.candidates[],   -- and what it has in hand for a later step to go on from, as in gallery.scan
    narrowed    int,
    counted     bigint
);
comment on type gallery.stretch is
    'What a strategy found within its budget.';

create or replace function gallery.not_begun(s gallery.scan)
returns gallery.stretch
language sql immutable
return row('{}', false, null, s.lists, s.narrowed, s.counted)::gallery.stretch;
comment on function gallery.not_begun(gallery.scan) is
    'What a strategy gives that would exceed its budget before it finds anything: the position is as it was, and the next step goes on with the lists in hand.';

drop type if exists gallery.page cascade;
create type gallery.page as (
    places      gallery.position[],     -- in page order, whichever way it was read
    next_cursor text,
    prev_cursor text
);
comment on type gallery.page is
    'A page as it is found, before its items are fetched.';

drop type if exists gallery.estimate cascade;
create type gallery.estimate as (
    strategy    text,
    candidates  double precision,       -- items that it would look at
    cost        double precision,       -- buffers that it would touch
    unable      text                    -- why it can't be taken; null if it can
);
comment on type gallery.estimate is
    'What a strategy would take for a query.';

drop type if exists gallery.step cascade;
create type gallery.step as (
    strategy    text,
    budget      double precision,       -- buffers that it may touch, by its estimates; null: as many as it takes
    estimate    double precision        -- buffers that it is thought to touch
);
comment on type gallery.step is
    'A step of a plan: a strategy, and how much it may spend before the next step takes over.';

drop type if exists gallery.step_taken cascade;
create type gallery.step_taken as (
    place       int,                    -- of the step in the plan; a step may be taken twice
    strategy    text,
    budget      double precision,
    estimate    double precision,
    found       int,                    -- matches
    ms          double precision,
    finished    boolean                 -- false: its budget was spent, and the next step took over
);
comment on type gallery.step_taken is
    'A step of a plan as it was taken.';

drop type if exists gallery.run cascade;
create type gallery.run as (
    places      gallery.position[],
    taken       gallery.step_taken[]
);
comment on type gallery.run is
    'What a plan found, and by which steps.';

drop type if exists gallery.choice cascade;
create type gallery.choice as (
    strategy    text,
    steps       gallery.step[],         -- what is run: each step goes on where the one before it stopped
    k           int,                    -- how many tags are required
    rarest_count bigint,                -- items that carry the rarest of them
    estimated_candidates bigint,        -- items that the strategy would look at
    reason      text,
    tags_all    uuid[],                 -- the required tags, the rarest first
    figures     gallery.figures         -- what the choice was made by; null where there was none to make
);
comment on type gallery.choice is
    'What the planner chose, and why.';
