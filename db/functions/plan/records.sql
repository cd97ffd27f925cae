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
    'Some items of a source; some of several are an array of these, each source once.';

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
    budget      double precision,       -- that another strategy may touch before the bitmap index takes over
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
    seed        gallery.candidates[]    -- a source asked for each, in the order of ids: for a walk that tests the rarest tag by its list; null: it probes for it
);
comment on type gallery.scan is
    'What a strategy is asked for: the next wanted matches after a position, in the direction of travel.';

drop type if exists gallery.stretch cascade;
create type gallery.stretch as (
    places      gallery.position[],     -- of the matches met
    reached     gallery.position        -- where it ended for want of budget; null: it met enough, or the end
);
comment on type gallery.stretch is
    'A stretch of a walk along a sort index. Every place up to reached has been looked at.';

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

drop type if exists gallery.choice cascade;
create type gallery.choice as (
    strategy    text,
    runs        text,                   -- what is run: the strategy, or the one that lets it compete with another
    k           int,                    -- how many tags are required
    rarest_count bigint,                -- items that carry the rarest of them
    estimated_candidates bigint,        -- items that the strategy would look at
    reason      text,
    tags_all    uuid[],                 -- the required tags, the rarest first
    figures     gallery.figures         -- what the choice was made by; null where there was none to make
);
comment on type gallery.choice is
    'What the planner chose, and why.';
