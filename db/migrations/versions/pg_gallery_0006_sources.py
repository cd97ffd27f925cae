"""Sources of items are rows of a table

Revision ID: pg_gallery_0006
Revises: pg_gallery_0005

"""

from pathlib import Path

from pg_gallery.repeatables import apply_function_files, drop_functions, run_sql

revision = "pg_gallery_0006"
down_revision = "pg_gallery_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    run_sql(_DROP_OTHER_SOURCES)
    drop_functions()
    apply_function_files(("tag_listing.sql",))  # the downgrade of 0005 calls it
    run_sql(_DROP_TABLES)


# Before the functions go: what is deleted here fires triggers.
_DROP_OTHER_SOURCES = """\
do $drop_other_sources$
declare
    v_source record;
begin
    drop function if exists gallery.indexed_tables(), gallery.item_tables();  -- they hang on the partitions
    for v_source in
        select s.source_type, s.table_name, s.table_name || '_more' as sidecar_name
        from gallery.source s where s.source_type not in ('items', 'auto')
    loop
        delete from content_items_all i where i.source_type = v_source.source_type;
        delete from tag_cardinality_stats t where t.content_source = v_source.source_type;
        execute format('drop table %I', v_source.sidecar_name);
        execute format('alter table content_items_all detach partition %I', v_source.table_name);
        execute format('drop table %I', v_source.table_name);
    end loop;
end
$drop_other_sources$;
alter table content_items_all drop constraint content_items_all_source_type_known;
alter table content_items_all
    add constraint content_items_all_source_type_known check (source_type in ('items', 'auto'));"""

# The index is derived: CALL gallery_rebuild() makes it anew in its old form.
_DROP_TABLES = """\
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
comment on column gallery.tag_count.in_all is 'How many items of all sources.';"""
