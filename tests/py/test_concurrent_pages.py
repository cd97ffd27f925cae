"""Walks through a gallery that changes meanwhile: what stayed as it was is met once, in order.

Some items stay as they are; the others come, go, change their tags and move. First between the
pages, on one connection, where every page can be compared with the oracle; then by writers of
their own, where a walk must still meet every steady item and a snapshot must agree with itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from random import Random
from threading import Event, Thread
from typing import Any

import psycopg
import pytest
from hypothesis import given

import calls
from calls import Connection, Page
from changes import Changes
from galleries import THREE_SOURCES, Gallery, examples, random_filter, random_gallery, seeds
from index_states import rebuilt
from oracle import SORTS, Filter, Item, Key, Sort, facets, ordered, place
from walks import check_walk, keys_of

PAGE_SIZE = 7
WRITERS = 3
WALKS = 12
PAUSE = 0.005  # seconds between two changes of a writer: the refreshes must keep up with them all

by_planner_and_bitmap = pytest.mark.parametrize(
    "strategy", [None, "bitmap"], ids=lambda strategy: strategy or "planner"
)


@pytest.fixture(scope="module")
def database_url(small_index_url: str) -> str:
    return small_index_url


def halves(random: Random, items: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """The items that stay as they are, and those that may change."""
    steady: list[Item] = []
    loose: list[Item] = []
    for item in items:
        random.choice((steady, loose)).append(item)
    return steady, loose


def check_met(met: Sequence[Key], steady: Sequence[Key], moved: set[Key]) -> None:
    """Every steady item exactly once and in order; nothing twice but what moved itself."""
    wanted = set(steady)
    assert [key for key in met if key in wanted] == list(steady)
    assert [key for key, times in Counter(met).items() if times > 1 and key not in moved] == []


# --- between the pages ---


@dataclass
class Walk:
    """A walk one way through a gallery that changes after every page."""

    conn: Connection
    changes: Changes
    steady: Sequence[Item]
    wanted: Filter
    sort: Sort
    forward: bool
    strategy: str | None

    def turn_to(self, cursor: str | None) -> Page:
        return calls.page(
            self.conn,
            self.wanted,
            self.sort,
            page_size=PAGE_SIZE,
            cursor=cursor,
            strategy=self.strategy,
        )

    def items_now(self) -> list[Item]:
        return ordered([*self.steady, *self.changes.loose.values()], self.wanted, self.sort)

    def ahead(self, items: Sequence[Item], reached: tuple[Any, ...] | None) -> list[Item]:
        """Those of some ordered items that the walk has yet to meet, nearest first."""
        if self.forward:
            return [item for item in items if reached is None or place(item, self.sort) > reached]
        return [item for item in items[::-1] if reached and place(item, self.sort) < reached]

    def go(self, cursor: str | None, reached: tuple[Any, ...] | None) -> list[Key]:
        """Walk from a cursor, which holds the place reached, and compare every page."""
        met: list[Key] = []
        while True:
            turned = self.turn_to(cursor)
            keys, onward, back = turned.keys, turned.next_cursor, turned.prev_cursor
            if not self.forward:
                keys, onward, back = keys[::-1], back, onward
            now = self.items_now()
            ahead = self.ahead(now, reached)
            assert keys == keys_of(ahead[:PAGE_SIZE])
            assert (onward is not None) == (len(ahead) > PAGE_SIZE)
            assert (back is not None) == (0 < len(ahead) < len(now))
            met += keys
            if onward is None:
                return met
            cursor, reached = onward, place(ahead[PAGE_SIZE - 1], self.sort)
            for _ in range(self.changes.random.randint(1, 3)):
                self.changes.make_some()
            if self.changes.random.random() < 0.3:
                self.conn.execute("CALL gallery_refresh()")


@by_planner_and_bitmap
@pytest.mark.parametrize("forward", [True, False], ids=["forward", "back"])
@given(seed=seeds())
@examples(20)
def test_changes_between_the_pages_lose_and_repeat_nothing(
    conn: Connection, forward: bool, strategy: str | None, seed: int
) -> None:
    """Each page is what the oracle finds beyond the cursor's place at that moment."""
    random = Random(seed)
    gallery = random_gallery(random, random.choice((10, 60, 150)), sources=THREE_SOURCES)
    rebuilt(conn, random, gallery)
    steady, loose = halves(random, gallery.items)
    changes = Changes(conn, random, gallery, loose)
    walk = Walk(
        conn,
        changes,
        steady,
        random_filter(random, gallery),
        random.choice(SORTS),
        forward,
        strategy,
    )
    cursor, reached = (None, None) if forward else last_page_of(walk)
    expected = walk.ahead(ordered(steady, walk.wanted, walk.sort), reached)
    check_met(walk.go(cursor, reached), keys_of(expected), changes.moved)


