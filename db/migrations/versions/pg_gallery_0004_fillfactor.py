"""Containers fill nine tenths of their pages

Revision ID: pg_gallery_0004
Revises: pg_gallery_0003

"""

from pg_gallery.repeatables import drop_functions, run_sql

revision = "pg_gallery_0004"
down_revision = "pg_gallery_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # pages that are there stay as they are until gallery_rebuild() writes them anew
    run_sql("alter table gallery.bitmap_container set (fillfactor = 90);")


def downgrade() -> None:
    drop_functions()
    # all of them, in the order in which they were given first: PostgreSQL puts what changes last
    run_sql(
        """
        alter table gallery.bitmap_container set (
            fillfactor = 80, toast_tuple_target = 8160,
            autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
            autovacuum_analyze_scale_factor = 0.2);
        """
    )
