"""A subscriber of logical replication answers exactly, with an index that it keeps for itself.

Publisher and subscriber are two databases of one server. What the publisher writes reaches the
subscriber through PostgreSQL's own apply worker, which fires no trigger but those made for it.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import psycopg
import pytest
from psycopg import sql

import calls
from answers import Asker
from calls import Connection
from changes import Changes
from galleries import THIRD_SOURCE, THREE_SOURCES, Gallery, random_gallery
from harness.server import Server
from index_states import OlderGallery, older_gallery, shrink_index
from oracle import Item

SECURITY = Path(__file__).parents[2] / "docs" / "security.md"
PUBLICATIONS = dict(
    zip(
        ("by partition", "by their parent"),
        re.findall(
            r"^```sql\n([^`]*?CREATE PUBLICATION[^`]*)^```$",
            SECURITY.read_text(encoding="utf-8"),
            re.MULTILINE,
        ),
        strict=True,
    )
)
"""How docs/security.md has the tables published."""


@pytest.fixture(scope="module", autouse=True)
def wal_for_replication(server: Server) -> Iterator[None]:
    """The server writes what logical replication needs, up to the end of the file."""
    if not server.superuser:
        pytest.skip("a subscription needs a superuser")
    with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
        if conn.execute("SHOW wal_level").fetchone() == ("logical",):
            yield
            return
        conn.execute("ALTER SYSTEM SET wal_level = 'logical'")
    try:
        server.restart()
        yield
    finally:
        with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
            conn.execute("ALTER SYSTEM RESET wal_level")
        server.restart()


@dataclass
class Replica:
    """A database that follows another by a subscription."""

    server: Server
    publisher: Connection
    subscriber: Connection
    name: str

    def wait(self, timeout: float = 20) -> None:
        """Blocks until the subscriber has applied all that the publisher has written so far."""
        written = self.publisher.execute("SELECT pg_current_wal_lsn()").fetchone()
        assert written is not None
        self._wait_until(
            "SELECT replay_lsn >= %s::pg_lsn FROM pg_stat_replication WHERE application_name = %s",
            (written[0], self.name),
            timeout,
        )

    def wait_for_first_copy(self, timeout: float = 20) -> None:
        """Blocks until the rows that stood in the published tables are copied."""
        self._wait_until(
            "SELECT bool_and(srsubstate = 'r') FROM pg_subscription_rel"
            " JOIN pg_subscription s ON s.oid = srsubid WHERE subname = %s",
            (self.name,),
            timeout,
            self.subscriber,
        )

    def _wait_until(
        self, query: str, given: tuple[str, ...], timeout: float, where: Connection | None = None
    ) -> None:
        deadline = time.monotonic() + timeout
        while (where or self.publisher).execute(calls.query(query), given).fetchone() != (True,):
            if time.monotonic() > deadline:
                log = self.server.read_log()[-3000:]
                raise TimeoutError(f"the subscription has not come so far; the log ends:\n{log}")
            time.sleep(0.05)


@contextmanager
def replica_of(server: Server, publisher: Connection, publication: str) -> Iterator[Replica]:
    """A new database, migrated and subscribed to what is published, after the first copy.

    The slot is made beforehand: made by the subscription, it would wait for the transaction that
    makes that, since both are of one server.
    """
    name = f"gallery_test_{secrets.token_hex(4)}"
    url = server.new_database()
    publisher.execute(calls.query(PUBLICATIONS[publication]))
    publisher.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (name,))
    with psycopg.connect(url, autocommit=True) as subscriber:
        shrink_index(subscriber)
        subscriber.execute(
            sql.SQL(
                "CREATE SUBSCRIPTION {} CONNECTION {} PUBLICATION gallery WITH"
                " (create_slot = false)"
            ).format(sql.Identifier(name), own_address(publisher))
        )
        replica = Replica(server, publisher, subscriber, name)
        try:
            replica.wait_for_first_copy()
            yield replica
        finally:  # the slot is dropped with it
            subscriber.execute(sql.SQL("DROP SUBSCRIPTION {}").format(sql.Identifier(name)))
    server.drop_database(url)


def own_address(publisher: Connection) -> sql.Literal:
    """How the server reaches a database of its own."""
    row = publisher.execute(
        "SELECT format('host=localhost port=%s user=%s dbname=%s',"
        " current_setting('port'), current_user, current_database())"
    ).fetchone()
    assert row is not None
    return sql.Literal(row[0])


def rows(items: list[Item]) -> list[tuple[object, ...]]:
    """The items in the order of their keys, so written that NaN is equal to itself."""
    return sorted((*i.key, repr(replace(i, tags=frozenset())), sorted(i.tags)) for i in items)


def check_answers(
    replica: Replica, random: Random, gallery: Gallery, *, index_in_use: bool = True
) -> None:
    """The subscriber has the publisher's items, and every answer of its is the oracle's.

    So it is before a refresh there, with the index if that is in use by then, and after it.
    """
    conn = replica.subscriber
    items = calls.read_items(conn)
    assert rows(items) == rows(calls.read_items(replica.publisher))
    asker = Asker(conn, random, replace(gallery, items=items))
    asker.ask(25, tags=False)
    assert not index_in_use or asker.tally["bitmap"], asker.tally
    conn.execute("CALL gallery_refresh()")
    assert calls.rows_of(conn, "gallery_verify") == []
    asker.ask(10)


def older_one_stored(conn: Connection, random: Random, gallery: Gallery) -> OlderGallery:
    older = older_gallery(random, gallery)
    calls.store(conn, older.gallery)
    return older


@pytest.mark.parametrize("publication", PUBLICATIONS)
def test_a_subscriber_answers_exactly_whatever_the_publisher_writes(
    server: Server, conn: Connection, publication: str
) -> None:
    """Items made, deleted, hidden, moved in time and to the other source; tags given and taken."""
    random = Random(4)
    gallery = random_gallery(random, 150)
    older = older_one_stored(conn, random, gallery)
    with replica_of(server, conn, publication) as replica:
        replica.subscriber.execute("CALL gallery_rebuild()")
        check_answers(replica, random, older.gallery)

        older.become(conn, gallery)
        replica.wait()
        check_answers(replica, random, gallery)

        changes = Changes(conn, random, gallery, gallery.items)
        for _ in range(40):
            changes.make_some()
        replica.wait()
        check_answers(replica, random, gallery)

        # all is refreshed now: nothing but its name tells of the tag
        renamed = next(iter(gallery.tags))
        conn.execute("UPDATE tags SET name = 'renamed' WHERE id = %s", (renamed,))
        replica.wait()
        check_answers(replica, random, replace(gallery, tags=gallery.tags | {renamed: "renamed"}))


def test_tables_that_the_publisher_empties_are_empty_for_the_subscriber(
    server: Server, conn: Connection
) -> None:
    random = Random(5)
    calls.store(conn, random_gallery(random, 60))
    with replica_of(server, conn, "by their parent") as replica:
        replica.subscriber.execute("CALL gallery_rebuild()")
        another = random_gallery(random, 60)
        calls.store(conn, another)  # empties all tables first
        replica.wait()
        check_answers(replica, random, another, index_in_use=False)
        conn.execute("TRUNCATE content_tags")
        replica.wait()
        check_answers(replica, random, another, index_in_use=False)


@pytest.mark.parametrize("publication", PUBLICATIONS)
def test_what_a_subscriber_is_sent_of_a_further_source_is_followed(
    server: Server, conn: Connection, publication: str
) -> None:
    random = Random(6)
    gallery = random_gallery(random, 150, sources=THREE_SOURCES)
    known = [item for item in gallery.items if item.source_type != THIRD_SOURCE]
    calls.store(conn, replace(gallery, items=known))
    with replica_of(server, conn, publication) as replica:
        replica.subscriber.execute("CALL gallery_rebuild()")
        for side in (replica.subscriber, conn):
            side.execute("SELECT gallery_add_source(%s)", [THIRD_SOURCE])
        if publication == "by partition":
            name = sql.Identifier(replica.name)
            replica.subscriber.execute(
                sql.SQL("ALTER SUBSCRIPTION {} REFRESH PUBLICATION").format(name)
            )
            replica.wait_for_first_copy()
        calls.insert_items(conn, [i for i in gallery.items if i.source_type == THIRD_SOURCE])
        replica.wait()
        check_answers(replica, random, gallery)

        changes = Changes(conn, random, gallery, gallery.items)
        for _ in range(40):
            changes.make_some()
        replica.wait()
        check_answers(replica, random, gallery)
