"""gallery_health names what needs an operator's hand, and what it says to do puts it right."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
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
    "counts",
    "schedule",
    "partitions",
    "triggers",
    "replication",
    "access",
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


def wait_for(conn: Connection, query: str) -> None:
    """Wait until a query gives true: what is done is counted a moment later."""
    deadline = time.monotonic() + 30
    while conn.execute(query.encode()).fetchone() != (True,):
        assert time.monotonic() < deadline, query
        time.sleep(0.05)


def check(conn: Connection, name: str) -> Check:
    return health(conn)[name]


def do_what_it_says(conn: Connection, found: Check) -> None:
    """Run the statements of what_to_do, but no comments, in the search_path of a stranger."""
    assert found.what_to_do
    with psycopg.connect(conn.info.dsn, autocommit=True) as stranger:
        stranger.execute("SET search_path = pg_catalog")
        for statement in found.what_to_do.splitlines():
            if not statement.startswith("--"):
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


# --- counts ---


def store_unseen(conn: Connection, *statements: str) -> None:
    """Run statements that no trigger sees."""
    triggers = [
        f"ALTER TABLE {table} {{}} TRIGGER log_{event}"
        for table in ("content_items_all", "content_items", "content_items_auto", "content_tags")
        for event in ("inserted", "updated", "deleted")
    ]
    with conn.transaction():
        for command in triggers:
            conn.execute(command.format("DISABLE").encode())
        for statement in statements:
            conn.execute(statement.encode())
        for command in triggers:
            conn.execute(command.format("ENABLE").encode())


NEW_ITEM = "INSERT INTO content_items_all (id, source_type, content_type) VALUES (77, 'auto', 'x')"


@pytest.mark.parametrize(
    ("statement", "indexed", "present"),
    [
        (NEW_ITEM, 30, 31),
        ("DELETE FROM content_items WHERE id = 7", 30, 29),
        ("DELETE FROM content_items_all WHERE id > 10", 30, 10),
    ],
)
def test_items_that_changed_unseen_are_told_by_their_number(
    conn: Connection, statement: str, indexed: int, present: int
) -> None:
    insert_tagged_items(conn, 30)
    conn.execute("CALL gallery_refresh()")
    expect(conn, "counts", "ok", "30 items each")
    store_unseen(conn, statement)
    found = expect(
        conn, "counts", "fail", f"knows of {indexed} items, the tables have {present}", "no trigger"
    )
    do_what_it_says(conn, found)
    expect(conn, "counts", "ok", f"{present} items each")


def test_items_that_wait_to_be_indexed_are_not_missed(conn: Connection) -> None:
    insert_tagged_items(conn, 30)
    conn.execute("CALL gallery_refresh()")
    conn.execute(NEW_ITEM)
    conn.execute("DELETE FROM content_items WHERE id <= 5")
    conn.execute("UPDATE content_items SET is_private = true WHERE id = 6")
    conn.execute("INSERT INTO content_items (id, content_type) VALUES (5, 'image')")
    expect(conn, "counts", "ok", "24 items each")
    store_unseen(conn, "DELETE FROM content_items WHERE id = 7")
    expect(conn, "counts", "fail", "24 items, the tables have 23")


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE gallery.bitmap_state SET built = false", "the bitmap index is not built"),
        ("TRUNCATE content_tags", "a refresh has to take in that a table was emptied"),
        ("SELECT gallery_configure('{\"dirty_limit\": 2}')", "too many changes wait"),
    ],
)
def test_what_cannot_be_counted_is_not_a_difference(
    conn: Connection, statement: str, why: str
) -> None:
    insert_tagged_items(conn, 3)
    conn.execute(statement.encode())
    expect(conn, "counts", "ok", f"nothing was counted: {why}")


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
    make_invalid(conn, "UNIQUE INDEX CONCURRENTLY broken ON content_items (created_at, id)")
    found = expect(conn, "missing_indexes", "fail", "public.broken is invalid")
    do_what_it_says(conn, found)
    expect(conn, "missing_indexes", "ok")


def make_invalid(conn: Connection, definition: str) -> None:
    """Leaves an index whose making was cut short: a namesake in time stood in its way."""
    conn.execute("ALTER TABLE content_items DROP CONSTRAINT content_items_pkey CASCADE")
    conn.execute("DROP INDEX content_items_all_id_source_type_key CASCADE")
    for _ in range(2):
        conn.execute(
            "INSERT INTO content_items (id, content_type, created_at)"
            " VALUES (1, 'image', '2020-01-01')"
        )
    with pytest.raises(psycopg.errors.UniqueViolation):
        conn.execute(f"CREATE {definition}".encode())


def test_an_index_in_the_making_is_left_alone(conn: Connection, database_url: str) -> None:
    insert_tagged_items(conn, 2)

    def make() -> None:
        with psycopg.connect(database_url, autocommit=True) as maker:
            maker.execute("CREATE INDEX CONCURRENTLY ON content_items (created_at, id)")

    with ThreadPoolExecutor() as pool, psycopg.connect(database_url) as writer:
        writer.execute("UPDATE content_items SET title = 'new'")
        making = pool.submit(make)
        try:
            wait_for(conn, "SELECT count(*) = 1 FROM pg_index WHERE NOT indisvalid")
            expect(conn, "missing_indexes", "ok")
        finally:
            writer.commit()
        making.result()


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


def test_of_two_indexes_like_ours_the_younger_is_redundant(conn: Connection) -> None:
    conn.execute("CREATE INDEX younger ON content_items (created_at, id)")
    found = expect(conn, "redundant_indexes", "warn", "younger")
    assert found.what_to_do == "drop index concurrently public.younger;"
    do_what_it_says(conn, found)
    expect(conn, "redundant_indexes", "ok")


APPLICATIONS_OWN = (
    "INDEX own_1 ON content_items (content_type)",
    "INDEX own_2 ON content_items (content_type)",
    "INDEX own_3 ON content_items (content_type, title)",
    "INDEX own_4 ON content_items_all (path_thumb)",
    "UNIQUE INDEX own_5 ON content_items (path_thumb)",
    "INDEX own_6 ON content_items (created_at DESC, id DESC, title)",
    "INDEX own_7 ON content_items (created_at) WHERE NOT is_private",
    "INDEX own_8 ON tags (lower(name))",
    "INDEX own_9 ON content_tags USING hash (tag_id)",
    "INDEX own_10 ON users (username text_pattern_ops)",
)


def test_an_application_is_never_told_to_drop_an_index_of_its_own(conn: Connection) -> None:
    for definition in APPLICATIONS_OWN:
        conn.execute(f"CREATE {definition}".encode())
    make_invalid(conn, "UNIQUE INDEX CONCURRENTLY own_broken ON content_items (content_type)")
    conn.execute("ANALYZE")
    conn.execute(READ_MUCH)
    count_since(conn, "8 days")
    for name, found in health(conn).items():
        assert "own_" not in f"{found.detail} {found.what_to_do}", name


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


def count_since(conn: Connection, age: str) -> None:
    """Let the statistics of the server seem so old."""
    conn.execute(
        "CREATE OR REPLACE FUNCTION gallery.statistics_since() RETURNS timestamptz"
        f" LANGUAGE sql STABLE RETURN now() - interval '{age}'".encode()
    )


def test_an_index_of_ours_that_nothing_reads_is_named_after_a_week(conn: Connection) -> None:
    conn.execute(READ_MUCH)
    wait_for(conn, "SELECT sum(idx_scan) > 1000 FROM pg_stat_all_tables WHERE relname ~ '^content'")
    expect(conn, "unused_indexes", "ok", "too short a time to tell")
    count_since(conn, "6 days")
    expect(conn, "unused_indexes", "ok", "too short a time to tell")
    count_since(conn, "8 days")
    found = expect(conn, "unused_indexes", "ok", "public.content_items_quality_score_id_idx")
    assert "pkey" not in found.detail


def test_statistics_count_from_when_they_were_reset_or_we_were_installed(conn: Connection) -> None:
    since = "SELECT gallery.statistics_since() = %s::timestamptz"

    def counted_since(query: str) -> bool:
        row = conn.execute(query.encode()).fetchone()
        assert row is not None
        return conn.execute(since, row).fetchone() == (True,)

    conn.execute("UPDATE gallery.installed SET installed_at = clock_timestamp()")
    assert counted_since("SELECT installed_at FROM gallery.installed")
    conn.execute("UPDATE gallery.installed SET installed_at = '2020-01-01'")
    assert counted_since(
        "SELECT greatest(pg_postmaster_start_time(), stats_reset) FROM pg_stat_database"
        " WHERE datname = current_database()"
    )
    conn.execute("SELECT pg_stat_reset()")
    wait_for(conn, "SELECT gallery.statistics_since() > pg_postmaster_start_time()")
    assert counted_since(
        "SELECT stats_reset FROM pg_stat_database WHERE datname = current_database()"
    )


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
    leave_dead_rows(conn)
    found = expect(conn, "dead_rows", "warn", "public.tags: 6000 dead rows")
    do_what_it_says(conn, found)
    expect(conn, "dead_rows", "ok")


def leave_dead_rows(conn: Connection) -> None:
    conn.execute("INSERT INTO tags (name) SELECT 'tag ' || n FROM generate_series(1, 6000) n")
    expect(conn, "dead_rows", "ok")
    conn.execute("DELETE FROM tags")
    wait_for(
        conn, "SELECT n_dead_tup >= 6000 FROM pg_stat_all_tables WHERE relid = 'tags'::regclass"
    )


def test_autovacuum_is_given_time_for_dead_rows(conn: Connection) -> None:
    conn.execute(
        "ALTER TABLE tags SET (autovacuum_vacuum_threshold = 1000000,"
        " autovacuum_analyze_threshold = 1000000, autovacuum_vacuum_insert_threshold = 1000000)"
    )
    leave_dead_rows(conn)
    expect(conn, "dead_rows", "ok")
    count_since(conn, "1 hour")
    found = expect(conn, "dead_rows", "warn", "public.tags: 6000 dead rows")
    do_what_it_says(conn, found)
    leave_dead_rows(conn)
    expect(conn, "dead_rows", "ok")  # it was vacuumed a moment ago


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
        conn,
        "partitions",
        "fail",
        "public.elsewhere holds items of a source that gallery_add_source() did not add",
    )
    assert "alter table public.content_items_all detach partition public.elsewhere" in str(found)
    expect(conn, "missing_indexes", "fail", "public.elsewhere has no index on (created_at desc")


# --- triggers ---

OUR_TRIGGERS = """
SELECT tgrelid::regclass::text, tgname::text FROM pg_trigger
WHERE NOT tgisinternal
  AND tgfoid IN (SELECT oid FROM pg_proc WHERE pronamespace = 'gallery'::regnamespace)
