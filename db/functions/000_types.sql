-- The row types that the private functions hand to each other. They are made anew at every
-- installation: nothing outside this folder depends on them, and no table stores them.

drop type if exists gallery.filter cascade;
create type gallery.filter as (
    tags_all        uuid[],             -- every condition: null where there is none
    tags_any        uuid[],
    tags_none       uuid[],
    sources         text[],             -- the source types to look into; never null
    own_sources     text[],             -- those in which the viewer's own items count, and those
    other_sources   text[],             --   in which everybody else's do; null where that is one
    viewer          uuid,
    creators        uuid[],
    content_types   text[],
    terms           text[],             -- lower-case words and phrases
    created_from    timestamptz,
    created_before  timestamptz,
    min_quality     double precision,
    impossible      boolean             -- true: the conditions contradict each other
);
comment on type gallery.filter is
    'A checked filter in canonical form: sets are sorted and without duplicates, so equal filters are equal rows.';

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

drop type if exists gallery.scan cascade;
create type gallery.scan as (
    by_quality  boolean,                -- sort by quality_score, else by created_at
    descending  boolean,                -- the direction of travel: of values, ids and sources alike
    backward    boolean,                -- against the page order: items without a quality come first
    after       gallery.position,       -- exclusive; null: from the start
    wanted      bigint                  -- how many rows
);
comment on type gallery.scan is
    'What a strategy is asked for: the next wanted matches after a position, in the direction of travel.';

drop type if exists gallery.page cascade;
create type gallery.page as (
    places      gallery.position[],     -- in page order, whichever way it was read
    next_cursor text,
    prev_cursor text
);
comment on type gallery.page is
    'A page as it is found, before its items are fetched.';

drop type if exists gallery.choice cascade;
create type gallery.choice as (
    strategy    text,
    k           int,                    -- how many tags are required
    rarest_count bigint,                -- items that carry the rarest of them
    estimated_candidates bigint,        -- items that the strategy would look at
    reason      text
);
comment on type gallery.choice is
    'What the planner chose, and why.';
