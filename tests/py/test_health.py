"""gallery_health names what needs an operator's hand, and what it says to do puts it right."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg.types.json import Jsonb

from calls import Connection
from harness.server import Server
from harness.standby import Standby

CHECKS = [
    "installation",
    "statistics",
    "refresh_backlog",
    "schedule",
    "partitions",
    "missing_indexes",
    "redundant_indexes",
    "unused_indexes",
    "bloated_indexes",
    "dead_rows",
]


class Check(NamedTuple):
    status: str
    detail: str
    what_to_do: str | None


def health(conn: Connection, schema: str = "public") -> dict[str, Check]:
    """The checks by name; each is there once."""
    rows = conn.execute(f"SELECT * FROM {schema}.gallery_health()".encode()).fetchall()
    found = {row[0]: Check(*row[1:]) for row in rows}
    assert len(found) == len(rows)
    return found


def check(conn: Connection, name: str) -> Check:
    return health(conn)[name]


def do_what_it_says(conn: Connection, found: Check) -> None:
    """Run the statements of what_to_do, in the search_path of a stranger."""
    assert found.what_to_do
    with psycopg.connect(conn.info.dsn, autocommit=True) as stranger:
        stranger.execute("SET search_path = pg_catalog")
        for statement in found.what_to_do.splitlines():
            stranger.execute(statement.encode())


def expect(conn: Connection, name: str, status: str, *words: str) -> Check:
    """A check has this status and its detail these words; what was read counts a moment later."""
    deadline = time.monotonic() + 30
    while (found := check(conn, name)).status != status and time.monotonic() < deadline:
        time.sleep(0.2)
    assert found.status == status, found
    for word in words:
        assert word in found.detail, found
    assert (found.what_to_do is None) == (status == "ok")
    return found


def insert_tagged_items(conn: Connection, number: int, tags: int = 5) -> None:
    conn.execute(
        "INSERT INTO tags (name) SELECT 'tag ' || n FROM generate_series(1, %s) n", (tags,)
    )
    conn.execute(
        "INSERT INTO content_items_all (id, source_type, content_type)"
        " SELECT n, 'items', 'image' FROM generate_series(1, %s) n",
        (number,),
    )
    conn.execute("INSERT INTO content_tags SELECT i.id, 'items', t.id FROM content_items i, tags t")


def test_a_new_gallery_is_healthy(conn: Connection) -> None:
    found = health(conn)
    assert list(found) == CHECKS
    assert {name: c for name, c in found.items() if c.status != "ok" or c.what_to_do} == {}
    assert all(c.detail for c in found.values())


def test_a_gallery_in_use_is_healthy(conn: Connection) -> None:
    insert_tagged_items(conn, 3000)
    conn.execute("CALL gallery_refresh()")
    for _ in range(20):
        conn.execute("SELECT * FROM gallery_page()")
    assert {name: c for name, c in health(conn).items() if c.status != "ok"} == {}


# --- freshness ---


def test_statistics_that_were_never_built_fail(conn: Connection) -> None:
    insert_tagged_items(conn, 1)
    found = expect(conn, "statistics", "fail", "never built")
    do_what_it_says(conn, found)
    expect(conn, "statistics", "ok")


def test_statistics_older_than_the_setting_are_a_warning(conn: Connection) -> None:
    insert_tagged_items(conn, 1, tags=4)
    conn.execute("CALL gallery_refresh()")
    conn.execute(
        "UPDATE tag_cardinality_stats SET updated_at = now() - interval '3590 seconds'"
        " WHERE tag_id = (SELECT id FROM tags WHERE name = 'tag 1')"
    )
    expect(conn, "statistics", "ok")
    conn.execute("SELECT gallery_configure(%s)", (Jsonb({"stats": {"freshness_seconds": 3500}}),))
    found = expect(conn, "statistics", "warn", "1 of 4 counts are older than 3500 seconds")
    do_what_it_says(conn, found)
    expect(conn, "statistics", "ok")


def test_an_index_that_is_not_built_fails(conn: Connection) -> None:
    insert_tagged_items(conn, 3)
    conn.execute("UPDATE gallery.bitmap_state SET built = false")
    found = expect(conn, "refresh_backlog", "fail", "not built")
    do_what_it_says(conn, found)
    expect(conn, "refresh_backlog", "ok", "0 changes")


def test_a_backlog_over_the_limit_is_a_warning(conn: Connection) -> None:
    conn.execute("SELECT gallery_configure(%s)", (Jsonb({"dirty_limit": 10}),))
    insert_tagged_items(conn, 5, tags=1)
    expect(conn, "refresh_backlog", "ok", "10 changes")
    conn.execute("INSERT INTO content_items (id, content_type) VALUES (6, 'image')")
    found = expect(conn, "refresh_backlog", "warn", "more than 10 changes")
    assert found.what_to_do is not None
    refresh, schedule = found.what_to_do.splitlines()
    assert "gallery_schedule" in schedule
    do_what_it_says(conn, found._replace(what_to_do=refresh))
    expect(conn, "refresh_backlog", "ok", "0 changes")


# --- the schedule ---


@pytest.mark.servers("pg15")
def test_a_schedule_is_watched(server: Server) -> None:
    url = server.cron_database()
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("CREATE EXTENSION pg_cron")
        expect(conn, "schedule", "ok", "no pg_cron job")
        conn.execute("SELECT * FROM gallery_schedule('5 minutes')")
        expect(conn, "schedule", "ok", '"*/5 * * * *"')
        for run, (outcome, status) in enumerate([("succeeded", "ok"), ("failed", "warn")]):
            conn.execute(
                "INSERT INTO cron.job_run_details (jobid, runid, status, return_message)"
                " SELECT jobid, %s, %s, 'the reason' FROM cron.job WHERE jobname ~ 'refresh'",
                (1000 + run, outcome),
            )
            found = expect(conn, "schedule", status, *(["the reason"] if status == "warn" else []))
        conn.execute("DELETE FROM cron.job_run_details")
        conn.execute("SELECT cron.alter_job(jobid, active => false) FROM cron.job")
        found = expect(conn, "schedule", "warn", "paused")
        do_what_it_says(conn, found)
        expect(conn, "schedule", "ok")
    server.drop_database(url)


# --- indexes ---


@pytest.mark.parametrize(
    ("index", "words"),
    [
        (
            "content_tags_tag_id_content_source_content_id_idx",
            "public.content_tags has no index on (tag_id, content_source, content_id)",
        ),
        (
            "content_items_created_at_id_idx",
            "public.content_items has no index on (created_at desc, id desc)",
        ),
        (
            "content_items_auto_quality_score_id_idx",
            "public.content_items_auto has no index on (quality_score desc nulls last, id desc)",
        ),
    ],
)
def test_a_missing_index_fails(conn: Connection, index: str, words: str) -> None:
    conn.execute(f"DROP INDEX {index}".encode())
    found = expect(conn, "missing_indexes", "fail", words)
    do_what_it_says(conn, found)
    expect(conn, "missing_indexes", "ok")


@pytest.mark.parametrize(
    ("constraint", "words"),
    [
        ("content_tags_pkey", "no unique index on (content_id, content_source, tag_id)"),
        ("tags_name_key", "no unique index on (name)"),
    ],
)
def test_a_missing_key_fails(conn: Connection, constraint: str, words: str) -> None:
    table = constraint.rpartition("_")[0].removesuffix("_name")
    conn.execute(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}".encode())
    found = expect(conn, "missing_indexes", "fail", words)
    do_what_it_says(conn, found)
    expect(conn, "missing_indexes", "ok")


@pytest.mark.parametrize(
    "definition",
    [
        "content_items (created_at, id)",  # read backward
        "content_items (created_at DESC, id DESC, title)",
    ],
)
def test_an_index_that_serves_as_well_is_not_missing(conn: Connection, definition: str) -> None:
    conn.execute(f"CREATE INDEX ON {definition}".encode())
    conn.execute("DROP INDEX content_items_created_at_id_idx")
    expect(conn, "missing_indexes", "ok")


@pytest.mark.parametrize(
    "definition",
    [
        "content_items (created_at DESC, id)",
        "content_items (created_at DESC, id DESC) WHERE NOT is_private",
        "content_items (id DESC, created_at DESC)",
        "content_items USING brin (created_at, id)",
    ],
)
def test_an_index_that_serves_less_does_not_count(conn: Connection, definition: str) -> None:
    conn.execute(f"CREATE INDEX ON {definition}".encode())
    conn.execute("DROP INDEX content_items_created_at_id_idx")
    expect(conn, "missing_indexes", "fail", "content_items")


def test_an_index_whose_making_was_cut_short_fails(conn: Connection) -> None:
    insert_tagged_items(conn, 2)
    with pytest.raises(psycopg.errors.UniqueViolation):
        conn.execute("CREATE UNIQUE INDEX CONCURRENTLY broken ON content_items (content_type)")
    found = expect(conn, "missing_indexes", "fail", "public.broken is invalid")
    do_what_it_says(conn, found)
    expect(conn, "missing_indexes", "ok")


@pytest.mark.parametrize(
    ("definition", "covered_by"),
    [
        ("content_tags (content_id, content_source)", "content_tags_pkey"),
        ("content_tags (content_id)", "content_tags_pkey"),
        (
            "content_tags (tag_id, content_id)",
            "content_tags_tag_id_content_source_content_id_idx",
        ),
        ("content_tags (tag_id)", "content_tags_tag_id_content_source_content_id_idx"),
        ("content_items (created_at)", "content_items_created_at_id_idx"),
        ("content_items (created_at DESC)", "content_items_created_at_id_idx"),
        ("content_items (created_at, id)", "content_items_created_at_id_idx"),
        ("content_items_all (created_at)", "content_items_auto_created_at_id_idx"),
        ("tags (name)", "tags_name_key"),
        ("tag_cardinality_stats (tag_id)", "tag_cardinality_stats_pkey"),
    ],
)
def test_a_redundant_index_is_a_warning(conn: Connection, definition: str, covered_by: str) -> None:
    conn.execute(f'CREATE INDEX "an ""index" ON {definition}'.encode())
    found = expect(conn, "redundant_indexes", "warn", 'public."an ""index"', covered_by)
    do_what_it_says(conn, found)
    expect(conn, "redundant_indexes", "ok")


def test_of_two_equal_indexes_one_is_redundant(conn: Connection) -> None:
    conn.execute("CREATE INDEX first ON content_items (content_type)")
    conn.execute("CREATE INDEX second ON content_items (content_type)")
    found = expect(conn, "redundant_indexes", "warn", "second", "is covered by public.first")
    assert found.what_to_do == "drop index concurrently public.second;"
    do_what_it_says(conn, found)
    expect(conn, "redundant_indexes", "ok")


@pytest.mark.parametrize(
    "definition",
    [
        "INDEX ON content_tags (tag_id) WHERE content_source = 'auto'",
        "INDEX ON content_tags (tag_id) INCLUDE (content_id)",
        "INDEX ON content_tags USING hash (tag_id)",
        "INDEX ON content_tags (content_source, content_id)",
        "INDEX ON content_items (quality_score)",  # nulls are on the other side
        "INDEX ON content_items (created_at DESC, id ASC)",
        "INDEX ON tags (name text_pattern_ops)",
        'INDEX ON tags (name COLLATE "POSIX")',
        "INDEX ON tags (lower(name))",
        "UNIQUE INDEX ON content_items (created_at)",
    ],
)
def test_an_index_that_serves_something_else_is_not_redundant(
    conn: Connection, definition: str
) -> None:
    conn.execute(f"CREATE {definition}".encode())
    expect(conn, "redundant_indexes", "ok")


READ_MUCH = """
DO $$
DECLARE
    v_found bigint;
