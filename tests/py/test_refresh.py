"""The log of changes, the refresh, the rebuild and the verification: exact after whatever happened.

Blocks are small, so that a few dozen changes fill, split and renumber them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from random import Random
from time import sleep
from uuid import UUID

import psycopg
import pytest
from hypothesis import given

import calls
from calls import Connection
from galleries import (
    THIRD_SOURCE,
    THREE_SOURCES,
    Gallery,
    examples,
    random_filter,
    random_gallery,
    random_item,
    random_tags,
    seeds,
)
from harness.server import Server
from index_states import rebuilt, shrink_index
from oracle import SORTS, facets, moment, ordered
from soak import Plan, Soak, check_derived, contents
from walks import check_walk, keys_of

DIRTY = "SELECT count(*) FROM gallery.dirty_item"
# What stops whoever writes to a table of the index, until nobody holds the lock any more.
GATE = """
    CREATE FUNCTION gallery.test_gate() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (SELECT count(*) FROM gallery.bitmap_block) >= {blocks} THEN
            PERFORM pg_advisory_xact_lock_shared(4711);
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER test_gate AFTER INSERT OR UPDATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION gallery.test_gate();"""


@pytest.fixture(scope="module")
def database_url(module_database_url: str) -> str:
    """One database for the whole file, whose bitmap index has small blocks."""
    with connect(module_database_url) as conn:
        conn.execute("SELECT gallery_add_source(%s)", [THIRD_SOURCE])
        shrink_index(conn)
    return module_database_url


def connect(url: str) -> Connection:
    return psycopg.connect(url, autocommit=True)


def number_of(conn: Connection, query: str) -> int:
    ((number,),) = conn.execute(calls.query(query)).fetchall()
    return int(number)


@contextmanager
def notices(conn: Connection) -> Iterator[list[str]]:
    """The NOTICEs that a connection is sent in the block."""
    heard: list[str] = []

    def hear(diagnostic: psycopg.errors.Diagnostic) -> None:
        heard.append(diagnostic.message_primary or "")

    conn.add_notice_handler(hear)
    try:
        yield heard
    finally:
        conn.remove_notice_handler(hear)


def fill(conn: Connection) -> None:
    """Store a gallery of some eight blocks, indexed."""
    random = Random(51)
    rebuilt(conn, random, random_gallery(random, 300, sources=THREE_SOURCES))


def change_much(conn: Connection) -> None:
    """Leave many items of all blocks changed and not indexed."""
    conn.execute("DELETE FROM content_items_all WHERE id % 7 = 0")
    conn.execute("DELETE FROM content_tags WHERE content_id % 5 = 0")
    conn.execute(
        "UPDATE content_items_all SET created_at = created_at + interval '90 days'"
        " WHERE isfinite(created_at) AND created_at < '2100-01-01' AND id % 11 = 0"
    )
    conn.execute(
        "INSERT INTO content_items_all (id, source_type, content_type, created_at)"
        " SELECT 10000 + n, 'auto', 'image', '2001-02-03'::timestamptz + n * interval '1 day'"
        " FROM generate_series(1, 60) n"
    )
    conn.execute(
        "INSERT INTO content_tags (content_id, content_source, tag_id)"
        " SELECT 10000 + n, 'auto', t.id FROM generate_series(1, 60) n, tags t"
        " WHERE t.name < 'tag 05'"
    )


def check_answers(conn: Connection) -> None:
    """Pages, counts and facets of random filters are the oracle's, by bitmaps and by choice."""
    random = Random(52)
    items = calls.read_items(conn)
    tags: dict[UUID, str] = dict(conn.execute("SELECT id, name FROM tags").fetchall())
    users = [row[0] for row in conn.execute("SELECT id FROM users")]
    gallery = Gallery(items, tags, users, spare_tags=[UUID(int=1)])
    for number in range(8):
        wanted, sort = random_filter(random, gallery), SORTS[number % len(SORTS)]
        expected = keys_of(ordered(items, wanted, sort))
        for strategy in (None, "bitmap"):
            check_walk(conn, wanted, sort, 1 + len(expected) // 3, expected, strategy=strategy)
        given = calls.arguments(wanted)
        assert calls.value_of(conn, "gallery_count", **given) == len(expected)
        counted = calls.rows_of(conn, "gallery_facets", **given, facet_limit=5)
        assert counted == facets(items, wanted, tags, 5)


@contextmanager
def stopped(url: str, call: str, table: str, blocks: int = 0) -> Iterator[Future[object]]:
    """A call that has got as far as to write to a table, once the index has so many blocks.

    It goes no further while the block is run; after it, it ends, and the future holds how.
    """
    with connect(url) as conn:
        conn.execute(calls.query(GATE.format(blocks=blocks, table=table)))
    keeper, worker = connect(url), connect(url)
    keeper.execute("SELECT pg_advisory_lock(4711)")
    with ThreadPoolExecutor(1) as pool:
        try:
            future: Future[object] = pool.submit(worker.execute, calls.query(call))
            while not future.done() and not waits(keeper, worker):
                sleep(0.01)
            assert not future.done(), f"{call} ended without writing to {table}: {future}"
            yield future
        finally:
            keeper.close()
            future.exception()
            worker.close()
            with connect(url) as conn:
                conn.execute("DROP FUNCTION gallery.test_gate CASCADE")


def waits(conn: Connection, other: Connection) -> bool:
    query = "SELECT FROM pg_locks WHERE pid = %s AND locktype = 'advisory' AND NOT granted"
    return conn.execute(query, (other.info.backend_pid,)).fetchall() != []


# --- statistics ---


@given(seed=seeds())
@examples(4)
def test_statistics_equal_a_plain_count_after_random_changes(database_url: str, seed: int) -> None:
    """Inserts, deletes, retags, bulk loads, TRUNCATE, cascades from tags and from users."""
    soak = Soak(database_url, Plan(seed=seed, writers=2), kill=lambda: None)
    with connect(database_url) as conn:
        for _ in range(4):
            for writer in soak.writers * 6:
                soak.write(conn, writer)
            soak.check()


def test_statistics_equal_a_plain_count_after_refreshes_beside_writers(database_url: str) -> None:
    plan = Plan(seconds=3, round_seconds=2, seed=54, writers=3, readers=0)
    Soak(database_url, plan, kill=lambda: None).run()


def test_a_tag_made_anew_with_the_items_it_had_is_listed_as_before(conn: Connection) -> None:
    """Its count never changes: the tag comes back before a refresh sees that it was gone."""
    fill(conn)
    listed = calls.rows_of(conn, "gallery_tags")
    gallery = random_gallery(Random(51), 300, sources=THREE_SOURCES)
    calls.store(conn, gallery)
    conn.execute("CALL gallery_refresh()")
    assert calls.rows_of(conn, "gallery_tags") == listed != []
    check_derived(conn)


# --- stopped in the middle ---

REFRESH_STOPS = (
    "gallery.refresh_item",
    "gallery.bitmap_container",
    "gallery.bitmap_slot",
    "tag_cardinality_stats",
    "gallery.bitmap_state",
)


@pytest.mark.parametrize("table", REFRESH_STOPS)
def test_what_changes_in_the_middle_of_a_refresh_stays_dirty_until_the_next(
    conn: Connection, database_url: str, table: str
) -> None:
    fill(conn)
    change_much(conn)
    with stopped(database_url, "CALL gallery_refresh()", table) as refresh:
        conn.execute("DELETE FROM content_items_all WHERE id % 13 = 0")
        conn.execute("DELETE FROM content_tags WHERE content_id % 3 = 0")
        conn.execute("UPDATE content_items_all SET is_private = NOT is_private WHERE id % 2 = 0")
        conn.execute("UPDATE content_items_all SET id = id + 50000 WHERE id % 17 = 0")
        check_answers(conn)
    refresh.result()
    assert calls.rows_of(conn, "gallery_verify") == []
    check_answers(conn)
    check_derived(conn)


@pytest.mark.parametrize("table", REFRESH_STOPS)
def test_a_server_killed_in_the_middle_of_a_refresh_leaves_it_to_be_done_anew(
    database_url: str, server: Server, table: str
) -> None:
    with connect(database_url) as conn:
        fill(conn)
        change_much(conn)
    with stopped(database_url, "CALL gallery_refresh()", table) as refresh:
        server.restart(kill=True)
    assert isinstance(refresh.exception(), psycopg.OperationalError)
    with connect(database_url) as conn:
        assert number_of(conn, DIRTY) > 0
        check_answers(conn)
        check_derived(conn)


def test_a_server_killed_before_a_refresh_is_committed_leaves_it_to_be_done_anew(
    database_url: str, server: Server
) -> None:
    with connect(database_url) as conn:
        fill(conn)
        change_much(conn)
        conn.execute("BEGIN")
        conn.execute("CALL gallery_refresh()")
        server.restart(kill=True)
        with pytest.raises(psycopg.OperationalError):
            conn.execute("COMMIT")
    with connect(database_url) as conn:
        assert number_of(conn, DIRTY) > 0
        check_answers(conn)
        check_derived(conn)


@pytest.mark.parametrize(
    ("table", "blocks"),
    [("gallery.bitmap_block", 1), ("gallery.bitmap_block", 4), ("tag_cardinality_stats", 0)],
    ids=["first block", "fourth block", "statistics"],
)
def test_a_server_killed_in_the_middle_of_a_rebuild_lets_the_next_one_go_on(
    database_url: str, server: Server, table: str, blocks: int
) -> None:
    with connect(database_url) as conn:
        fill(conn)
        conn.execute("UPDATE tag_cardinality_stats SET cardinality = cardinality + 1")
    with stopped(database_url, "CALL gallery_rebuild()", table, blocks) as rebuild:
        server.restart(kill=True)
    assert isinstance(rebuild.exception(), psycopg.OperationalError)
    with connect(database_url) as conn:
        change_much(conn)
        with pytest.raises(psycopg.Error) as refusal:
            conn.execute("CALL gallery_refresh()")
        assert refusal.value.sqlstate == "TG006"
        done = number_of(conn, "SELECT coalesce(sum(slots), 0) FROM gallery.bitmap_block")
        with notices(conn) as heard:
            conn.execute("CALL gallery_rebuild()")
        assert heard[0] == f"pg_gallery rebuild: going on after {done} items"
        assert (done > 0) == (blocks != 1)
        check_answers(conn)
        check_derived(conn)


# --- blocks ---


def insert_at(conn: Connection, micros: int, many: int) -> None:
    """Insert so many new items at one place of the page order, a microsecond after each other."""
    random = Random(micros)
    tags = [row[0] for row in conn.execute("SELECT id FROM tags ORDER BY name")]
    users = [row[0] for row in conn.execute("SELECT id FROM users ORDER BY id")]
    keys = [(random.randrange(10**6, 10**15), "items") for _ in range(many)]
    calls.insert_items(
        conn,
        [
            random_item(
                random,
                key,
                moment(micros + number),
                users,
                random_tags(random, tags, is_oldest=False),
            )
            for number, key in enumerate(keys)
        ],
    )


def block_numbers(conn: Connection) -> list[int]:
    return [row[0] for row in conn.execute("SELECT block_no FROM gallery.bitmap_block ORDER BY 1")]


def test_backdated_items_split_the_block_they_belong_into(conn: Connection) -> None:
    fill(conn)
    before = block_numbers(conn)
    insert_at(conn, 10**14, 90)
    conn.execute("CALL gallery_refresh()")
    after = block_numbers(conn)
    assert set(before) < set(after), "no other block was touched"
    assert number_of(conn, "SELECT max(slots) FROM gallery.bitmap_block") <= 40
    check_answers(conn)
    check_derived(conn)


def test_the_newest_items_extend_the_newest_block_and_leave_the_others_alone(
    conn: Connection,
) -> None:
    calls.store(conn, random_gallery(Random(55), 0, sources=THREE_SOURCES))
    insert_at(conn, 10**14, 50)
    conn.execute("CALL gallery_rebuild()")
    slots = "SELECT block_no, slots FROM gallery.bitmap_block ORDER BY 1"
    before = conn.execute(slots).fetchall()
    insert_at(conn, 10**15, 3)
    conn.execute("CALL gallery_refresh()")
    *older, (newest, taken) = before
    assert conn.execute(slots).fetchall() in (
        [*older, (newest, taken + 3)],
        [*before, (newest + number_of(conn, "SELECT gallery.block_gap()"), 3)],
    )
    check_answers(conn)
    check_derived(conn)


def test_many_splits_in_one_place_make_the_index_renumber_its_blocks(server: Server) -> None:
    """With gaps so small that the numbers between two blocks are soon used up."""
    url = server.new_database()
    with connect(url) as conn:
        conn.execute(
            "CREATE OR REPLACE FUNCTION gallery.block_gap() RETURNS int"
            " LANGUAGE sql IMMUTABLE RETURN 4"
        )
        conn.execute("SELECT gallery_add_source(%s)", [THIRD_SOURCE])
        shrink_index(conn)
        fill(conn)
        for turn in range(8):
            insert_at(conn, 10**14 + turn * 3, 35)
            conn.execute("CALL gallery_refresh()")
            assert calls.rows_of(conn, "gallery_verify") == []
        top = number_of(conn, "SELECT gallery.rebuild_top()")
        assert block_numbers(conn)[-1] < top // 2, "a rebuild numbers from there downwards"
        check_answers(conn)
        insert_at(conn, 2 * 10**15, 70)
        check_derived(conn)
    server.drop_database(url)


# --- gallery_verify ---

ONE_BIT = """
    WITH one AS (
        SELECT k.key, k.kind, k.block_no, i.slot
        FROM gallery.bitmap_container k JOIN gallery.bitmap_item i USING (block_no)
        WHERE k.kind = 0 AND {condition} LIMIT 1
    )
    UPDATE gallery.bitmap_container k SET {change} FROM one
    WHERE (k.key, k.kind, k.block_no) = (one.key, one.kind, one.block_no)"""
CONTAINER = """
    {change} WHERE ctid = (SELECT ctid FROM gallery.bitmap_container WHERE kind = {kind} LIMIT 1)"""
COUNT = "WHERE ctid = (SELECT ctid FROM tag_cardinality_stats LIMIT 1)"
ITEM = """
    WHERE (id, source_type) = (SELECT id, source_type FROM content_items_all
                               WHERE created_at < '2100-01-01' AND isfinite(created_at) LIMIT 1)"""
UNLOGGED = (
    "ALTER TABLE content_items_all DISABLE TRIGGER USER;"
    "ALTER TABLE content_items DISABLE TRIGGER USER;"
    "ALTER TABLE content_tags DISABLE TRIGGER USER; "
)
DROP_CONTAINER = "DELETE FROM gallery.bitmap_container"

# Each kind of damage: what does it, and what is said of it.
DAMAGES = {
    "a bit too many in a list": (
        ONE_BIT.format(condition="i.slot <> ALL (k.slots)", change="slots = k.slots || one.slot"),
        "tag .*: 1 items too many, 0 missing",
    ),
    "a bit too many in a bit string": (
        ONE_BIT.format(
            condition="get_bit(k.bits, i.slot) = 0", change="bits = set_bit(k.bits, one.slot, 1)"
        ),
        "tag .*: 1 items too many, 0 missing",
    ),
    "a bit missing in a list": (
        ONE_BIT.format(
            condition="i.slot = ANY (k.slots)", change="slots = array_remove(k.slots, one.slot)"
        ),
        "tag .*: 0 items too many, 1 missing",
    ),
    "a bit missing in a bit string": (
        ONE_BIT.format(
            condition="get_bit(k.bits, i.slot) = 1", change="bits = set_bit(k.bits, one.slot, 0)"
        ),
        "tag .*: 0 items too many, 1 missing",
    ),
    "a wrong count of bits": (
        CONTAINER.format(
            kind=0, change="UPDATE gallery.bitmap_container SET cardinality = cardinality + 1"
        ),
        "container .*: its count",
    ),
    "no container of a tag": (
        CONTAINER.format(kind=0, change=DROP_CONTAINER),
        "tag .*: 0 items too many",
    ),
    "no container of a creator": (
        CONTAINER.format(kind=1, change=DROP_CONTAINER),
        "creator .*: 0 items too many",
    ),
    "no container of a source": (
        CONTAINER.format(kind=2, change=DROP_CONTAINER),
        "source .*: 0 items too many",
    ),
    "no container of what is public": (
        CONTAINER.format(kind=3, change=DROP_CONTAINER),
        "public .*: 0 items too many",
    ),
    "a statistic too high": (
        f"UPDATE tag_cardinality_stats SET cardinality = cardinality + 1 {COUNT}",
        "statistics of tag .*: they say",
    ),
    "a statistic missing": (
        f"DELETE FROM tag_cardinality_stats {COUNT}",
        "statistics of tag .*: they say 0",
    ),
    "a statistic of a tag that nothing carries": (
        "INSERT INTO tag_cardinality_stats VALUES (gen_random_uuid(), 'items', 3)",
        "statistics of tag .*: they say 3, the index holds 0",
    ),
    "a count of a tag too high": (
        "UPDATE gallery.tag_count SET item_count = item_count + 1"
        " WHERE ctid = (SELECT ctid FROM gallery.tag_count LIMIT 1)",
        "count of tag .*: it says",
    ),
    "a container of a block that is none": (
        "INSERT INTO gallery.bitmap_container"
        " SELECT key, 99, kind, cardinality, bits, slots"
        " FROM gallery.bitmap_container WHERE kind = 3 LIMIT 1",
        "block 99: there is no such block, and containers of it",
    ),
    "a chunk's lower bound that is wrong": (
        "UPDATE gallery.bitmap_slot SET lower_at = lower_at - interval '1 us'"
        " WHERE ctid = (SELECT ctid FROM gallery.bitmap_slot WHERE isfinite(lower_at) LIMIT 1)",
        "chunk .*: its lower bound",
    ),
    "an item without a slot": (
        "DELETE FROM gallery.bitmap_item"
        " WHERE ctid = (SELECT ctid FROM gallery.bitmap_item LIMIT 1)",
        "item .*: it is not indexed, and not dirty either",
    ),
    "an item inserted past the log": (
        UNLOGGED + "INSERT INTO content_items (id, content_type) VALUES (12345678, 'image')",
        "item 12345678 of items: it is not indexed, and not dirty either",
    ),
    "an item deleted past the log": (
        UNLOGGED + "DELETE FROM content_items_all" + ITEM,
        "item .*: it is indexed, and not in the tables",
    ),
    "an item moved past the log": (
        UNLOGGED + "UPDATE content_items_all SET created_at = created_at + interval '1 us'" + ITEM,
        "item .*: it is indexed at another place than it has",
    ),
    "an item hidden past the log": (
        UNLOGGED + "UPDATE content_items_all SET is_private = NOT is_private" + ITEM,
        "public .*: ",
    ),
    "a tag taken past the log": (
        UNLOGGED + "DELETE FROM content_tags WHERE ctid = (SELECT ctid FROM content_tags LIMIT 1)",
        "tag .*: 1 items too many, 0 missing",
    ),
    "a slot out of order": (
        "UPDATE gallery.bitmap_slot SET created_ats[1] = 'infinity', ids[1] = 9223372036854775807"
        " WHERE (block_no, chunk) = (SELECT block_no, chunk FROM gallery.bitmap_slot"
        " WHERE cardinality(ids) > 1 ORDER BY 1, 2 LIMIT 1)",
        "slot .*: it stands out of the page order",
    ),
    "a slot outside of its block": (
        "UPDATE gallery.bitmap_block SET lower_id = lower_id + 1"
        " WHERE block_no = (SELECT max(block_no) FROM gallery.bitmap_block)",
        "slot 0: it stands out of the page order, or outside of its block",
    ),
    "a slot that its block does not count": (
        "UPDATE gallery.bitmap_block SET slots = slots - 1"
        " WHERE block_no = (SELECT max(block_no) FROM gallery.bitmap_block)",
        "slot .*: it stands out of the page order, or outside of its block",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_verification_finds_every_kind_of_damage(conn: Connection, damage: str) -> None:
    statement, said = DAMAGES[damage]
    fill(conn)
    assert calls.rows_of(conn, "gallery_verify") == []
    with conn.transaction(force_rollback=True):
        conn.execute(calls.query(statement))
        found = [f"{row.object}: {row.detail}" for row in calls.rows_of(conn, "gallery_verify")]
    assert any(re.search(said, line) for line in found), found


def test_verification_is_silent_about_what_is_dirty(conn: Connection) -> None:
    fill(conn)
    change_much(conn)
    assert number_of(conn, DIRTY) > 0
    assert calls.rows_of(conn, "gallery_verify") == []


# --- dump and restore ---


def test_a_restored_dump_answers_as_the_database_did(
    conn: Connection, database_url: str, server: Server
) -> None:
    """With its index, with what was dirty still dirty, and once that was built on its own tables.

    Until then pages come from the tables: these may be other ones than the index was made of.
    """
    fill(conn)
    change_much(conn)
    dirty = number_of(conn, DIRTY)
    copy_url = server.restored_dump(database_url)
    with connect(copy_url) as copy:
        assert number_of(copy, DIRTY) == dirty > 0
        assert calls.rows_of(copy, "gallery_verify") == []
        assert sorted(map(contents, calls.read_items(copy))) == sorted(
            map(contents, calls.read_items(conn))
        )
        with pytest.raises(psycopg.Error, match="a table was rewritten"):
            copy.execute("SELECT * FROM gallery_page(strategy => 'bitmap')")
        copy.execute("CALL gallery_refresh()")
        check_answers(copy)
        copy.execute("DELETE FROM content_items_all WHERE id % 6 = 0")
        check_derived(copy)
    server.drop_database(copy_url)


# --- the log ---


def test_a_change_of_nothing_indexed_logs_nothing(conn: Connection) -> None:
    fill(conn)
    for change in (
        "UPDATE content_items_all SET title = 'another', quality_score = 0.75",
        "UPDATE content_items_all SET content_type = 'other', updated_at = now()",
        "UPDATE content_items_all SET is_private = is_private, created_at = created_at",
        "UPDATE tags SET name = name || '!'",
        "UPDATE users SET username = username || '!'",
        "DELETE FROM content_tags WHERE false",
    ):
        conn.execute(calls.query(change))
        assert number_of(conn, DIRTY) == 0, change
    assert calls.rows_of(conn, "gallery_verify") == []
    check_answers(conn)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE content_items_all SET created_at = '2020-02-02' WHERE id = 5",
        "UPDATE content_items_all SET is_private = NOT is_private WHERE id = 5",
        "UPDATE content_items_all SET creator_id = NULL WHERE creator_id IS NOT NULL",
        "UPDATE content_items_all SET id = id + 5000 WHERE id = 5",
        "DELETE FROM content_items_all WHERE id = 5",
        "DELETE FROM content_tags WHERE content_id = 5",
        "UPDATE content_tags SET content_id = content_id WHERE content_id = 5",
        "DELETE FROM tags WHERE name = 'tag 00'",
        "DELETE FROM users",
        "INSERT INTO content_items (id, content_type) VALUES (12345678, 'image')",
        "TRUNCATE content_tags",
        "TRUNCATE content_items_all CASCADE",
    ],
)
def test_a_change_is_logged_in_its_own_transaction(
    conn: Connection, database_url: str, change: str
) -> None:
    """Others see it when they see the change, and a rollback leaves nothing of it."""
    fill(conn)
    with connect(database_url) as other, conn.transaction(force_rollback=True):
        conn.execute(calls.query(change))
        assert number_of(conn, DIRTY) > 0
        assert number_of(other, DIRTY) == 0
    assert number_of(conn, DIRTY) == 0
    assert calls.rows_of(conn, "gallery_verify") == []
