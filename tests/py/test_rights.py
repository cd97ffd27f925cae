"""Nobody's code runs as another, and a role may do and learn what its grants say, and no more."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from random import Random

import psycopg
import pytest

import calls
from calls import Connection
from galleries import random_gallery
from harness.server import Server
from index_states import dirty, rebuilt
from policies import POLICIES, in_force
from roles import acting_as, documented_grants, new_role

DENIED = "42501"


@pytest.fixture(scope="module")
def database_url(module_database_url: str) -> str:
    """One database for the whole file."""
    return module_database_url


@pytest.fixture(autouse=True)
def making_roles(server: Server) -> None:
    if not server.superuser:
        pytest.skip("making roles needs a superuser")


# --- whose code runs ---


OURS = (
    "(pronamespace = 'gallery'::regnamespace"
    " OR pronamespace = 'public'::regnamespace AND starts_with(proname, 'gallery_'))"
)


def test_what_runs_as_the_owner_finds_names_in_pg_catalog_alone(conn: Connection) -> None:
    rows = conn.execute(
        calls.query(
            f"SELECT oid::regprocedure::text, proconfig FROM pg_proc WHERE {OURS} AND prosecdef"
        )
    ).fetchall()
    assert rows, "the triggers run as the owner"
    pinned = "search_path=pg_catalog, pg_temp"
    assert [name for name, settings in rows if pinned not in (settings or [])] == []


# An aggregate that fits the triggers' uuid[] better than PostgreSQL's own.
EVIL = """
    CREATE FUNCTION public.evil(state uuid[], x uuid) RETURNS uuid[] LANGUAGE plpgsql AS $$
    BEGIN
        EXECUTE 'ALTER ROLE {role} SUPERUSER';
        RETURN state || x;
    EXCEPTION WHEN insufficient_privilege THEN
        RETURN state || x;
    END $$;
    CREATE AGGREGATE public.array_agg(uuid)
        (sfunc = public.evil, stype = uuid[], initcond = '{{}}');
    GRANT EXECUTE ON FUNCTION public.evil(uuid[], uuid) TO PUBLIC;
