-- The settings, and the listing of tags that gallery_tags reads.
-- How they are used stands in db/functions/02x and 6xx.

create table gallery.settings (
    only_row        boolean primary key default true check (only_row),
    document        jsonb not null default '{}',
    in_force        jsonb not null default '{}',
    updated_at      timestamptz not null default now()
);
comment on table gallery.settings is 'The settings that were changed: one row. Change them with gallery_configure().';
comment on column gallery.settings.document is 'What differs from the defaults, by choice: {name: value}.';
comment on column gallery.settings.in_force is 'The value of every setting, ready to read: {field: value}.';
grant select on gallery.settings to public;

create table gallery.tag_listing (
    tag_id          uuid not null,
    scope           text not null,
    name_start      text collate "C" not null,
    item_count      bigint not null,
    counts_by_source jsonb not null,
    primary key (tag_id, scope)
);
comment on table gallery.tag_listing is
    'Tags in both orders of gallery_tags: a row for each tag and scope in which items carry it. Triggers on tags and tag_cardinality_stats keep it.';
comment on column gallery.tag_listing.scope is 'A content source; '''' for all of them together.';
comment on column gallery.tag_listing.name_start is 'The first 80 characters of the tag''s name.';
comment on column gallery.tag_listing.item_count is 'How many items of the scope carry the tag; never 0.';
comment on column gallery.tag_listing.counts_by_source is 'The same by content source: {source: count}.';
create index tag_listing_count_idx on gallery.tag_listing (scope, (-item_count), name_start, tag_id) include (item_count);
create index tag_listing_name_idx on gallery.tag_listing (scope, name_start, tag_id) include (item_count);
grant select on gallery.tag_listing to public;