ORDER BY 1, 2
"""
DEFINITIONS = """
SELECT pg_get_triggerdef(oid), tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1
"""
OF_ROWS = ("refuse_prompt_change", "refuse_losing_sidecar", "follow_replica")
CHANGED_BY_A_STATEMENT = (
    "content_tags",
    "content_items_all",
    "content_items",
    "content_items_auto",
    "tags",
    "tag_cardinality_stats",
)


def test_the_triggers_that_are_looked_for_are_those_there_are(conn: Connection) -> None:
    expected = conn.execute(
        "SELECT table_oid::regclass::text, name FROM gallery.our_triggers() ORDER BY 1, 2"
    ).fetchall()
    assert conn.execute(OUR_TRIGGERS).fetchall() == expected
    assert {table for table, _ in expected} == set(CHANGED_BY_A_STATEMENT)


def test_a_missing_trigger_fails(conn: Connection) -> None:
    definitions = conn.execute(DEFINITIONS).fetchall()
    for table, trigger in conn.execute(OUR_TRIGGERS).fetchall():
        if trigger in OF_ROWS and table in ("content_items", "content_items_auto"):
            continue  # it goes with the parent's
        conn.execute(f"DROP TRIGGER {trigger} ON {table}".encode())
        expect(conn, "triggers", "fail", f"public.{table} lacks the trigger {trigger}")
    found = check(conn, "triggers")
    assert found.detail.count("lacks the trigger") == len(definitions)
    assert (found.what_to_do or "").endswith("call public.gallery_rebuild();")
    do_what_it_says(conn, found)
    expect(conn, "triggers", "ok")
    assert conn.execute(DEFINITIONS).fetchall() == definitions


@pytest.mark.parametrize("how", ["DISABLE", "ENABLE REPLICA", "ENABLE"])
def test_a_trigger_that_does_not_fire_where_it_should_fails(conn: Connection, how: str) -> None:
    ways = dict(zip("OAR", ("", "always ", "replica "), strict=True))
    right = {"DISABLE": "", "ENABLE REPLICA": "R", "ENABLE": "O"}[how]
    triggers = conn.execute(
        "SELECT tgrelid::regclass::text, tgname::text, tgenabled::text FROM pg_trigger"
        " WHERE NOT tgisinternal AND tgenabled::text <> %s ORDER BY 1, 2",
        (right,),
    ).fetchall()
    for table, trigger, _ in triggers:
        conn.execute(f"ALTER TABLE {table} {how} TRIGGER {trigger}".encode())
    found = expect(conn, "triggers", "fail")
    for table, trigger, enabled in triggers:
        assert f"public.{table} lacks the trigger {trigger}: it " in found.detail
        mend = f"alter table public.{table} enable {ways[enabled]}trigger {trigger};"
        assert mend in str(found.what_to_do)
    do_what_it_says(conn, found)
    expect(conn, "triggers", "ok")
    conn.execute("ALTER TABLE content_tags ENABLE ALWAYS TRIGGER log_inserted")
    expect(conn, "triggers", "ok")


def test_what_was_changed_without_triggers_is_right_after_what_it_says(conn: Connection) -> None:
    insert_tagged_items(conn, 5, tags=2)
    conn.execute("CALL gallery_refresh()")
    for table in ("content_items_all", "content_items", "content_tags"):
        conn.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
    conn.execute("DELETE FROM content_tags WHERE content_id = 3")
    conn.execute("UPDATE content_items SET is_private = true WHERE id = 4")
    do_what_it_says(conn, expect(conn, "triggers", "fail"))
    assert conn.execute("SELECT * FROM gallery_verify()").fetchall() == []
    assert {name: c for name, c in health(conn).items() if c.status != "ok"} == {}


# --- replication ---


def subscribe(conn: Connection, *tables: str) -> None:
    """Let a subscription, which is idle, write some tables."""
    conn.execute(
        "CREATE SUBSCRIPTION \"a sub\" CONNECTION 'dbname=nowhere' PUBLICATION nothing"
        " WITH (connect = false, slot_name = NONE)"
    )
    conn.execute("SET allow_system_table_mods = on")
    for table in tables:
        conn.execute(
            "INSERT INTO pg_subscription_rel (srsubid, srrelid, srsubstate)"
            " SELECT oid, %s::regclass, 'r' FROM pg_subscription"
            " WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
            (table,),
        )
    conn.execute("RESET allow_system_table_mods")


@pytest.fixture
def unsubscribed(conn: Connection) -> Iterator[None]:
    """A database with a subscription can't be dropped."""
    yield
    conn.execute('DROP SUBSCRIPTION IF EXISTS "a sub"')


