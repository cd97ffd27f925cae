"""A disk that is full: what needs room fails and says so, nothing is lost, pages stay exact.

All tables that pg_gallery keeps beside those of the items stand in a tablespace on a small disk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random

import psycopg
import pytest
from psycopg import sql

import calls
from calls import Connection
from galleries import Gallery, random_gallery
from harness.disk import SmallDisk
from harness.server import Server
from index_states import rebuilt, shrink_index
from oracle import Item, moment
from soak import check_derived, compare, contents

DERIVED = """
    SELECT c.oid::regclass::text, c.relkind = 'i' FROM pg_class c
    WHERE c.relkind IN ('r', 'i')
      AND (c.relnamespace = 'gallery'::regnamespace
           OR c.oid = 'tag_cardinality_stats'::regclass
           OR c.oid IN (SELECT indexrelid FROM pg_index
                        WHERE indrelid = 'tag_cardinality_stats'::regclass))"""


@pytest.fixture
def disk(server: Server, conn: Connection) -> Iterator[SmallDisk]:
    """The small disk, on which what is derived stands in the database of `conn`."""
    disk = server.small_disk()
    if not server.superuser:
        pytest.skip("only a superuser may create a tablespace")
    location = sql.Literal(disk.folder)
    conn.execute(sql.SQL("CREATE TABLESPACE gallery_test LOCATION {}").format(location))
    for name, is_index in conn.execute(DERIVED).fetchall():
        kind = "INDEX" if is_index else "TABLE"
        conn.execute(calls.query(f"ALTER {kind} {name} SET TABLESPACE gallery_test"))
    yield disk
    disk.make_room()
    url = server.url("postgres")
    server.drop_database(server.url(conn.info.dbname))
    with psycopg.connect(url, autocommit=True) as maintenance:
        maintenance.execute("DROP TABLESPACE gallery_test")


class Writer:
    """Adds items, and knows which of them the database has taken."""

    def __init__(self, conn: Connection, gallery: Gallery) -> None:
        self.conn = conn
        self.gallery = gallery
        self.stored = list(gallery.items)

    def add(self, number: int, many: int) -> None:
        tags = frozenset(self.gallery.tags)
        items = [
            Item(1_000_000 + number * 1000 + n, "items", moment(10**15 + n), tags=tags)
            for n in range(many)
        ]
        with self.conn.transaction():
            calls.insert_items(self.conn, items)
        self.stored += items

    def check(self) -> None:
        stored = calls.read_items(self.conn)
        assert sorted(map(contents, stored)) == sorted(map(contents, self.stored))


def expect_no_space(conn: Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.DiskFull) as failure:
        conn.execute(calls.query(statement))
    assert "No space left on device" in str(failure.value)


@pytest.mark.parametrize("call", ["CALL gallery_refresh()", "CALL gallery_rebuild()"])
def test_a_full_disk_loses_nothing_and_is_forgotten_once_there_is_room(
    conn: Connection, disk: SmallDisk, call: str
) -> None:
    random = Random(81)
    gallery = random_gallery(random, 200)
    shrink_index(conn)
    rebuilt(conn, random, gallery)
    writer = Writer(conn, gallery)
    writer.add(0, 400)
    disk.fill()
    expect_no_space(conn, call)
    with pytest.raises(psycopg.errors.DiskFull):
        for number in range(1, 500):
            writer.add(number, 20)
    for _ in range(3):
        compare(conn, random, gallery, Counter())
    expect_no_space(conn, call)
    writer.check()

    disk.make_room()
    writer.add(500, 5)
    conn.execute(calls.query(call))
    assert calls.rows_of(conn, "gallery_verify") == []
    check_derived(conn)
    compare(conn, random, gallery, Counter())
    writer.check()
