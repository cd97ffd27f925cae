"""Running calls over psycopg 3: a connection, a pool, or a URL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any, TypeAlias, TypeVar

from psycopg import AsyncConnection, DataError
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from .._calls import Call
from .._connecting import connect_async, libpq_url
from .._psycopg import ClampedLoader, refuse_transaction, statement
from .executor import AsyncExecutor

T = TypeVar("T")

AsyncPsycopgSource: TypeAlias = str | AsyncConnection[Any] | AsyncConnectionPool[Any]


def psycopg_executor(source: Any) -> AsyncExecutor | None:
    """The executor over a URL or something of psycopg's; None over another."""
    if isinstance(source, str):
        return AsyncUrlExecutor(source)
    if isinstance(source, AsyncConnection):
        return AsyncConnectionExecutor(source)
    if isinstance(source, AsyncConnectionPool):
        return AsyncPoolExecutor(source)
    return None


class AsyncConnectionExecutor:
    """Over a connection of the caller's, in the caller's transaction."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._connection = connection

    async def run(self, call: Call[T], schema: str | None) -> T:
        return await _run(self._connection, call, schema)

    async def close(self) -> None:
        pass


class AsyncPoolExecutor:
    """Over a pool of the caller's: a connection and a transaction a call."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    async def run(self, call: Call[T], schema: str | None) -> T:
        async with self._pool.connection() as connection:
            return await _run(connection, call, schema)

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
        return await _run(connection, call, schema)

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()


async def _run(connection: AsyncConnection[Any], call: Call[T], schema: str | None) -> T:
    async with (
        _autocommit(connection) if call.procedure else nullcontext(),
        connection.cursor(row_factory=dict_row) as cursor,
    ):
        text = statement(call, schema)
        await cursor.execute(text, call.parameters, prepare=False)  # as `connect` explains
        if cursor.description is None:
            return call.decode([])
        try:
            return call.decode(await cursor.fetchall())
        except DataError:
            cursor.adapters.register_loader("timestamptz", ClampedLoader)
            await cursor.execute(text, call.parameters, prepare=False)
            return call.decode(await cursor.fetchall())


@asynccontextmanager
async def _autocommit(connection: AsyncConnection[Any]) -> AsyncIterator[None]:
    refuse_transaction(connection.info.transaction_status)
    before = connection.autocommit
    await connection.set_autocommit(True)
    try:
        yield
    finally:
        if not connection.closed:
            await connection.set_autocommit(before)