@pytest.mark.usefixtures("unsubscribed")
@pytest.mark.parametrize("table", ["gallery.bitmap_container", "tag_cardinality_stats"])
def test_a_subscription_that_writes_what_is_derived_fails(conn: Connection, table: str) -> None:
    expect(conn, "replication", "ok", "no subscription")
    subscribe(conn, table)
    found = expect(conn, "replication", "fail", 'the subscription "a sub" writes', table)
    assert 'alter subscription "a sub" refresh publication;' in str(found.what_to_do)
    assert "call public.gallery_rebuild();" in str(found.what_to_do)


@pytest.mark.usefixtures("unsubscribed")
@pytest.mark.parametrize(
    "tables", [["content_items_all"], ["content_items", "content_tags"], ["tags"]], ids=str
)
def test_a_subscription_is_told_of_and_must_be_followed(
    conn: Connection, tables: list[str]
) -> None:
    written = ["content_items", "content_items_auto"] if "_all" in tables[0] else tables
    subscribe(conn, *tables)
    expect(conn, "replication", "ok", f"writes public.{tables[0]}", "log what it changes")
    conn.execute(f"ALTER TABLE {written[0]} DISABLE TRIGGER follow_replica".encode())
    found = expect(
        conn, "replication", "fail", f"public.{written[0]}, where the trigger", "does not fire"
    )
    do_what_it_says(conn, found)
    expect(conn, "replication", "ok")
    made_on = "content_items_all" if "items" in tables[0] else tables[0]
    conn.execute(f"DROP TRIGGER follow_replica ON {made_on}".encode())
    for table in written[:1]:
        expect(conn, "replication", "fail", f"public.{table}, where no trigger follow_replica")


