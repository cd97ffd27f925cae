"""A refresh beside other transactions: no idle one holds it up, and no deadlock ends it.

Whoever forgets to commit, or thinks about it for an hour, blocks those who want the same rows, as
ever on PostgreSQL. The refresh takes what is committed and waits for no writer. Only TRUNCATE,
which locks whole tables, makes it wait; and where the two have locked each other out, it is the
refresh that lets go and tries again.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from time import sleep
from typing import Any

import psycopg
import pytest

import calls
from calls import Connection
from galleries import THIRD_SOURCE
from harness.server import Server
from soak import check_derived, counted_tags, read_statistics
from test_refresh import change_much, check_answers, connect, fill

# What a transaction may have done before it sits idle. It touches tags of which others have changed
# the counts; 'tag 01' stands for all of those.
IDLE = {
    "changed a tag's metadata": "UPDATE tags SET tag_metadata = '{\"a\": 1}'",
    "renamed a tag": "UPDATE tags SET name = 'tag 99' WHERE name = 'tag 01'",
    "renamed all tags": "UPDATE tags SET name = 'a ' || name",
    "locked all tags": "SELECT FROM tags FOR UPDATE",
    "made a tag": "INSERT INTO tags (name) VALUES ('tag 98')",
    "deleted a tag": "DELETE FROM tags WHERE name = 'tag 01'",
    "deleted all tags": "DELETE FROM tags",
    "made a tag anew": """
        CREATE TEMP TABLE old ON COMMIT DROP AS SELECT id, name FROM tags WHERE name = 'tag 01';
        DELETE FROM tags WHERE name = 'tag 01';
        INSERT INTO tags (id, name) SELECT id, name FROM old""",
    "inserted items with all tags": """
        INSERT INTO content_items_all (id, source_type, content_type)
        SELECT n, 'items', 'image' FROM generate_series(20000, 20010) n;
        INSERT INTO content_tags (content_id, content_source, tag_id)
        SELECT n, 'items', id FROM generate_series(20000, 20010) n, tags""",
    "inserted tag rows": """
        INSERT INTO content_tags (content_id, content_source, tag_id)
        SELECT i.id, i.source_type, t.id FROM content_items_all i, tags t ON CONFLICT DO NOTHING""",
    "deleted tag rows": "DELETE FROM content_tags WHERE content_id % 3 = 0",
    "moved tag rows": """
        UPDATE content_tags SET tag_id = (SELECT id FROM tags WHERE name = 'tag 01')
        WHERE tag_id = (SELECT id FROM tags WHERE name = 'tag 02')
        AND content_id NOT IN (SELECT content_id FROM content_tags JOIN tags ON tags.id = tag_id
                               WHERE name = 'tag 01')""",
    "deleted items": "DELETE FROM content_items_all WHERE id % 3 = 0",
    "changed items": "UPDATE content_items_all SET is_private = NOT is_private, created_at = now()",
    "deleted a user": """
        DELETE FROM users WHERE id IN (SELECT creator_id FROM content_items LIMIT 1)""",
}


@pytest.fixture(scope="module")
def database_url(module_database_url: str) -> str:
    with psycopg.connect(module_database_url, autocommit=True) as conn:
        conn.execute("SELECT gallery_add_source(%s)", [THIRD_SOURCE])
    return module_database_url


@pytest.mark.parametrize("done", IDLE)
def test_an_idle_transaction_does_not_hold_up_the_refresh(
    conn: Connection, database_url: str, done: str
) -> None:
    refresh_beside(conn, database_url, done, commits=True)


@pytest.mark.parametrize("done", ["renamed all tags", "deleted all tags", "changed items"])
def test_what_an_idle_transaction_takes_back_was_never_refreshed(
    conn: Connection, database_url: str, done: str
) -> None:
    refresh_beside(conn, database_url, done, commits=False)


def refresh_beside(conn: Connection, database_url: str, done: str, *, commits: bool) -> None:
    """A refresh beside an idle transaction, of all that was committed before.

    A lock that is not to be had ends the refresh, and the test fails, rather than hangs.
    """
    fill(conn)
    change_much(conn)
    with connect(database_url) as idle, idle.transaction(force_rollback=not commits):
        idle.execute(calls.query(IDLE[done]))
        with calls.settings(conn, lock_timeout="2s", statement_timeout="30s"):
            conn.execute("CALL gallery_refresh()")
        assert calls.rows_of(conn, "gallery_verify") == []
        assert read_statistics(conn) == counted_tags(calls.read_items(conn))
        check_answers(conn)
    check_derived(conn)


# --- deadlocks ---

# What a transaction does in two steps; between them the refresh goes as far as it can.
FIRST, LAST = (f"(SELECT {side}(id::text)::uuid FROM tags)" for side in ("min", "max"))
STEPS = {
    "renames tags upwards": (
        f"UPDATE tags SET name = 'tag 97' WHERE id = {FIRST}",
        f"UPDATE tags SET name = 'tag 98' WHERE id = {LAST}",
    ),
    "renames tags downwards": (
        f"UPDATE tags SET name = 'tag 97' WHERE id = {LAST}",
        f"UPDATE tags SET name = 'tag 98' WHERE id = {FIRST}",
    ),
    "deletes tags upwards": (
        f"DELETE FROM tags WHERE id = {FIRST}",
        f"DELETE FROM tags WHERE id = {LAST}",
    ),
    "deletes tags downwards": (
        f"DELETE FROM tags WHERE id = {LAST}",
        f"DELETE FROM tags WHERE id = {FIRST}",
    ),
    "renames a tag, empties the junction": (
        f"UPDATE tags SET name = 'tag 97' WHERE id = {LAST}",
        "TRUNCATE content_tags",
    ),
    "deletes a tag, empties the items": (
        f"DELETE FROM tags WHERE id = {LAST}",
        "TRUNCATE content_items_all CASCADE",
    ),
    "changes a tag, empties the tags": (
        f"UPDATE tags SET tag_metadata = '{{}}' WHERE id = {LAST}",
        "TRUNCATE tags CASCADE",
    ),
    "empties the junction, then the items": (
        "TRUNCATE content_tags",
        "TRUNCATE content_items_all CASCADE",
    ),
    "empties the items, then the tags": (
        "TRUNCATE content_items_all, content_tags CASCADE",
        "TRUNCATE tags CASCADE",
    ),
    "empties the tags, then the items": (
        "TRUNCATE tags CASCADE",
        "TRUNCATE content_items_all CASCADE",
    ),
}


@pytest.mark.parametrize("steps", STEPS)
def test_no_deadlock_ends_a_refresh(
    conn: Connection, database_url: str, server: Server, steps: str
) -> None:
    """PostgreSQL ends whoever has waited for long enough: here the refresh, never the writer."""
    if not server.superuser:
        pytest.skip("only a superuser may say how soon PostgreSQL looks for deadlocks")
    fill(conn)
    change_much(conn)
    first, second = map(calls.query, STEPS[steps])
    with connect(database_url) as writer, connect(database_url) as refresher:
        writer.execute("SET deadlock_timeout = '1h'; SET statement_timeout = '30s'")
        refresher.execute("SET deadlock_timeout = '50ms'; SET statement_timeout = '30s'")
        with ThreadPoolExecutor(1) as pool:
            with writer.transaction():
                writer.execute(first)
                refresh = pool.submit(refresher.execute, "CALL gallery_refresh()")
                until_it_waits(conn, refresher, refresh)
                writer.execute(second)
            refresh.result()
    assert calls.rows_of(conn, "gallery_verify") == []
    check_derived(conn)


def until_it_waits(conn: Connection, other: Connection, work: Future[Any]) -> None:
    """Blocks until a connection waits for another, or has done its work."""
    query = "SELECT cardinality(pg_blocking_pids(%s))"
    while not work.done() and conn.execute(query, (other.info.backend_pid,)).fetchone() == (0,):
        sleep(0.01)