"""
OPEN_SCHEMA = "GRANT CREATE ON SCHEMA public TO {role};"


def is_superuser(conn: Connection, role: str) -> bool:
    row = conn.execute("SELECT rolsuper FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
    assert row is not None
    return bool(row[0])


def test_a_writer_who_may_create_functions_does_not_have_them_run_by_the_triggers(
    conn: Connection,
) -> None:
    rebuilt(conn, Random(3), random_gallery(Random(3), 30))
    grants = OPEN_SCHEMA + "GRANT SELECT, INSERT, UPDATE, DELETE ON content_tags TO {role}"
    with new_role(conn, grants) as mallory:
        with acting_as(conn, mallory):
            conn.execute(calls.query(EVIL.format(role=mallory)))
            conn.execute("DELETE FROM content_tags")
        assert not is_superuser(conn, mallory)


def test_a_stranger_who_may_create_functions_does_not_have_them_run_by_the_owners_refresh(
    conn: Connection,
) -> None:
    rebuilt(conn, Random(3), random_gallery(Random(3), 30))
    with new_role(conn, OPEN_SCHEMA) as mallory:
        with acting_as(conn, mallory):
            conn.execute(calls.query(EVIL.format(role=mallory)))
        conn.execute("DELETE FROM content_tags WHERE content_id % 2 = 0")
        conn.execute("CALL gallery_refresh()")
        assert not is_superuser(conn, mallory)


# --- what a role learns ---


def test_of_our_own_tables_all_may_read_what_is_installed_and_set_and_nothing_else(
    conn: Connection,
) -> None:
    rows = conn.execute(
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'gallery'::regnamespace"
        " AND relkind IN ('r', 'p', 'v', 'm', 'f')"
        " AND has_any_column_privilege('public', oid, 'SELECT') ORDER BY 1"
    )
    assert rows.fetchall() == [("installed",), ("settings",)]


VOLATILE_BUT_WRITES_NOTHING = {
    "gallery_explain": "PostgreSQL refuses EXPLAIN in functions that are not volatile",
    "run_page": "the same",
    "log_choice": "the line in the server log that a sampled page leaves is no row",
    "rows_read": "what the transaction has read so far grows with every statement",
    "work_done": "the same",
}


def test_none_of_our_tables_may_be_written_by_all(conn: Connection) -> None:
    rows = conn.execute(
        "SELECT oid::regclass::text FROM pg_class"
        " WHERE relnamespace IN ('gallery'::regnamespace, 'public'::regnamespace)"
        " AND relkind IN ('r', 'p', 'v')"
        " AND has_table_privilege('public', oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')"
    )
    assert rows.fetchall() == []


def test_nothing_of_ours_that_may_change_something_is_executed_by_all(conn: Connection) -> None:
    """Procedures are volatile, and so is every function that may write: PostgreSQL sees to that."""
    rows = conn.execute(
        calls.query(
            f"SELECT proname::text FROM pg_proc WHERE {OURS} AND provolatile = 'v'"
            " AND has_function_privilege('public', oid, 'EXECUTE')"
        )
    )
    assert {name for (name,) in rows} == VOLATILE_BUT_WRITES_NOTHING.keys()


CARRIERS, INDEXED = 1437, 1430  # of the tag: numbers that stand nowhere else
NAME = "a secret tag"
TAG = "5ec4e700-0000-4000-8000-000000000001"


@pytest.fixture(scope="module")
def secret_tag(module_database_url: str) -> Iterator[None]:
    """A gallery in which so many items carry the tag, a few of them since the last refresh."""
    with psycopg.connect(module_database_url, autocommit=True) as conn:
        calls.store(conn, random_gallery(Random(0), 0))
        conn.execute("INSERT INTO tags (id, name) VALUES (%s, %s)", (TAG, NAME))
        conn.execute(
            "INSERT INTO content_items_all (id, content_type, source_type)"
            " SELECT 100000 + n, 'image', 'items' FROM generate_series(1, 1500) n"
        )
        tag_items = (
            "INSERT INTO content_tags (content_id, content_source, tag_id)"
            " SELECT 100000 + n, 'items', %s FROM generate_series(%s::int, %s::int) n"
        )
        conn.execute(tag_items, (TAG, 1, INDEXED))
        conn.execute("CALL gallery_rebuild()")
        conn.execute(tag_items, (TAG, INDEXED + 1, CARRIERS))
        conn.execute("VACUUM ANALYZE")
    yield


READABLE = """
    SELECT format('SELECT string_agg(r::text, %%L) FROM (SELECT * FROM %%s) r', E'\\n',
                  oid::regclass)
    FROM pg_class
    WHERE relnamespace IN ('gallery'::regnamespace, 'public'::regnamespace)
      AND relkind IN ('r', 'p', 'v', 'm')
    UNION ALL
    SELECT format('SELECT string_agg(r::text, %%L) FROM pg_stats r WHERE schemaname = ANY (%%L)',
                  E'\\n', '{gallery,public}')
    UNION ALL
    SELECT format('SELECT string_agg(r::text, %%L) FROM (SELECT * FROM %%s(%%s)) r', E'\\n',
                  oid::regproc, (SELECT string_agg(coalesce(a.sample, 'NULL') || '::' || t::regtype,
                                                   ', ' ORDER BY n)
                                 FROM unnest(proargtypes) WITH ORDINALITY p (t, n)
                                 LEFT JOIN unnest(%s::text[], %s::text[]) a (kind, sample)
                                        ON a.kind = t::regtype::text))
    FROM pg_proc
    WHERE pronamespace IN ('gallery'::regnamespace, 'public'::regnamespace) AND prokind = 'f'
      AND prorettype <> 'trigger'::regtype AND has_function_privilege(oid, 'EXECUTE')
      -- what this very session has done, as others too; and what pg_class tells everybody
      AND proname NOT IN ('work_done', 'table_sizes')
"""
# What functions are called with, once with nulls and once with these.
SAMPLES = {
    "uuid[]": f"'{{{TAG}}}'",
    "uuid": f"'{TAG}'",
    "text": "'items'",
    "text[]": "'{items}'",
    "integer": "5",
    "bigint": "5",
    "bigint[]": "'{1,2,3}'",
    "boolean": "true",
    "double precision": "1",
}


def all_that_may_be_read(conn: Connection) -> str:
    """What the session's role sees, who reads every table and calls every function."""
    seen: list[str] = []
    for samples in ({}, SAMPLES):
        given = [list(samples), list(samples.values())]
        for (statement,) in conn.execute(READABLE, given).fetchall():
            try:
                seen += map(str, conn.execute(statement.encode()).fetchone() or ())
            except psycopg.Error:
                continue
    return "\n".join(seen)


