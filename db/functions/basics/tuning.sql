-- Tuning: the numbers that decide between ways of doing the same thing, each named once. None of them
-- changes an answer; the tests replace them by small ones, so that a few hundred items take every way.
-- They are functions of one expression, which PostgreSQL puts in line: reading one costs nothing.

-- How the bitmap index is stored. Changing one of these needs a new index.

create or replace function gallery.block_capacity()
returns int
language sql immutable parallel safe
return 15360;
comment on function gallery.block_capacity() is
    'Slots in a block of the bitmap index, a multiple of 8. 15360 bits and their row head leave room for four containers on a page of 8 kB; twice as many were measured side by side, and were no faster and took more room.';

create or replace function gallery.chunk_capacity()
returns int
language sql immutable parallel safe
return 384;
comment on function gallery.chunk_capacity() is
    'Slots in a row of gallery.bitmap_slot: as many as fit on a page.';

create or replace function gallery.sparse_limit()
returns int
language sql immutable parallel safe
return 128;
comment on function gallery.sparse_limit() is
    'A container of at most so many slots is stored as an array. Few enough that turning it into bits, a copy of the bit string a slot, costs a few microseconds.';

create or replace function gallery.block_gap()
returns int
language sql immutable parallel safe
return 65536;
comment on function gallery.block_gap() is
    'How far apart blocks are numbered at first: room for sixteen splits in one place.';

-- How the bitmaps are read.

create or replace function gallery.wide_window()
returns int
language sql immutable parallel safe
return 8;
comment on function gallery.wide_window() is
    'So many blocks are read in a stretch rather than by a probe for each.';

create or replace function gallery.few_bits()
returns int
language sql immutable parallel safe
return 64;
comment on function gallery.few_bits() is
    'If no more bits than that are left in a block, a further key leaves none in many blocks.';

create or replace function gallery.least_first_blocks()
returns int
language sql immutable parallel safe
return 2;
comment on function gallery.least_first_blocks() is
    'The first window of a page has at least so many blocks.';

create or replace function gallery.most_first_blocks()
returns int
language sql immutable parallel safe
return 32;
comment on function gallery.most_first_blocks() is
    'The first window of a page has at most so many blocks.';

create or replace function gallery.most_blocks()
returns int
language sql immutable parallel safe
return 64;
comment on function gallery.most_blocks() is
    'No later window of a page has more blocks.';

create or replace function gallery.counted_blocks()
returns int
language sql immutable parallel safe
return 64;
comment on function gallery.counted_blocks() is
    'Blocks read at a time where all matches are counted.';

create or replace function gallery.counted_blocks_first()
returns int
language sql immutable parallel safe
return 4;
comment on function gallery.counted_blocks_first() is
    'Blocks read at first where counting may stop early.';

create or replace function gallery.most_places()
returns int
language sql immutable parallel safe
return 4000;
comment on function gallery.most_places() is
    'The items in no more than so many slots are looked up at a time.';

create or replace function gallery.chunk_cost()
returns double precision
language sql immutable parallel safe
return 3::double precision;
comment on function gallery.chunk_cost() is
    'Buffers touched to learn which items stand in a chunk of slots.';

-- How items are read.

create or replace function gallery.placed_row()
returns double precision
language sql immutable parallel safe
return 1::double precision;
comment on function gallery.placed_row() is
    'What listing an item takes that stands in a slot, in buffers, beside those of its chunk.';

create or replace function gallery.scanned_row()
returns double precision
language sql immutable parallel safe
return 0.05::double precision;
comment on function gallery.scanned_row() is
    'What looking at a row costs where a whole table is gone through, in buffers, beside those that the table fills.';

create or replace function gallery.few_candidates()
returns int
language sql immutable parallel safe
return 30;
comment on function gallery.few_candidates() is
    'So many items are sooner tested for all conditions that are left than by a statement a condition.';

create or replace function gallery.patience()
returns double precision
language sql immutable parallel safe
return 4000::double precision;
comment on function gallery.patience() is
    'Buffers that a step may spend on testing items one by one before it is looked at how many of them match: little beside going through a table of a million items, which has some 50,000 pages.';

create or replace function gallery.entry_cost()
returns double precision
language sql immutable parallel safe
return 0.3::double precision;
comment on function gallery.entry_cost() is
    'What an entry of a sort index costs on a walk, in buffers: hardly any are touched, but each entry takes time.';

create or replace function gallery.few_changed()
returns int
language sql immutable parallel safe
return 300;
comment on function gallery.few_changed() is
    'So many changed items are not worth telling apart by their places.';

create or replace function gallery.first_changed()
returns int
language sql immutable parallel safe
return 100;
comment on function gallery.first_changed() is
    'So many changed items are taken in the page order: if these fill the page, the others are not tested.';

-- How facets are counted.

create or replace function gallery.few_faceted()
returns int
language sql immutable parallel safe
return 1400;
comment on function gallery.few_faceted() is
    'Reading the tags of so many items costs as much as reading containers of one block.';

create or replace function gallery.first_facet_batch()
returns int
language sql immutable parallel safe
return 30;
comment on function gallery.first_facet_batch() is
    'The first batch of tags that are counted has so many; each further one has twice as many as the one before.';

create or replace function gallery.most_facet_batch()
returns int
language sql immutable parallel safe
return 400;
comment on function gallery.most_facet_batch() is
    'No batch of tags has more.';

-- How the index is kept.

create or replace function gallery.refresh_batch()
returns int
language sql immutable parallel safe
return 5000;
comment on function gallery.refresh_batch() is
    'So many rows of the log are worked off in one step.';

create or replace function gallery.refreshed_whole()
returns int
language sql immutable parallel safe
return 100000;
comment on function gallery.refreshed_whole() is
    'From so many rows of the log on, one go through the tables is cheaper.';

create or replace function gallery.changed_bits_most()
returns int
language sql immutable parallel safe
return 2000;
comment on function gallery.changed_bits_most() is
    'So many bits cost about as much to set as their block to build.';
