"""Reading writes nothing: in read-only transactions, on hot standbys, for roles that may only read.

And what does write is closed: to PUBLIC, and to whatever stands in the caller's search_path.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import psycopg
import pytest

import calls
from calls import Connection
from galleries import Gallery, random_filter, random_gallery
from harness.server import Server
from harness.standby import Standby
from index_states import rebuilt
from oracle import SORTS, Filter, ordered
from roles import role
from walks import check_walk, keys_of

# Calls of every function that reads, and of every one that writes.
READS = {
    "gallery_page": "SELECT count(*) FROM gallery_page()",
    "gallery_count": "SELECT gallery_count()",
    "gallery_facets": "SELECT count(*) FROM gallery_facets()",
    "gallery_cursor_at": "SELECT gallery_cursor_at(rank => 3)",
    "gallery_pick_strategy": "SELECT count(*) FROM gallery_pick_strategy()",
    "gallery_explain": "SELECT gallery_explain()",
    "gallery_tags": "SELECT count(*) FROM gallery_tags()",
    "gallery_tag_ids": "SELECT gallery_tag_ids('{tag 01}')",
    "gallery_settings": "SELECT count(*) FROM gallery_settings()",
    "gallery_health": "SELECT count(*) FROM gallery_health()",
    "gallery_verify": "SELECT count(*) FROM gallery_verify()",
    "gallery_version": "SELECT gallery_version()",
}
WRITES = {
    "gallery_refresh": "CALL gallery_refresh()",
    "gallery_rebuild": "CALL gallery_rebuild()",
    "gallery_schedule": "SELECT count(*) FROM gallery_schedule('* * * * *')",
    "gallery_unschedule": "SELECT count(*) FROM gallery_unschedule()",
    "gallery_configure": "SELECT gallery_configure('{}')",
    "gallery_add_source": "SELECT gallery_add_source('video')",
}
# Volatile, and writing nothing but a line in the server log, or an EXPLAIN's measurements.
VOLATILE_READERS = "{log_choice,gallery_explain,run_page,work_done,rows_read}"
OUR_FUNCTIONS = (
    "(pronamespace = 'gallery'::regnamespace"
    " OR pronamespace = 'public'::regnamespace AND proname LIKE 'gallery\\_%')"
)


@pytest.fixture(scope="module")
def database_url(module_database_url: str) -> str:
    """One database for the whole file, which holds a gallery."""
    with psycopg.connect(module_database_url, autocommit=True) as conn:
        rebuilt(conn, Random(0), random_gallery(Random(0), 120))
    return module_database_url


def names_of(conn: Connection, condition: str) -> list[str]:
    """Signatures of those of our functions of which a condition on pg_proc is true."""
    rows = conn.execute(
        calls.query(
            "SELECT oid::regprocedure::text FROM pg_proc"
            f" WHERE {OUR_FUNCTIONS} AND ({condition}) ORDER BY 1"
        )
    )
    return [row[0] for row in rows]


def check_pages(conn: Connection, gallery: Gallery, items_from: Connection) -> None:
    """Random filters give the oracle's pages and counts of what the tables hold."""
    random = Random(41)
    items = calls.read_items(items_from)
    for number in range(12):
        wanted, sort = random_filter(random, gallery), SORTS[number % len(SORTS)]
        expected = keys_of(ordered(items, wanted, sort))
        check_walk(conn, wanted, sort, 1 + len(expected) // 3, expected)
        assert calls.value_of(conn, "gallery_count", **calls.arguments(wanted)) == len(expected)


# --- reading ---


def test_every_function_is_known_here_as_one_that_reads_or_one_that_writes(
    conn: Connection,
) -> None:
    public = names_of(conn, "pronamespace <> 'gallery'::regnamespace")
    unknown = {name.partition("(")[0] for name in public} - READS.keys() - WRITES.keys()
    assert unknown == set()


def test_functions_that_read_are_stable_or_immutable(conn: Connection) -> None:
    """But for gallery_explain: PostgreSQL refuses an EXPLAIN in a stable function."""
    volatile = names_of(conn, "prokind = 'f' AND provolatile = 'v'")
    assert {name.partition("(")[0] for name in volatile} & READS.keys() == {"gallery_explain"}


@pytest.mark.parametrize("name", READS)
def test_a_read_works_in_a_read_only_transaction(conn: Connection, name: str) -> None:
    with conn.transaction():
        conn.execute("SET TRANSACTION READ ONLY")
        conn.execute(calls.query(READS[name]))


def test_pages_in_a_read_only_transaction_are_the_oracles(conn: Connection) -> None:
    with conn.transaction():
        conn.execute("SET TRANSACTION READ ONLY")
        check_pages(conn, random_gallery(Random(0), 120), conn)


def test_reads_work_on_a_hot_standby_that_is_receiving_changes(
    conn: Connection, database_url: str, standby: Callable[[], Standby]
) -> None:
    """With the index up to date, with changes it has not heard of, and with it out of use."""
    gallery = random_gallery(Random(0), 120)
    rebuilt(conn, Random(0), gallery)
    copy = standby()
    with psycopg.connect(copy.url(database_url), autocommit=True) as reader:
        assert reader.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)
        for change in (
            "SELECT",
            "DELETE FROM content_items_all WHERE id % 5 = 0",
            "UPDATE content_items_all SET created_at = created_at + interval '1 microsecond'"
            " WHERE isfinite(created_at) AND id % 3 = 0",
            "CALL gallery_refresh()",
            "DELETE FROM content_tags WHERE content_id % 4 = 1",
            "TRUNCATE content_tags",
        ):
            conn.execute(calls.query(change))
            copy.wait()
            check_pages(reader, gallery, conn)
            for read in READS.values():
                reader.execute(calls.query(read))


