"""Running calls over an async SQLAlchemy session, connection or engine, as `_sqlalchemy` does."""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_scoped_session

from ._calls import Call
from ._executors import AsyncExecutor
from ._sqlalchemy import rows, statement

T = TypeVar("T")


def executor(source: Any) -> AsyncExecutor | None:
    """The executor over an async SQLAlchemy session, connection or engine; None over another."""
    if isinstance(source, AsyncSession | async_scoped_session | AsyncConnection):
        return AsyncSessionExecutor(source)
    if isinstance(source, AsyncEngine):
        return AsyncEngineExecutor(source)
    return None


class AsyncEngineExecutor:
    """Over an async engine of the caller's."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def run(self, call: Call[T], schema: str | None) -> T:
        if call.procedure:
            engine = self._engine.execution_options(isolation_level="AUTOCOMMIT")
            async with engine.connect() as connection:
                return await _run_async(connection, call, schema)
        async with self._engine.begin() as connection:
            return await _run_async(connection, call, schema)

    async def close(self) -> None:
        pass


class AsyncSessionExecutor:
    """Over an async session or connection of the caller's."""

    def __init__(self, session: AsyncSession | async_scoped_session[Any] | AsyncConnection) -> None:
        self._session = session

    async def run(self, call: Call[T], schema: str | None) -> T:
        if call.procedure:
            return await AsyncEngineExecutor(self._engine()).run(call, schema)
        return await _run_async(self._session, call, schema)

    def _engine(self) -> AsyncEngine:
        if isinstance(self._session, AsyncConnection):
            return self._session.engine
        return AsyncEngine(self._session.get_bind().engine)

    async def close(self) -> None:
        pass


async def _run_async(
    connection: AsyncSession | async_scoped_session[Any] | AsyncConnection,
    call: Call[T],
    schema: str | None,
) -> T:
    result = await connection.execute(statement(call, schema))
    return call.decode(rows(result))
