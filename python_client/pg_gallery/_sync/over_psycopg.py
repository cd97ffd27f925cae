# Made by scripts/unasync.py of _async/over_psycopg.py: change that, then run `make sync-client`.
"""Running calls over psycopg 3: a connection, a pool, or a URL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, TypeAlias, TypeVar

from psycopg import Connection, DataError
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from .._calls import Call
from .._connecting import connect, libpq_url
from .._psycopg import ClampedLoader, refuse_transaction, statement
from .executor import Executor

T = TypeVar("T")

PsycopgSource: TypeAlias = str | Connection[Any] | ConnectionPool[Any]


def psycopg_executor(source: Any) -> Executor | None:
    """The executor over a URL or something of psycopg's; None over another."""
    if isinstance(source, str):
        return UrlExecutor(source)
    if isinstance(source, Connection):
        return ConnectionExecutor(source)
    if isinstance(source, ConnectionPool):
        return PoolExecutor(source)
    return None


class ConnectionExecutor:
    """Over a connection of the caller's, in the caller's transaction."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def run(self, call: Call[T], schema: str | None) -> T:
        return _run(self._connection, call, schema)

    def close(self) -> None:
        pass


class PoolExecutor:
    """Over a pool of the caller's: a connection and a transaction a call."""

    def __init__(self, pool: ConnectionPool[Any]) -> None:
        self._pool = pool

    def run(self, call: Call[T], schema: str | None) -> T:
        with self._pool.connection() as connection:
            return _run(connection, call, schema)

    def close(self) -> None:
        pass


class UrlExecutor:
    """Over an autocommit connection of its own, opened at need and again when it is lost."""

    def __init__(self, url: str) -> None:
        self._url = libpq_url(url)
        self._connection: Connection[Any] | None = None
        self._opening = threading.Lock()

    def run(self, call: Call[T], schema: str | None) -> T:
        with self._opening:
            if self._connection is None or self._connection.closed:
                self._connection = connect(self._url)
            connection = self._connection
        return _run(connection, call, schema)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


def _run(connection: Connection[Any], call: Call[T], schema: str | None) -> T:
    with (
        _autocommit(connection) if call.procedure else nullcontext(),
        connection.cursor(row_factory=dict_row) as cursor,
    ):
        text = statement(call, schema)
        cursor.execute(text, call.parameters, prepare=False)  # as `connect` explains
        if cursor.description is None:
            return call.decode([])
        try:
            return call.decode(cursor.fetchall())
        except DataError:
            cursor.adapters.register_loader("timestamptz", ClampedLoader)
            cursor.execute(text, call.parameters, prepare=False)
            return call.decode(cursor.fetchall())


@contextmanager
def _autocommit(connection: Connection[Any]) -> Iterator[None]:
    refuse_transaction(connection.info.transaction_status)
    before = connection.autocommit
    connection.set_autocommit(True)
    try:
        yield
    finally:
        if not connection.closed:
            connection.set_autocommit(before)
