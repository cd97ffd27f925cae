"""Counts and a log of tags, changes that replication applies, an index that can be distrusted

Revision ID: pg_gallery_0005
Revises: pg_gallery_0004

"""

from pathlib import Path

from pg_gallery.repeatables import apply_function_files, drop_functions, run_sql

revision = "pg_gallery_0005"
down_revision = "pg_gallery_0004"
branch_labels = None
depends_on = None

FUNCTION_FILES = ("032_refuse_losing_sidecar.sql", "042_follow_replica.sql")

# Rows that are replicated land in the partitions; a trigger of the parent is one of each of them.
_ROW_TABLES = {"content_tags": "tags", "content_items_all": "items", "tags": "tag"}

# What is truncated by replication fires these too.
_TRUNCATE_TRIGGERS = {
    "content_tags": "log_truncated",
    "content_items_all": "log_truncated",
    "content_items": "log_truncated",
    "content_items_auto": "log_truncated",
    "tags": "relist_truncated",
}


def upgrade() -> None:
    run_sql(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
    apply_function_files(FUNCTION_FILES)
    run_sql(
        """
        create trigger refuse_losing_sidecar
            before update of source_type on content_items_all
            for each row when (old.source_type is distinct from new.source_type)
            execute function gallery.refuse_losing_sidecar();
        comment on trigger refuse_losing_sidecar on content_items_all is
            'An item that has a row of rarely read fields does not move to another source.';
        """
    )
    for table, what in _ROW_TABLES.items():
        run_sql(
            f"""
            create trigger follow_replica after insert or update or delete on {table}
                for each row when (current_setting('session_replication_role') = 'replica')
                execute function gallery.follow_replicated_{what}();
            """
        )
        run_sql(f"alter table {table} enable replica trigger follow_replica;")
    for table, trigger in _TRUNCATE_TRIGGERS.items():
        run_sql(f"alter table {table} enable always trigger {trigger};")


def downgrade() -> None:
    # what waits in the log to be listed
    run_sql(
        """
        delete from gallery.tag_listing;
        insert into gallery.tag_listing select * from gallery.expected_tag_listing(null);
        """
    )
    for table, trigger in _TRUNCATE_TRIGGERS.items():
        run_sql(f"alter table {table} enable trigger {trigger};")
    for table in _ROW_TABLES:
        run_sql(f"drop trigger follow_replica on {table};")
    run_sql("drop trigger refuse_losing_sidecar on content_items_all;")
    drop_functions()
    run_sql(
        """
        grant select on gallery.tag_listing to public;
        alter table gallery.dirty_item replica identity default;
        alter table gallery.installed replica identity default;
        alter table gallery.bitmap_state
            drop column damage, drop column damaged_blocks, drop column filenodes;
        drop table gallery.dirty_tag, gallery.tag_count;
        alter table content_items_all drop constraint content_items_all_source_type_known;
        """
    )