# --- roles ---


@pytest.mark.parametrize(
    "grants",
    [
        ["GRANT SELECT ON ALL TABLES IN SCHEMA public"],
        ["GRANT SELECT ON ALL TABLES IN SCHEMA public, gallery"],
    ],
    ids=["public tables", "the index too"],
)
def test_a_role_that_may_only_read_pages_and_counts(
    conn: Connection, server: Server, grants: list[str]
) -> None:
    if not server.superuser:
        pytest.skip("making roles needs a superuser")
    gallery = random_gallery(Random(0), 120)
    rebuilt(conn, Random(0), gallery)
    with role(conn, *grants):
        check_pages(conn, gallery, conn)
        for name, read in READS.items():
            if name not in ("gallery_health", "gallery_verify"):
                conn.execute(calls.query(read))


def test_a_role_without_grants_on_the_tables_sees_nothing(conn: Connection, server: Server) -> None:
    if not server.superuser:
        pytest.skip("making roles needs a superuser")
    with role(conn):
        for call in ("SELECT * FROM gallery_page()", "SELECT gallery_count()"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(calls.query(call))


def test_a_role_that_may_write_the_tables_needs_no_grant_on_the_log(
    conn: Connection, server: Server
) -> None:
    if not server.superuser:
        pytest.skip("making roles needs a superuser")
    gallery = random_gallery(Random(0), 30)
    rebuilt(conn, Random(0), gallery)
    with role(
        conn,
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public",
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public",
    ):
        conn.execute("DELETE FROM content_items_all WHERE id % 3 = 0")
        conn.execute("DELETE FROM content_tags WHERE content_id % 3 = 1")
        conn.execute(
            "INSERT INTO content_items_all (id, content_type, source_type)"
            " VALUES (1000, 'x', 'auto')"
        )
        conn.execute("INSERT INTO tags (name) VALUES ('a new tag')")
        conn.execute("DELETE FROM tags WHERE name LIKE '%7'")
    check_pages(conn, gallery, conn)
    conn.execute("CALL gallery_refresh()")
    check_pages(conn, gallery, conn)


def test_nothing_that_changes_anything_may_be_executed_by_public(conn: Connection) -> None:
    """Nor anything that runs as its owner: not even as a trigger of somebody's own."""
    open_to_all = names_of(
        conn,
        "(provolatile = 'v' OR prosecdef) AND has_function_privilege('public', oid, 'EXECUTE')"
        f" AND proname <> ALL ('{VOLATILE_READERS}')",
    )
    assert open_to_all == []


@pytest.mark.parametrize("name", WRITES)
def test_a_role_without_a_grant_can_change_nothing(
    conn: Connection, server: Server, name: str
) -> None:
    if not server.superuser:
        pytest.skip("making roles needs a superuser")
    with role(conn), pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute(calls.query(WRITES[name]))


# --- search_path ---


def test_every_function_pins_its_search_path_or_is_bound_to_its_objects(conn: Connection) -> None:
    """But for procedures that commit, which can't: they qualify every name (next test).

    And but for the function that is put in line as a view would be: it names nothing but tables.
    """
    loose = names_of(
        conn,
        "prokind IN ('f', 'p') AND prosqlbody IS NULL"
        " AND NOT coalesce(proconfig::text LIKE '%search_path=%', false)"
        " AND NOT (prokind = 'p' AND prosrc ~ '\\mcommit\\M')"
        " AND proname <> 'sort_entries'",
    )
    assert loose == []


def test_a_pinned_search_path_ends_with_the_temporary_schema(conn: Connection) -> None:
    """Else the temporary schema is searched first, and anyone may make tables there."""
    loose = names_of(
        conn,
        "EXISTS (SELECT FROM unnest(proconfig) c"
        " WHERE c LIKE 'search_path=%' AND c !~ 'pg_temp\"?$')",
    )
    assert loose == []


def test_objects_of_the_same_names_in_the_callers_path_are_never_used(
    conn: Connection, database_url: str
) -> None:
    gallery = random_gallery(Random(0), 60)
    rebuilt(conn, Random(0), gallery)
    decoys = ("content_items_all", "content_items", "content_tags", "tags", "tag_cardinality_stats")
    functions = ("now", "count", "unnest", "md5", "cardinality", "bit_count")
    with psycopg.connect(database_url, autocommit=True) as hostile:
        hostile.execute("CREATE SCHEMA decoys")
        try:
            for name in decoys:
                hostile.execute(calls.query(f"CREATE TABLE decoys.{name} (nothing_like_it int)"))
                hostile.execute(calls.query(f"CREATE TEMP TABLE {name} (nothing_like_it int)"))
            for name in functions:
                hostile.execute(
                    calls.query(
                        f"CREATE FUNCTION decoys.{name}(VARIADIC anyarray) RETURNS int"
                        " LANGUAGE sql AS 'SELECT 1 / 0'"
                    )
                )
            hostile.execute("SET search_path = decoys, pg_catalog, public")
            items = calls.read_items(conn)
            for sort in SORTS:
                expected = keys_of(ordered(items, Filter(), sort))
                check_walk(hostile, Filter(), sort, 20, expected)
            for read in READS.values():
                hostile.execute(calls.query(read))
            for call in ("CALL gallery_rebuild()", "CALL gallery_refresh()"):
                hostile.execute(calls.query(call))
        finally:
            hostile.execute("DROP SCHEMA decoys CASCADE")


# --- documentation in the database ---


def test_every_function_has_a_comment(conn: Connection) -> None:
    assert names_of(conn, "obj_description(oid, 'pg_proc') IS NULL") == []


def test_the_comment_of_a_function_that_can_fail_names_its_errors(conn: Connection) -> None:
    """Whoever takes a filter can raise TG004, and says so."""
    silent = names_of(
        conn,
        "pronamespace <> 'gallery'::regnamespace AND 'tags_all' = ANY (proargnames)"
        " AND obj_description(oid, 'pg_proc') !~ 'TG004|Errors: as gallery_page'",
    )
    assert silent == []


def test_every_table_has_a_comment(conn: Connection) -> None:
    rows = conn.execute(
        "SELECT oid::regclass::text FROM pg_class"
        " WHERE relkind IN ('r', 'p', 'v') AND relname <> 'pg_gallery_version'"
        " AND relnamespace IN ('public'::regnamespace, 'gallery'::regnamespace)"
        " AND obj_description(oid, 'pg_class') IS NULL"
    )
    assert rows.fetchall() == []
