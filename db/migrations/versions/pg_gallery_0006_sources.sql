-- Sources are rows: which kinds of items there are, what filters and the index call each, and which
-- partition holds it. gallery_add_source() adds to them.

create table gallery.source (
    source_type     text primary key,
    code            "char" not null unique,
    own_label       text not null unique,
    other_label     text not null unique,
    table_name      text not null unique
);
comment on table gallery.source is
    'The sources of items. Functions are made of these rows (gallery.render_sources()): change them by gallery_add_source() alone.';
comment on column gallery.source.source_type is 'What content_items_all.source_type holds.';
comment on column gallery.source.code is 'What gallery.bitmap_slot.sources holds.';
comment on column gallery.source.own_label is 'What content_source_types calls the viewer''s own items of the source.';
comment on column gallery.source.other_label is 'What content_source_types calls everybody else''s.';
comment on column gallery.source.table_name is
    'The partition of content_items_all, in the same schema; its rarely read fields stand in the table of that name with _more behind it.';

insert into gallery.source values
    ('items', 'i', 'user-regular', 'community-regular', 'content_items'),
    ('auto', 'a', 'user-auto', 'community-auto', 'content_items_auto');

comment on column content_items_all.id is
    'Unique within its source_type: the same id may stand in several partitions and means as many items.';
comment on column content_items_all.source_type is
    'Which partition the item stands in: a source_type of gallery.source.';

-- How many of a container's items are of a source is what its bits share with the source's own container.

alter table gallery.bitmap_container drop column in_items;
comment on column gallery.bitmap_slot.sources is 'The code of the item''s source_type in gallery.source.';

-- Counts a tag, a row a scope as in gallery.tag_listing: a source, or '' for all of them together.

drop index gallery.tag_count_order_idx;
alter table gallery.tag_count drop constraint tag_count_pkey, add column scope text, add column item_count bigint;
insert into gallery.tag_count (tag_id, scope, item_count, in_items, in_all)
select t.tag_id, s.scope, s.item_count, 0, 0
from gallery.tag_count t
cross join lateral (values ('items', t.in_items), ('auto', t.in_all - t.in_items)) s (scope, item_count)
where s.item_count > 0;
update gallery.tag_count set scope = '', item_count = in_all where scope is null;
alter table gallery.tag_count
    alter column scope set not null, alter column item_count set not null,
    drop column in_items, drop column in_all,
    add primary key (tag_id, scope);
create index tag_count_order_idx on gallery.tag_count ((-item_count), tag_id) include (item_count) where scope = '';
comment on table gallery.tag_count is
    'How many items carry a tag, by the containers of the bitmap index: a row a tag that any carries and scope. Written with the containers, in the same transaction.';
comment on column gallery.tag_count.scope is 'A source_type; or empty: all sources together.';
comment on column gallery.tag_count.item_count is 'How many items; never 0.';

-- The files of the partitions in the order of their source types, that of content_tags behind them.

update gallery.bitmap_state s set filenodes = array[s.filenodes[2], s.filenodes[1], s.filenodes[3]];
comment on column gallery.bitmap_state.filenodes is
    'The files of the partitions, in the order of their source types, and of content_tags when the index was built. Others mean that a table was rewritten, which fires no trigger.';
