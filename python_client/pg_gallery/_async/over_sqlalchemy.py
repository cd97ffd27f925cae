"""Running calls over SQLAlchemy: a session, a connection or an engine, over any driver.

A session or connection is used in the transaction that it is in; an engine gives a connection and
a transaction a call. Procedures, which commit as they go, run on an autocommit connection of their
own from the same engine.
"""

from __future__ import annotations

from typing import Any, TypeAlias, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_scoped_session

from .._calls import Call
from .._sqlalchemy import rows, statement
from .executor import AsyncExecutor

T = TypeVar("T")

_InTransaction: TypeAlias = AsyncSession | async_scoped_session[Any] | AsyncConnection
AsyncSqlAlchemySource: TypeAlias = _InTransaction | AsyncEngine


def sqlalchemy_executor(source: Any) -> AsyncExecutor | None:
    """The executor over something of SQLAlchemy's; None over another."""
    if isinstance(source, AsyncSession | async_scoped_session | AsyncConnection):
        return AsyncSessionExecutor(source)
    if isinstance(source, AsyncEngine):
        return AsyncEngineExecutor(source)
    return None


class AsyncEngineExecutor:
    """Over an engine of the caller's."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def run(self, call: Call[T], schema: str | None) -> T:
        if call.procedure:
            engine = self._engine.execution_options(isolation_level="AUTOCOMMIT")
            async with engine.connect() as connection:
                return await _run(connection, call, schema)
        async with self._engine.begin() as connection:
            return await _run(connection, call, schema)

    async def close(self) -> None:
        pass


class AsyncSessionExecutor:
    """Over a session or connection of the caller's."""

    def __init__(self, session: _InTransaction) -> None:
        self._session = session

    async def run(self, call: Call[T], schema: str | None) -> T:
        if call.procedure:
            return await AsyncEngineExecutor(self._engine()).run(call, schema)
        return await _run(self._session, call, schema)

    def _engine(self) -> AsyncEngine:
        if isinstance(self._session, AsyncConnection):
            return self._session.engine
        return AsyncEngine(self._session.get_bind().engine)

    async def close(self) -> None:
        pass


async def _run(connection: _InTransaction, call: Call[T], schema: str | None) -> T:
    result = await connection.execute(statement(call, schema))
    return call.decode(rows(result))