# --- access ---


@pytest.mark.parametrize("schema", ["public", "gallery"])
@pytest.mark.parametrize("who", ["PUBLIC", '"a stranger"'])
def test_others_who_may_create_objects_in_a_schema_of_ours_fail(
    conn: Connection, schema: str, who: str
) -> None:
    with made_role(conn, '"a stranger"'):
        conn.execute(f"GRANT CREATE ON SCHEMA {schema} TO {who}".encode())
        named = "everybody" if who == "PUBLIC" else f"the role {who}"
        found = expect(conn, "access", "fail", f"{named} may create objects in the schema {schema}")
        do_what_it_says(conn, found)
        expect(conn, "access", "ok")


def test_a_superuser_and_who_installed_it_may_create_objects(conn: Connection) -> None:
    with made_role(conn, '"a stranger"'):
        conn.execute('GRANT CREATE ON SCHEMA public, gallery TO "a stranger"')
        conn.execute('ALTER ROLE "a stranger" SUPERUSER')
        expect(conn, "access", "ok")
        conn.execute('ALTER ROLE "a stranger" NOSUPERUSER')
        expect(conn, "access", "fail")
        conn.execute('ALTER TABLE gallery.installed OWNER TO "a stranger"')
        expect(conn, "access", "ok")
        conn.execute("ALTER TABLE gallery.installed OWNER TO CURRENT_USER")


