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

_HERE = Path(__file__)
_OTHER_SOURCES = _HERE.with_name("pg_gallery_0006_down_sources.sql")
_TABLES = _HERE.with_name("pg_gallery_0006_down_tables.sql")


def upgrade() -> None:
    run_sql(_HERE.with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    # before the functions go: what is deleted here fires triggers
    run_sql(_OTHER_SOURCES.read_text(encoding="utf-8"))
    drop_functions()
    apply_function_files(("tag_listing.sql",))  # the downgrade of 0005 calls it
    run_sql(_TABLES.read_text(encoding="utf-8"))