def what_a_role_sees(conn: Connection, grants: str) -> str:
    """All that a role with these grants may read."""
    with new_role(conn, grants) as name, acting_as(conn, name):
        seen = all_that_may_be_read(conn)
    assert "fallback_default_count" in seen, "the settings are for all"
    return seen


def tells_counts(seen: str) -> bool:
    seen = re.sub(
        r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "", seen
    )  # any digits may be there
    return re.search(rf"\b({CARRIERS}|{INDEXED})\b", seen) is not None


@pytest.mark.parametrize(
    ("grants", "may_know"),
    [
        ("", ""),
        ("GRANT SELECT ON content_items_all, content_items, content_items_auto TO {role}", ""),
        ("GRANT SELECT ON tags TO {role}", "names"),
        ("GRANT SELECT ON tags, content_tags TO {role}", "names and counts"),
    ],
    ids=["nothing", "items", "tags", "tags and their rows"],
)
def test_a_role_learns_no_name_and_no_count_that_it_may_not_read_in_the_tables(
    conn: Connection, secret_tag: None, grants: str, may_know: str
) -> None:
    seen = what_a_role_sees(conn, grants)
    assert (NAME in seen) == ("names" in may_know)
    assert not tells_counts(seen) or "counts" in may_know


@pytest.mark.parametrize("policies", ["no rows of tags", "no tags"])
def test_a_reader_under_a_policy_learns_no_name_and_no_count_that_it_hides(
    conn: Connection, secret_tag: None, policies: str
) -> None:
    """With the first of a reader's grants, as documented for it."""
    (first, *_), *_ = documented_grants("reader")
    with in_force(conn, POLICIES[policies]):
        seen = what_a_role_sees(conn, first)
    assert (NAME in seen) == (policies != "no tags")
    assert not tells_counts(seen) or policies == "no tags"


# --- the documented grants ---


READER_MAY = (
    "SELECT * FROM gallery_page(strategy => 'bitmap')",
    "SELECT * FROM gallery_page(sort_field => 'quality_score', page_size => 500)",
    "SELECT * FROM gallery_page(tags_all => gallery_tag_ids('{tag 00}'), strategy => 'self_join')",
    "SELECT gallery_count(tags_all => gallery_tag_ids('{tag 01}'))",
    "SELECT * FROM gallery_facets()",
    "SELECT gallery_cursor_at(rank => 5)",
    "SELECT * FROM gallery_tags()",
    "SELECT * FROM gallery_tags(name_prefix => 'tag', sort => 'name')",
    "SELECT * FROM gallery_pick_strategy()",
    "SELECT gallery_explain()",
    "SELECT * FROM gallery_health()",
    "SELECT * FROM gallery_verify()",
    "SELECT * FROM gallery_settings()",
    "SELECT gallery_version()",
)
WRITER_MAY = (
    "INSERT INTO users (username) VALUES ('a writer''s')",
    "INSERT INTO tags (name) VALUES ('a writer''s'), ('another')",
    "INSERT INTO content_items_all (content_type, source_type) VALUES ('x', 'items')",
    "INSERT INTO content_items_all (content_type, source_type) VALUES ('x', 'auto')",
    "INSERT INTO content_items_all (id, content_type, source_type, creator_id)"
    " SELECT 900001, 'x', 'items', id FROM users WHERE username = 'a writer''s'",
    "INSERT INTO content_items_more (source_id) VALUES (900001)",
    "INSERT INTO content_tags SELECT 900001, 'items', id FROM tags",
    "UPDATE content_items_more SET metadata_more = '{}' WHERE source_id = 900001",
    "DELETE FROM content_items_more WHERE source_id = 900001",
    "UPDATE content_items_all SET id = 900002, is_private = true WHERE id = 900001",
    "UPDATE tags SET name = 'renamed' WHERE name = 'another'",
    "UPDATE content_tags SET tag_id = (SELECT id FROM tags WHERE name = 'renamed')"
    " WHERE tag_id = (SELECT id FROM tags WHERE name = 'a writer''s') AND content_id = 0",
    "UPDATE users SET username = 'renamed' WHERE username = 'a writer''s'",
    "DELETE FROM content_tags WHERE content_id = 900002",
    "DELETE FROM tags WHERE name IN ('renamed', 'a writer''s')",
    "DELETE FROM users WHERE username = 'renamed'",
    "DELETE FROM content_items_all WHERE id = 900002",
)
REFRESHER_MAY = (
    "CALL gallery_refresh()",
    "CALL gallery_rebuild()",
    "CALL gallery_refresh()",
)
MAY = {"reader": READER_MAY, "writer": WRITER_MAY, "refresher": REFRESHER_MAY}
READER_MAY_NOT = (
    "INSERT INTO content_items_all (content_type, source_type) VALUES ('x', 'items')",
    "UPDATE content_items_all SET is_private = false",
    "DELETE FROM content_tags",
    "UPDATE tags SET name = name || 'x'",
    "SELECT * FROM users",
    "DELETE FROM tag_cardinality_stats",
    "DELETE FROM gallery.dirty_item",
    "UPDATE gallery.settings SET document = '{}'",
    "SELECT gallery_configure('{}')",
    "SELECT * FROM gallery_schedule()",
    "SELECT * FROM gallery_unschedule()",
    "CALL gallery_refresh()",
    "CALL gallery_rebuild()",
)
WRITER_MAY_NOT = (
    "INSERT INTO content_items (content_type) VALUES ('x')",
    "TRUNCATE content_tags",
    "TRUNCATE content_items_all CASCADE",
    "ALTER TABLE content_tags DISABLE TRIGGER USER",
    "DELETE FROM tag_cardinality_stats",
    "SELECT * FROM gallery.dirty_item",
    "DELETE FROM gallery.dirty_item",
    "SELECT * FROM gallery.bitmap_container",
    *READER_MAY_NOT[7:],
)
REFRESHER_MAY_NOT = (
    *READER_MAY_NOT[:5],
    "UPDATE gallery.settings SET document = '{}'",
    "UPDATE gallery.installed SET version = '0'",
    "SELECT gallery_configure('{\"dirty_limit\": 3}')",
)
MAY_NOT = {"reader": READER_MAY_NOT, "writer": WRITER_MAY_NOT, "refresher": REFRESHER_MAY_NOT}
KINDS = tuple(MAY)


