"""What holds in every snapshot, whoever is in the middle of what: tables and answers agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from itertools import cycle, pairwise
from uuid import UUID

import psycopg

import calls
from calls import Connection
from galleries import Gallery
from oracle import SORTS, Filter, facets, ordered
from soak import INDEX_LACKS
from walks import check_walk, keys_of, lacks_seeds

NEWEST_FIRST = SORTS[0]
BY_TABLES = tuple(name for name in calls.STRATEGIES if name not in (None, "bitmap"))
WHOLE = 500  # items on a page that has room for all


class Observer:
    """Compares all answers after every step: at once, and at the end in the snapshots of then.

    A snapshot is taken without a lock on any table, so that it holds up nobody.
    """

    def __init__(self, url: str):
        self.url = url
        self.stack = ExitStack()
        self.conn = self._connect()
        self.snapshots: list[str] = []

    def __enter__(self) -> Observer:
        return self

    def __exit__(self, *raised: object) -> None:
        self.stack.close()

    def look(self) -> None:
        """Compare the answers of now. A lock on a whole table keeps readers out, this one too."""
        self.snapshots.append(self._snapshot())
        with suppress(psycopg.errors.LockNotAvailable):
            self._check(self.snapshots[-1])

    def look_back(self) -> None:
        """Compare the answers of each moment once more, after all that was done since."""
        for snapshot in self.snapshots:
            self._check(snapshot)

    def _check(self, snapshot: str) -> None:
        with self.conn.transaction():
            self.conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            self.conn.execute(calls.query(f"SET TRANSACTION SNAPSHOT '{snapshot}'"))
            check_answers(self.conn)

    def _snapshot(self) -> str:
        """The snapshot of now, held by a transaction that is left open."""
        keeper = self._connect()
        keeper.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        ((snapshot,),) = keeper.execute("SELECT pg_export_snapshot()").fetchall()
        return str(snapshot)

    def _connect(self) -> Connection:
        conn = self.stack.enter_context(psycopg.connect(self.url, autocommit=True))
        conn.execute("SET lock_timeout = '100ms'")
        return conn


def check_answers(conn: Connection) -> None:
    """Pages by choice and by bitmaps, and counts: what is quick enough to ask after every step."""
    gallery = read_gallery(conn)
    for wanted in filters(gallery):
        expected = keys_of(ordered(gallery.items, wanted, NEWEST_FIRST))
        for strategy in by_index(conn):
            check_walk(conn, wanted, NEWEST_FIRST, WHOLE, expected, strategy=strategy)
        assert calls.value_of(conn, "gallery_count", **calls.arguments(wanted)) == len(expected)


def check_all_answers(conn: Connection) -> None:
    """Pages forward and back, in every order in turn and by every strategy in turn; and facets."""
    gallery = read_gallery(conn)
    orders, others = cycle(SORTS), cycle(BY_TABLES)
    for wanted in filters(gallery):
        other = next(name for name in others if not lacks_seeds(wanted, name))
        for strategy in (*by_index(conn), other):
            sort = next(orders)
            expected = keys_of(ordered(gallery.items, wanted, sort))
            check_walk(conn, wanted, sort, 1 + len(expected) // 2, expected, strategy=strategy)
        counted = calls.rows_of(conn, "gallery_facets", **calls.arguments(wanted), facet_limit=9)
        assert counted == facets(gallery.items, wanted, gallery.tags, 9), wanted


def by_index(conn: Connection) -> Sequence[str | None]:
    """The ways that rely on the bitmap index: the planner's, and the bitmaps where it is in use."""
    ((lacks,),) = conn.execute(INDEX_LACKS).fetchall()
    return (None, "bitmap") if lacks is None else (None,)


def read_gallery(conn: Connection) -> Gallery:
    tags: dict[UUID, str] = dict(conn.execute("SELECT id, name FROM tags ORDER BY name").fetchall())
    users = [row[0] for row in conn.execute("SELECT id FROM users ORDER BY id")]
    return Gallery(calls.read_items(conn), tags, users)


def filters(gallery: Gallery) -> Iterator[Filter]:
    """Filters that between them ask for every key that an item may have."""
    tags = list(gallery.tags)
    yield Filter()
    yield from (Filter(tags_all=[tag]) for tag in tags)
    yield from (Filter(tags_all=list(pair)) for pair in pairwise(tags))
    yield Filter(tags_any=tags[1:], content_source_types=["community-regular"])
    yield Filter(tags_none=tags[1:], content_source_types=["community-auto"])
    for user in gallery.users:
        yield Filter(creators=[user])
        yield Filter(viewer=user, content_source_types=["user-regular", "community-auto"])
