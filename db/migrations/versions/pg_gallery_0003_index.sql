-- The log of changed items, the bitmap index, and the triggers that write the log.
-- How it is read stands in db/functions/36x, how it is kept in 65x to 68x.

create table gallery.dirty_item (
    content_source  text,
    content_id      bigint,
    removed_tags    uuid[],
    removed_creator uuid
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
        autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 100000);
comment on table gallery.dirty_item is
    'Append-only log: an item changed, in the transaction that changed it, and is not indexed anew yet. In any snapshot, what the index says of an item without a row here is what the tables say. A row without an item means: everything.';
comment on column gallery.dirty_item.removed_tags is 'Tags that the statement took away; the item''s present tags are read when it is indexed.';
comment on column gallery.dirty_item.removed_creator is 'The creator that the statement took away.';

create table gallery.bitmap_block (
    block_no        int primary key,
    lower_at        timestamptz not null,
    lower_id        bigint not null,
    lower_source    text collate "C" not null,
    slots           int not null,
    unique (lower_at, lower_id, lower_source)
);
comment on table gallery.bitmap_block is
    'Blocks of consecutive items in page order (created_at, id, source), numbered upwards in that order with gaps for splits. A block takes the items from its lower bound up to the next block''s.';
comment on column gallery.bitmap_block.slots is 'How many slots are taken, those of deleted items included.';

create table gallery.bitmap_slot (
    block_no        int not null,
    chunk           smallint not null,
    lower_at        timestamptz not null,
    lower_id        bigint not null,
    lower_source    text collate "C" not null,
    ids             bigint[] not null,
    sources         "char"[] not null,
    created_ats     timestamptz[] not null,
    primary key (block_no, chunk),
    unique (lower_at, lower_id, lower_source)
);
alter table gallery.bitmap_slot alter ids set storage plain, alter sources set storage plain, alter created_ats set storage plain;
comment on table gallery.bitmap_slot is
    'Which item stands in a slot of a block: chunks of consecutive slots, a row each, in line on one page. The lower bound is the first slot''s place.';
comment on column gallery.bitmap_slot.sources is 'The first letter of the item''s source_type.';

create table gallery.bitmap_item (
    content_id      bigint not null,
    content_source  text not null,
    block_no        int not null,
    slot            smallint not null,
    primary key (content_id, content_source)
);
comment on table gallery.bitmap_item is 'The way back: in which slot an item stands.';

create table gallery.bitmap_container (
    key             uuid not null,
    block_no        int not null,
    kind            smallint not null,
    cardinality     int not null,
    in_items        int not null,
    bits            bit varying,
    slots           smallint[],
    primary key (key, kind, block_no),
    check ((bits is null) <> (slots is null))
) with (fillfactor = 80, toast_tuple_target = 8160,
        autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
        autovacuum_analyze_scale_factor = 0.2);
alter table gallery.bitmap_container alter bits set storage main, alter slots set storage main;
create index bitmap_container_block_no_idx on gallery.bitmap_container (block_no);
comment on table gallery.bitmap_container is
    'For a key and a block in which it occurs: the slots of the items that carry the key, as a bit string, or as a sorted array where they are few.';
comment on column gallery.bitmap_container.in_items is 'How many of these items are of the source type items.';
comment on column gallery.bitmap_container.kind is '0: key is a tag''s id; 1: a creator''s; 2: md5 of a source_type; 3: not private (key is nil).';

create table gallery.bitmap_state (
    only_row        boolean primary key default true check (only_row),
    built           boolean not null,
    frontier        int,
    refreshed_at    timestamptz not null
);
comment on table gallery.bitmap_state is 'Whether the index is built. While it is being built, newest block first, frontier is the block built last.';
insert into gallery.bitmap_state values (true, not exists (select from content_items_all), null, now());

-- Work space of the refresh; empty between refreshes, so it need not be logged.
create unlogged table gallery.refresh_item (
    source          text not null,
    id              bigint not null,
    created_at      timestamptz,
    creator_id      uuid,
    is_public       boolean not null,
    tags            uuid[] not null,
    removed_tags    uuid[] not null,
    removed_creators uuid[] not null,
    block_no        int,
    slot            smallint,
    kept            boolean not null
);
comment on table gallery.refresh_item is 'The items that a refresh has taken from the log and not indexed yet.';
comment on column gallery.refresh_item.created_at is 'Null: the item is gone.';
comment on column gallery.refresh_item.kept is 'Whether the item stays in the slot in which it is indexed.';