def last_page_of(walk: Walk) -> tuple[str | None, tuple[Any, ...] | None]:
    """The way back from the last page, and the place of its first row; from the first: nothing."""
    turned = walk.turn_to(None)
    while turned.next_cursor is not None:
        turned = walk.turn_to(turned.next_cursor)
    places = {item.key: place(item, walk.sort) for item in walk.items_now()}
    walk.forward = turned.prev_cursor is None  # a single page has no way back: walk it forward
    return turned.prev_cursor, None if walk.forward else places[turned.keys[0]]


# --- by other connections ---


@contextmanager
def writers(
    database_url: str,
    gallery: Gallery,
    loose: Sequence[Item],
    moved: set[Key],
) -> Iterator[None]:
    """Connections that change the loose items, a share each, and one that refreshes the index.

    They work until the block ends; then the derived data must agree with the tables.
    """
    done = Event()
    failures: list[BaseException] = []

    def work(begin: Callable[[Connection], Callable[[], object]]) -> None:
        try:
            with psycopg.connect(database_url, autocommit=True) as conn:
                work_once = begin(conn)
                while not done.wait(PAUSE):
                    work_once()
        except BaseException as failure:
            failures.append(failure)

    def writes(number: int, conn: Connection) -> Callable[[], object]:
        changes = Changes(conn, Random(number), gallery, loose[number::WRITERS])
        changes.moved = moved
        return changes.make_some

    def refreshes(conn: Connection) -> Callable[[], object]:
        return lambda: conn.execute("CALL gallery_refresh()")

    jobs = [*(partial(writes, number) for number in range(WRITERS)), refreshes]
    threads = [Thread(target=work, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert failures == []
    with psycopg.connect(database_url, autocommit=True) as conn:
        assert calls.rows_of(conn, "gallery_verify") == []


@by_planner_and_bitmap
def test_other_connections_writing_meanwhile_lose_and_repeat_nothing(
    conn: Connection, database_url: str, strategy: str | None
) -> None:
    random = Random(31)
    gallery = random_gallery(random, 200, sources=THREE_SOURCES)
    rebuilt(conn, random, gallery)
    steady, loose = halves(random, gallery.items)
    moved: set[Key] = set()
    with writers(database_url, gallery, loose, moved):
        for number in range(WALKS):
            wanted, sort = random_filter(random, gallery), SORTS[number % len(SORTS)]
            given = {"page_size": PAGE_SIZE, "strategy": strategy}
            turned = calls.page(conn, wanted, sort, **given)
            met = list(turned.keys)
            while turned.next_cursor is not None:
                turned = calls.page(conn, wanted, sort, **given, cursor=turned.next_cursor)
                met += turned.keys
            check_met(met, keys_of(ordered(steady, wanted, sort)), moved)


@by_planner_and_bitmap
def test_every_function_agrees_with_the_tables_of_its_snapshot_while_others_write(
    conn: Connection, database_url: str, strategy: str | None
) -> None:
    random = Random(32)
    gallery = random_gallery(random, 150, sources=THREE_SOURCES)
    rebuilt(conn, random, gallery)
    _, loose = halves(random, gallery.items)
    with writers(database_url, gallery, loose, set()):
        for number in range(WALKS):
            wanted, sort = random_filter(random, gallery), SORTS[number % len(SORTS)]
            with conn.transaction():
                conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                items = calls.read_items(conn)
                expected = keys_of(ordered(items, wanted, sort))
                check_walk(conn, wanted, sort, 1 + len(expected) // 4, expected, strategy=strategy)
                given = calls.arguments(wanted)
                assert calls.value_of(conn, "gallery_count", **given) == len(expected)
                counted = calls.rows_of(conn, "gallery_facets", **given, facet_limit=5)
                assert counted == facets(items, wanted, gallery.tags, 5)


def test_a_refresh_ends_while_changes_keep_coming(conn: Connection) -> None:
    """Whenever a batch is taken from the log, another change is there already.

    The time-out ends a test that would hang.
    """
    random = Random(33)
    rebuilt(conn, random, random_gallery(random, 50, sources=THREE_SOURCES))
    conn.execute(
        """
        CREATE FUNCTION gallery.test_append() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO gallery.dirty_item (content_source, content_id)
            SELECT source_type, id FROM public.content_items_all LIMIT 1;
            RETURN NULL;
        END $$;
        CREATE TRIGGER test_append AFTER DELETE ON gallery.dirty_item
        FOR EACH STATEMENT EXECUTE FUNCTION gallery.test_append();
        """
    )
    try:
        conn.execute("UPDATE content_items_all SET is_private = NOT is_private")
        with calls.settings(conn, statement_timeout="60s"):
            conn.execute("CALL gallery_refresh()")
        assert conn.execute("SELECT count(*) FROM gallery.dirty_item").fetchone() == (1,)
    finally:
        conn.execute("DROP FUNCTION gallery.test_append CASCADE")
