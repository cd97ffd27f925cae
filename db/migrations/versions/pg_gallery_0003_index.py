"""The log of changed items and the bitmap index

Revision ID: pg_gallery_0003
Revises: pg_gallery_0002

"""

from pathlib import Path

from pg_gallery.repeatables import apply_function_files, drop_functions, run_sql

revision = "pg_gallery_0003"
down_revision = "pg_gallery_0002"
branch_labels = None
depends_on = None

FUNCTION_FILES = ("040_log_changes.sql",)

# A statement fires the triggers of the table that it names: the parent's, or a partition's.
_ITEM_TABLES = ("content_items_all", "content_items", "content_items_auto")

_TRANSITIONS = {
    "insert": "referencing new table as new_rows",
    "update": "referencing old table as old_rows new table as new_rows",
    "delete": "referencing old table as old_rows",
}
_PAST = {"insert": "inserted", "update": "updated", "delete": "deleted"}


def _triggers(table: str, what: str) -> str:
    logged = "".join(
        f"create trigger log_{_PAST[event]} after {event} on {table} {transition}\n"
        f"    for each statement execute function gallery.log_{what}_{_PAST[event]}();\n"
        for event, transition in _TRANSITIONS.items()
    )
    return logged + (
        f"create trigger log_truncated after truncate on {table}\n"
        f"    for each statement execute function gallery.log_truncated();\n"
    )


def _drop_triggers(table: str) -> str:
    return "".join(
        f"drop trigger log_{past} on {table};\n" for past in (*_PAST.values(), "truncated")
    )


def upgrade() -> None:
    run_sql(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
    apply_function_files(FUNCTION_FILES)
    run_sql(_triggers("content_tags", "tags"))
    for table in _ITEM_TABLES:
        run_sql(_triggers(table, "items"))


def downgrade() -> None:
    for table in (*_ITEM_TABLES, "content_tags"):
        run_sql(_drop_triggers(table))
    drop_functions()
    run_sql(
        "drop table gallery.refresh_item, gallery.bitmap_state,\n"
        "    gallery.bitmap_container, gallery.bitmap_item,\n"
        "    gallery.bitmap_slot, gallery.bitmap_block, gallery.dirty_item;"
    )
