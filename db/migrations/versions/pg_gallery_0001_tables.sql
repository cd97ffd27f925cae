-- The tables, their constraints and indexes. Unqualified names follow search_path: the schema that
-- was chosen for the public objects. Everything private stands in the schema gallery.

-- What is installed

create schema gallery;
comment on schema gallery is 'The private objects of pg_gallery: call the functions gallery_... instead.';
grant usage on schema gallery to public;

create table gallery.installed (
    schema_name     text        not null,
    functions_hash  text,
    version         text,
    installed_at    timestamptz not null default now()
);
create unique index installed_one_row on gallery.installed ((true));
comment on table gallery.installed is 'What is installed in this database; exactly one row.';
comment on column gallery.installed.schema_name is 'The schema of the tables and of the public functions.';
comment on column gallery.installed.functions_hash is
    'SHA-256 of the function files as they were applied last; null: they must be applied again.';
comment on column gallery.installed.version is 'The version of the package that applied them.';
comment on column gallery.installed.installed_at is 'When that was.';
grant select on gallery.installed to public;

insert into gallery.installed (schema_name) values (current_schema());

-- Users and tags

create table users (
    id        uuid primary key default gen_random_uuid(),
    username  text not null unique
);
comment on table users is 'Those who create items and look at them.';

create table tags (
    id            uuid primary key default gen_random_uuid(),
    name          text not null unique,
    tag_metadata  jsonb not null default '{}',
    created_at    timestamptz not null default now(),
    updated_at    timestamptz not null default now()
);
comment on table tags is 'The tags that items can carry.';

-- Items: one partition a source. Each partition keeps a primary key of its own on id, so the same id
-- may stand in both and means two items; (id, source_type) is unique across them.

create sequence content_items_id_seq as bigint;

create table content_items_all (
    id                   bigint not null default nextval('content_items_id_seq'),
    title                text,
    content_type         text not null,
    content_data         text,
    item_metadata        jsonb not null default '{}',
    creator_id           uuid references users on delete set null,
    created_at           timestamptz not null default now(),
    updated_at           timestamptz not null default now(),
    quality_score        double precision,
    is_private           boolean not null default false,
    path_thumb           text,
    path_thumbs_alt_res  jsonb,
    prompt               text,
    source_type          text not null
) partition by list (source_type);
comment on table content_items_all is
    'The items of the gallery. Insert, update and delete here; rows land in the partition of their source_type.';
comment on column content_items_all.id is
    'Unique within its source_type: the same id may stand in both partitions and means two items.';
comment on column content_items_all.content_data is 'The item itself, or where it is found.';
comment on column content_items_all.creator_id is 'Null: nobody of ours; such an item counts as everybody else''s.';
comment on column content_items_all.quality_score is 'Null where there is none; sorted last.';
comment on column content_items_all.is_private is 'Seen by its creator alone.';
comment on column content_items_all.path_thumbs_alt_res is 'Thumbnails in other resolutions.';
comment on column content_items_all.prompt is 'Never changed after insert: a trigger refuses.';
comment on column content_items_all.source_type is '''items'' or ''auto'': which partition the item stands in.';

alter sequence content_items_id_seq owned by content_items_all.id;
comment on sequence content_items_id_seq is 'Gives the ids of items in all partitions.';

create table content_items partition of content_items_all (
    source_type default 'items' check (source_type = 'items'),
    primary key (id)
) for values in ('items');
comment on table content_items is 'The regular items: the partition ''items'' of content_items_all.';

create table content_items_auto partition of content_items_all (
    source_type default 'auto' check (source_type = 'auto'),
    primary key (id)
) for values in ('auto');
comment on table content_items_auto is 'The automatic items: the partition ''auto'' of content_items_all.';

create unique index content_items_all_id_source_type_key on only content_items_all (id, source_type);
create unique index content_items_id_source_type_key on content_items (id, source_type);
create unique index content_items_auto_id_source_type_key on content_items_auto (id, source_type);
alter index content_items_all_id_source_type_key attach partition content_items_id_source_type_key;
alter index content_items_all_id_source_type_key attach partition content_items_auto_id_source_type_key;

create index content_items_created_at_id_idx on content_items (created_at desc, id desc);
create index content_items_auto_created_at_id_idx on content_items_auto (created_at desc, id desc);
create index content_items_quality_score_id_idx on content_items (quality_score desc nulls last, id desc);
create index content_items_auto_quality_score_id_idx on content_items_auto (quality_score desc nulls last, id desc);

-- Fields of one source alone, rarely read

create table content_items_more (
    source_table   text not null default 'content_items',
    source_id      bigint primary key references content_items (id) on delete cascade,
    metadata_more  jsonb not null default '{}'
);
comment on table content_items_more is 'Rarely read fields of regular items: at most one row an item.';

create table content_items_auto_more (
    source_table   text not null default 'content_items_auto',
    source_id      bigint primary key references content_items_auto (id) on delete cascade,
    metadata_more  jsonb not null default '{}'
);
comment on table content_items_auto_more is 'Rarely read fields of automatic items: at most one row an item.';

-- Which item carries which tag. An index on (content_id, content_source) would be redundant: the
-- primary key begins with it.

create table content_tags (
    content_id      bigint not null,
    content_source  text not null,
    tag_id          uuid not null references tags on delete cascade,
    primary key (content_id, content_source, tag_id),
    foreign key (content_id, content_source)
        references content_items_all (id, source_type) on update cascade on delete cascade
);
comment on table content_tags is 'Which item carries which tag.';
comment on column content_tags.content_source is 'The item''s source_type.';

create index content_tags_tag_id_content_source_content_id_idx
    on content_tags (tag_id, content_source, content_id);

-- How many items carry each tag

create table tag_cardinality_stats (
    tag_id          uuid not null,
    content_source  text not null,
    cardinality     bigint not null,
    updated_at      timestamptz not null default now(),
    primary key (tag_id, content_source)
);
comment on table tag_cardinality_stats is 'How many items carry a tag, by source; derived, refreshed by gallery_refresh().';
comment on column tag_cardinality_stats.content_source is 'The items'' source_type.';
comment on column tag_cardinality_stats.cardinality is 'Number of items.';
comment on column tag_cardinality_stats.updated_at is 'When the number was last brought up to date.';
