"""The settings, and the listing of tags

Revision ID: pg_gallery_0002
Revises: pg_gallery_0001

"""

from pathlib import Path

from pg_gallery.repeatables import apply_function_files, drop_functions, run_sql

revision = "pg_gallery_0002"
down_revision = "pg_gallery_0001"
branch_labels = None
depends_on = None

FUNCTION_FILES = ("600_tag_listing.sql", "610_relist_tags.sql")

FUNCTION_FILES = ("600_tag_listing.sql", "610_relist_tags.sql")


def upgrade() -> None:
    run_sql(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
    apply_function_files(FUNCTION_FILES)
    run_sql(
        """
        create trigger relist_inserted after insert on tag_cardinality_stats
            referencing new table as new_rows
            for each statement execute function gallery.relist_counts_inserted();
        create trigger relist_updated after update on tag_cardinality_stats
            referencing old table as old_rows new table as new_rows
            for each statement execute function gallery.relist_counts_updated();
        create trigger relist_deleted after delete on tag_cardinality_stats
            referencing old table as old_rows
            for each statement execute function gallery.relist_counts_deleted();
        create trigger relist_truncated after truncate on tag_cardinality_stats
            for each statement execute function gallery.relist_truncated();

        create trigger relist_renamed after update of id, name on tags
            for each row when ((old.id, old.name) is distinct from (new.id, new.name))
            execute function gallery.relist_tag_renamed();
        create trigger relist_inserted after insert on tags
            referencing new table as new_rows
            for each statement execute function gallery.relist_tags_inserted();
        create trigger relist_deleted after delete on tags
            referencing old table as old_rows
            for each statement execute function gallery.relist_tags_deleted();
        create trigger relist_truncated after truncate on tags
            for each statement execute function gallery.relist_truncated();

        insert into gallery.tag_listing select * from gallery.expected_tag_listing(null);
        """
    )


def downgrade() -> None:
    run_sql(
        """
        do $unschedule$
        begin
            if exists (select from pg_extension where extname = 'pg_cron')
               and has_schema_privilege('cron', 'usage') then
                perform cron.unschedule(j.jobid)
                from cron.job j
                where j.jobname in ('pg_gallery refresh', 'pg_gallery purge run log')
                  and j.username = current_user;
            end if;
        end
        $unschedule$;

        drop trigger relist_inserted on tag_cardinality_stats;
        drop trigger relist_updated on tag_cardinality_stats;
        drop trigger relist_deleted on tag_cardinality_stats;
        drop trigger relist_truncated on tag_cardinality_stats;
        drop trigger relist_renamed on tags;
        drop trigger relist_inserted on tags;
        drop trigger relist_deleted on tags;
        drop trigger relist_truncated on tags;
        """
    )
    drop_functions()
    run_sql("drop table gallery.tag_listing, gallery.settings;")
