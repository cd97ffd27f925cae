"""Running calls over psycopg 3: a connection, a pool, or a URL.

An executor does the I/O of a `Call` and nothing else. Those over SQLAlchemy stand in `_sqlalchemy`
and `_sqlalchemy_async`, which are imported only when they are used.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from datetime import datetime, timezone
from typing import Any, Protocol, TypeAlias, TypeVar

from psycopg import AsyncConnection, Connection, DataError
from psycopg.abc import Buffer
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row
from psycopg.types.datetime import TimestamptzLoader
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from ._calls import Call
from ._connecting import connect, connect_async, libpq_url
from .errors import ActiveTransaction

T = TypeVar("T")

PsycopgSource: TypeAlias = "str | Connection[Any] | ConnectionPool[Any]"
AsyncPsycopgSource: TypeAlias = "str | AsyncConnection[Any] | AsyncConnectionPool[Any]"


class Executor(Protocol):
    """Runs calls, one after the other or from several threads."""

    def run(self, call: Call[T], schema: str | None) -> T:
        """The call's result; a driver's errors pass as they are."""

    def close(self) -> None:
        """Closes what the executor opened, and nothing else."""


class AsyncExecutor(Protocol):
    """Runs calls, to be awaited."""

    async def run(self, call: Call[T], schema: str | None) -> T:
        """The call's result; a driver's errors pass as they are."""

    async def close(self) -> None:
        """Closes what the executor opened, and nothing else."""


def executor(source: Any) -> Executor:
    """The executor for whatever a `Gallery` was given."""
    if isinstance(source, str):
        return UrlExecutor(source)
    if isinstance(source, Connection):
        return ConnectionExecutor(source)
    if isinstance(source, ConnectionPool):
        return PoolExecutor(source)
    from . import _sqlalchemy  # noqa: PLC0415 - slow to import, seldom needed

    return _sqlalchemy.executor(source)


def async_executor(source: Any) -> AsyncExecutor:
    """The executor for whatever an `AsyncGallery` was given."""
    if isinstance(source, str):
        return AsyncUrlExecutor(source)
    if isinstance(source, AsyncConnection):
        return AsyncConnectionExecutor(source)
    if isinstance(source, AsyncConnectionPool):
        return AsyncPoolExecutor(source)
    made = _async_sqlalchemy_executor(source)
    if made is None:
        raise TypeError(
            "AsyncGallery takes a URL, a psycopg AsyncConnection or AsyncConnectionPool,"
            " or a SQLAlchemy AsyncSession, AsyncConnection or AsyncEngine,"
            f" not {type(source).__qualname__}"
        )
    return made


def _async_sqlalchemy_executor(source: Any) -> AsyncExecutor | None:
    """The executor, or None where the source is nothing of async SQLAlchemy's.

    Without greenlet that half of SQLAlchemy can't be imported, so nothing can be of it.
    """
    try:
        from . import _sqlalchemy_async  # noqa: PLC0415 - slow to import, seldom needed
    except ImportError:
        return None
    return _sqlalchemy_async.executor(source)


# --- sync ---


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
            cursor.adapters.register_loader("timestamptz", _ClampedLoader)
            cursor.execute(text, call.parameters, prepare=False)
            return call.decode(cursor.fetchall())


@contextmanager
def _autocommit(connection: Connection[Any]) -> Iterator[None]:
    _refuse_transaction(connection.info.transaction_status)
    before = connection.autocommit
    connection.autocommit = True
    try:
        yield
    finally:
        if not connection.closed:
            connection.autocommit = before


# --- async ---


class AsyncConnectionExecutor:
    """Over a connection of the caller's, in the caller's transaction."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._connection = connection

    async def run(self, call: Call[T], schema: str | None) -> T:
        return await _run_async(self._connection, call, schema)

    async def close(self) -> None:
        pass


class AsyncPoolExecutor:
    """Over a pool of the caller's: a connection and a transaction a call."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    async def run(self, call: Call[T], schema: str | None) -> T:
        async with self._pool.connection() as connection:
            return await _run_async(connection, call, schema)

    async def close(self) -> None:
        pass


class AsyncUrlExecutor:
    """Over an autocommit connection of its own, opened at need and again when it is lost."""

    def __init__(self, url: str) -> None:
        self._url = libpq_url(url)
        self._connection: AsyncConnection[Any] | None = None
        self._opening = asyncio.Lock()

    async def run(self, call: Call[T], schema: str | None) -> T:
        async with self._opening:
            if self._connection is None or self._connection.closed:
                self._connection = await connect_async(self._url)
            connection = self._connection
        return await _run_async(connection, call, schema)

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()


async def _run_async(connection: AsyncConnection[Any], call: Call[T], schema: str | None) -> T:
    async with (
        _autocommit_async(connection) if call.procedure else nullcontext(),
        connection.cursor(row_factory=dict_row) as cursor,
    ):
        text = statement(call, schema)
        await cursor.execute(text, call.parameters, prepare=False)
        if cursor.description is None:
            return call.decode([])
        try:
            return call.decode(await cursor.fetchall())
        except DataError:
            cursor.adapters.register_loader("timestamptz", _ClampedLoader)
            await cursor.execute(text, call.parameters, prepare=False)
            return call.decode(await cursor.fetchall())


@asynccontextmanager
async def _autocommit_async(connection: AsyncConnection[Any]) -> AsyncIterator[None]:
    _refuse_transaction(connection.info.transaction_status)
    before = connection.autocommit
    await connection.set_autocommit(True)
    try:
        yield
    finally:
        if not connection.closed:
            await connection.set_autocommit(before)


# --- both ---


def quoted_prefix(schema: str | None) -> str:
    """What stands before a function's name: nothing, or the quoted schema and a dot."""
    return '"{}".'.format(schema.replace('"', '""')) if schema is not None else ""


def statement(call: Call[Any], schema: str | None = None) -> str:
    """The call as psycopg takes it, with placeholders for its parameters."""
    prefix = quoted_prefix(schema).replace("%", "%%")
    return call.text("%({})s".format, prefix)


def _refuse_transaction(status: TransactionStatus) -> None:
    if status != TransactionStatus.IDLE:
        raise ActiveTransaction(
            "This commits as it goes, and a transaction is open on the connection.",
            sqlstate="25001",
            hint="Commit it first, or give the gallery a connection of its own.",
        )


class _ClampedLoader(TimestamptzLoader):
    """Reads times that Python can't hold as the least or greatest one that it can.

    It is much slower than psycopg's own, so it is used only for rows on which that one has failed.
    """

    def load(self, data: Buffer) -> datetime:
        try:
            return super().load(data)
        except DataError:
            text = bytes(data)
            past = text.startswith(b"-") or text.endswith(b"BC")
            return (datetime.min if past else datetime.max).replace(tzinfo=timezone.utc)