def denied(conn: Connection, statements: Sequence[str]) -> list[str]:
    """Which statements are refused to the session's role; other errors are raised.

    Also by TG006: what is needed can't be read.
    """
    refused = []
    for statement in statements:
        try:
            conn.execute(calls.query(statement))
        except psycopg.Error as error:
            if error.sqlstate not in (DENIED, "TG006"):
                raise
            refused.append(statement)
    return refused


@pytest.fixture
def gallery(conn: Connection) -> None:
    """A gallery that changed since it was indexed."""
    random = Random(4)
    dirty(conn, random, random_gallery(random, 60))
    conn.execute("SELECT setval('content_items_id_seq', 800000)")


@pytest.mark.parametrize("kind", KINDS)
def test_the_documented_grants_are_all_that_a_role_needs(
    conn: Connection, gallery: None, kind: str
) -> None:
    grants = "".join(documented_grants(kind)[0])
    with new_role(conn, grants) as name, acting_as(conn, name):
        assert denied(conn, MAY[kind]) == []
    conn.execute("CALL gallery_refresh()")
    assert calls.rows_of(conn, "gallery_verify") == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_documented_grants_allow_nothing_else(
    conn: Connection, gallery: None, kind: str
) -> None:
    grants = "".join(documented_grants(kind)[0])
    with new_role(conn, grants) as name, acting_as(conn, name):
        assert denied(conn, MAY_NOT[kind]) == list(MAY_NOT[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_none_of_the_documented_grants_can_be_left_out(
    conn: Connection, gallery: None, kind: str
) -> None:
    block = documented_grants(kind)[0]
    for left_out in [grant for grant in block if grant.strip().startswith("GRANT")]:
        grants = "".join(grant for grant in block if grant != left_out)
        with new_role(conn, grants) as name, acting_as(conn, name):
            assert denied(conn, MAY[kind]), left_out


def test_a_reader_without_the_index_reads_all_the_same(conn: Connection, gallery: None) -> None:
    """With the first of a reader's grants alone."""
    (first, *_), *_ = documented_grants("reader")
    beyond = "strategy => 'bitmap'", "gallery_health", "gallery_verify"
    may = [read for read in READER_MAY if not any(word in read for word in beyond)]
    with new_role(conn, first) as name, acting_as(conn, name):
        assert denied(conn, may) == []
