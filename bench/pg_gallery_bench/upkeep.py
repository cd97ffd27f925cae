"""What the bitmap index takes: space, time to build, a share of each insert, time to refresh."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from .measure import timed
from .results import Upkeep
from .writing import Writer, WriterPlan

_INSERTS = 60
_NEW_ITEMS = 1000
_LOGGED = ("content_items", "content_items_auto", "content_items_all", "content_tags")


def measure_upkeep(url: str, plan: WriterPlan, rebuild_seconds: float | None) -> Upkeep:
    """Measures it on a gallery whose index is up to date, and leaves it so."""
    with psycopg.connect(url, autocommit=True) as connection:
        writer = Writer(connection, plan)
        with_triggers, without = _insert_times(connection, writer)
        return Upkeep(
            junction_bytes=_number(connection, "SELECT pg_total_relation_size('content_tags')"),
            index_bytes=index_bytes(connection),
            junction_index_seconds=_junction_index_seconds(connection),
            rebuild_seconds=rebuild_seconds,
            insert_ms=with_triggers,
            insert_untriggered_ms=without,
            refresh_new_items=_NEW_ITEMS,
            refresh_seconds=_refresh_seconds(url, plan),
        )


def index_bytes(connection: psycopg.Connection[Any]) -> int:
    """The size of everything in the schema gallery, indexes included."""
    return _number(
        connection,
        "SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class"
        " WHERE relnamespace = 'gallery'::regnamespace AND relkind = 'r'",
    )


def _insert_times(connection: psycopg.Connection[Any], writer: Writer) -> tuple[float, float]:
    """Medians in milliseconds of inserting an item, with the tables' triggers and without.

    In turn, each in a transaction that is taken back.
    """
    seen: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(_INSERTS):
        for triggers in (True, False):
            with connection.transaction(force_rollback=True):
                if not triggers:
                    for table in _LOGGED:
                        connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
                seen[triggers].append(timed(writer.insert)[0])
            writer.forget()
    return statistics.median(seen[True]), statistics.median(seen[False])


def _junction_index_seconds(connection: psycopg.Connection[Any]) -> float:
    milliseconds, _ = timed(
        lambda: connection.execute(
            "CREATE INDEX bench_junction ON content_tags (tag_id, content_source, content_id)"
        )
    )
    connection.execute("DROP INDEX bench_junction")
    return milliseconds / 1000


def _refresh_seconds(url: str, plan: WriterPlan) -> float:
    with changed_items(url, plan, _NEW_ITEMS) as connection:
        milliseconds, _ = timed(lambda: connection.execute("CALL gallery_refresh()"))
        return milliseconds / 1000


@contextmanager
def changed_items(url: str, plan: WriterPlan, count: int) -> Iterator[psycopg.Connection[Any]]:
    """So many new items wait for the refresh; in the end they are deleted, and that refreshed."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CALL gallery_refresh()")
        writer = Writer(connection, plan)
        for _ in range(count):
            writer.insert()
        try:
            yield connection
        finally:
            writer.undo()
            connection.execute("CALL gallery_refresh()")


def _number(connection: psycopg.Connection[Any], query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return int(row[0])
