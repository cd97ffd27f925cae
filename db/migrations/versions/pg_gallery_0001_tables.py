"""The tables of the gallery, and the refusal to change a prompt

Revision ID: pg_gallery_0001
Revises:

"""

from pathlib import Path

from pg_gallery.repeatables import apply_function_files, drop_functions, run_sql

revision = "pg_gallery_0001"
down_revision = None
branch_labels = ("pg_gallery",)
depends_on = None

FUNCTION_FILES = ("030_refuse_prompt_change.sql",)


def upgrade() -> None:
    run_sql(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
    apply_function_files(FUNCTION_FILES)
    run_sql(
        """
        create trigger refuse_prompt_change
            before update of prompt on content_items_all
            for each row when (old.prompt is distinct from new.prompt)
            execute function gallery.refuse_prompt_change();
        comment on trigger refuse_prompt_change on content_items_all is
            'An item''s prompt is never changed after insert.';
        """
    )


def downgrade() -> None:
    run_sql("drop trigger refuse_prompt_change on content_items_all;")
    drop_functions()
    run_sql(
        """
        drop table tag_cardinality_stats, content_tags, content_items_more, content_items_auto_more,
            content_items_all, tags, users;
        drop table gallery.installed;
        drop schema gallery;
        """
    )
