-- The tables as 0005 left them. The index is derived: it is emptied, and CALL gallery_rebuild() makes it anew in its
-- old form.

drop table gallery.source;
comment on column content_items_all.id is
    'Unique within its source_type: the same id may stand in both partitions and means two items.';
comment on column content_items_all.source_type is '''items'' or ''auto'': which partition the item stands in.';
comment on column gallery.bitmap_slot.sources is 'The first letter of the item''s source_type.';

update gallery.bitmap_state set built = not exists (select from content_items_all), frontier = null,
    filenodes = array[filenodes[2], filenodes[1], filenodes[3]];
comment on column gallery.bitmap_state.filenodes is
    'The files of content_items, content_items_auto and content_tags when the index was built. Others mean that a table was rewritten, which fires no trigger.';
truncate gallery.dirty_item, gallery.bitmap_container, gallery.bitmap_slot, gallery.bitmap_item, gallery.bitmap_block, gallery.tag_count;

alter table gallery.bitmap_container drop column bits, drop column slots;
alter table gallery.bitmap_container
    add column in_items int not null, add column bits bit varying, add column slots smallint[],
    add check ((bits is null) <> (slots is null));
alter table gallery.bitmap_container alter bits set storage main, alter slots set storage main;
comment on column gallery.bitmap_container.in_items is 'How many of these items are of the source type items.';

drop index gallery.tag_count_order_idx;
alter table gallery.tag_count
    drop constraint tag_count_pkey, drop column scope, drop column item_count;
alter table gallery.tag_count
    add column in_items bigint not null, add column in_all bigint not null, add primary key (tag_id);
create index tag_count_order_idx on gallery.tag_count ((-in_all), tag_id) include (in_all);
comment on table gallery.tag_count is
    'How many items carry a tag, by the containers of the bitmap index: a row a tag that any carries. Written with the containers, in the same transaction.';
comment on column gallery.tag_count.in_items is 'How many items of the source type items.';
comment on column gallery.tag_count.in_all is 'How many items of all sources.';