def test_row_level_security_is_told_of(conn: Connection) -> None:
    expect(conn, "access", "ok", "no table has policies")
    conn.execute("ALTER TABLE content_items_all ENABLE ROW LEVEL SECURITY")
    conn.execute("ALTER TABLE content_items ENABLE ROW LEVEL SECURITY")
    expect(conn, "access", "ok", "public.content_items_all", "what a reader sees")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("content_items", "policies of public.content_items hide nothing in pages"),
        ("gallery.dirty_item", "policies of gallery.dirty_item hide from readers what has changed"),
    ],
)
def test_row_level_security_that_does_harm_or_nothing_fails(
    conn: Connection, table: str, words: str
) -> None:
    conn.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY".encode())
    do_what_it_says(conn, expect(conn, "access", "fail", words))
    expect(conn, "access", "ok")


@contextmanager
def made_role(conn: Connection, name: str) -> Iterator[None]:
    conn.execute(f"CREATE ROLE {name}".encode())
    try:
        yield
    finally:
        conn.execute(f"DROP OWNED BY {name}".encode())
        conn.execute(f"DROP ROLE {name}".encode())


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
    del expected["schedule"]  # the settings of pg_cron are hidden from readers
    with conn.transaction(force_rollback=True):
        conn.execute("CREATE ROLE gallery_test_reader")
        for schema in ("public", "gallery"):
            grant = f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO gallery_test_reader"
            conn.execute(grant.encode())
        conn.execute("SET LOCAL ROLE gallery_test_reader")
        conn.execute("SET TRANSACTION READ ONLY")
        assert {name: c for name, c in health(conn).items() if name != "schedule"} == expected


def test_a_role_that_may_read_nothing_is_told_what_was_not_looked_at(conn: Connection) -> None:
    insert_tagged_items(conn, 10)
    conn.execute("CALL gallery_refresh()")
    with made_role(conn, "gallery_test_stranger"):
        conn.execute("REVOKE SELECT ON ALL TABLES IN SCHEMA public, gallery FROM PUBLIC")
        conn.execute("GRANT SELECT ON gallery.installed, gallery.settings TO PUBLIC")
        conn.execute("SET ROLE gallery_test_stranger")
        found = health(conn)
        conn.execute("RESET ROLE")
        blind = {name for name, c in found.items() if "was not looked at" in c.detail}
        assert blind == {"statistics", "refresh_backlog", "counts"}
        assert {name for name, c in found.items() if c.status != "ok"} == blind
        for name in blind:
            do_what_it_says(conn, found[name])
        conn.execute("SET ROLE gallery_test_stranger")
        assert {name: c for name, c in health(conn).items() if c.status != "ok"} == {}
        conn.execute("RESET ROLE")


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