BEGIN
    FOR i IN 1..1000 LOOP
        SELECT count(*) INTO v_found FROM content_items WHERE id = i;
        SELECT count(*) INTO v_found FROM content_items_auto WHERE id = i;
    END LOOP;
END
$$
"""


@pytest.mark.parametrize("table", ["content_items", "content_items_all"])
def test_an_unused_index_of_a_table_much_read_is_a_warning(conn: Connection, table: str) -> None:
    conn.execute(f"CREATE INDEX forgotten ON {table} (content_type)".encode())
    expect(conn, "unused_indexes", "ok")
    conn.execute(READ_MUCH)
    found = expect(conn, "unused_indexes", "warn", "public.forgotten")
    assert "content_items_created_at_id_idx" not in found.detail
    do_what_it_says(conn, found)
    expect(conn, "unused_indexes", "ok")


def test_an_index_that_upholds_a_promise_is_not_unused(conn: Connection) -> None:
    conn.execute("CREATE UNIQUE INDEX promise ON content_items (path_thumb)")
    conn.execute("CREATE INDEX redundant ON content_items (created_at)")
    conn.execute("CREATE INDEX forgotten ON content_items (content_type)")
    conn.execute(READ_MUCH)
    found = expect(conn, "unused_indexes", "warn", "forgotten")
    assert found.what_to_do == "drop index concurrently public.forgotten;"


def test_a_bloated_index_is_a_warning(conn: Connection) -> None:
    conn.execute(
        "INSERT INTO users (username) SELECT repeat('x', 60) || n FROM generate_series(1, 80000) n"
    )
    conn.execute("VACUUM ANALYZE users")
    expect(conn, "bloated_indexes", "ok")
    conn.execute("DELETE FROM users WHERE username !~ '00$'")
    conn.execute("VACUUM ANALYZE users")
    found = expect(conn, "bloated_indexes", "warn", "public.users_username_key takes")
    do_what_it_says(conn, found)
    expect(conn, "bloated_indexes", "ok")


# --- tables ---


def test_dead_rows_that_autovacuum_leaves_are_a_warning(conn: Connection) -> None:
    conn.execute("ALTER TABLE tags SET (autovacuum_enabled = false)")
    conn.execute("INSERT INTO tags (name) SELECT 'tag ' || n FROM generate_series(1, 6000) n")
    expect(conn, "dead_rows", "ok")
    conn.execute("DELETE FROM tags")
    found = expect(conn, "dead_rows", "warn", "public.tags: 6000 dead rows")
    do_what_it_says(conn, found)
    expect(conn, "dead_rows", "ok")


@pytest.mark.parametrize("has_its_own", [False, True])
def test_a_partition_outside_the_unique_index_fails(conn: Connection, has_its_own: bool) -> None:
    conn.execute("DROP INDEX content_items_all_id_source_type_key CASCADE")
    if has_its_own:
        conn.execute("CREATE UNIQUE INDEX ON content_items (id, source_type)")
    found = expect(
        conn, "partitions", "fail", "public.content_items is no part of the unique index"
    )
    do_what_it_says(conn, found)
    expect(conn, "partitions", "ok")


@pytest.mark.parametrize("trigger", ["log_inserted", "log_updated", "log_deleted", "log_truncated"])
def test_a_partition_without_a_trigger_fails(conn: Connection, trigger: str) -> None:
    conn.execute(f"DROP TRIGGER {trigger} ON content_items_auto".encode())
    found = expect(
        conn, "partitions", "fail", f"public.content_items_auto lacks the trigger {trigger}"
    )
    do_what_it_says(conn, found)
    expect(conn, "partitions", "ok")


def test_a_disabled_trigger_does_not_count(conn: Connection) -> None:
    conn.execute("ALTER TABLE content_items DISABLE TRIGGER log_deleted")
    expect(conn, "partitions", "fail", "public.content_items lacks the trigger log_deleted")


def test_a_partition_of_another_source_fails(conn: Connection) -> None:
    conn.execute(
        "CREATE TABLE elsewhere PARTITION OF content_items_all FOR VALUES IN ('elsewhere')"
    )
    found = expect(
        conn, "partitions", "fail", "public.elsewhere holds items whose source is neither"
    )
    assert "alter table public.content_items_all detach partition public.elsewhere" in str(found)
    expect(conn, "missing_indexes", "fail", "public.elsewhere has no index on (created_at desc")


# --- the installation ---


def test_a_renamed_schema_fails_and_nothing_else_is_looked_for(conn: Connection) -> None:
    conn.execute("ALTER SCHEMA public RENAME TO elsewhere")
    (found,) = health(conn, "elsewhere").values()
    assert found.status == "fail"
    do_what_it_says(conn, found)
    expect(conn, "installation", "ok", "in schema public")


def test_functions_that_must_be_applied_again_fail(conn: Connection) -> None:
    conn.execute("UPDATE gallery.installed SET functions_hash = NULL")
    found = expect(conn, "installation", "fail", "not run to their end")
    assert "pg-gallery migrate" in str(found.what_to_do)


# --- who may call it, and where ---


def test_a_role_that_may_only_read_sees_the_same_in_a_read_only_transaction(
    conn: Connection,
) -> None:
    insert_tagged_items(conn, 10)
    conn.execute("CREATE INDEX redundant ON content_items (created_at)")
    expected = health(conn)
    with conn.transaction(force_rollback=True):
        conn.execute("CREATE ROLE gallery_test_reader")
        for schema in ("public", "gallery"):
            grant = f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO gallery_test_reader"
            conn.execute(grant.encode())
        conn.execute("SET LOCAL ROLE gallery_test_reader")
        conn.execute("SET TRANSACTION READ ONLY")
        assert health(conn) == expected


def test_a_standby_gives_the_same_answers(
    conn: Connection, database_url: str, standby: Callable[[], Standby]
) -> None:
    insert_tagged_items(conn, 10)
    conn.execute("DROP INDEX content_items_created_at_id_idx")
    replica = standby()
    replica.wait()
    with psycopg.connect(replica.url(database_url), autocommit=True) as there:
        found: dict[str, Any] = health(there)
        assert {name for name, c in found.items() if c.status == "fail"} == {
            "statistics",
            "missing_indexes",
        }
        assert found["missing_indexes"] == check(conn, "missing_indexes")
