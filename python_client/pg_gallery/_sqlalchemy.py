"""Running calls over SQLAlchemy: a session, a connection or an engine, sync or async, any driver.

A session or connection is used in the transaction that it is in; an engine gives a connection and
a transaction a call. Procedures, which commit as they go, run on an autocommit connection of their
own from the same engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, TextualSelect, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_scoped_session
from sqlalchemy.orm import Session, scoped_session
from sqlalchemy.types import NULLTYPE

from ._calls import Call, Row
from ._executors import AsyncExecutor, Executor, quoted_prefix

T = TypeVar("T")


def executor(source: Any) -> Executor:
    """The executor over a SQLAlchemy session, connection or engine."""
    if isinstance(source, Session | scoped_session | Connection):
        return SessionExecutor(source)
    if isinstance(source, Engine):
        return EngineExecutor(source)
    raise TypeError(
        "Gallery takes a URL, a psycopg Connection or ConnectionPool,"
        f" or a SQLAlchemy Session, Connection or Engine, not {type(source).__qualname__}"
    )


def async_executor(source: Any) -> AsyncExecutor:
    """The executor over an async SQLAlchemy session, connection or engine."""
    if isinstance(source, AsyncSession | async_scoped_session | AsyncConnection):
        return AsyncSessionExecutor(source)
    if isinstance(source, AsyncEngine):
        return AsyncEngineExecutor(source)
    raise TypeError(
        "AsyncGallery takes a URL, a psycopg AsyncConnection or AsyncConnectionPool,"
        f" or a SQLAlchemy AsyncSession, AsyncConnection or AsyncEngine,"
        f" not {type(source).__qualname__}"
    )


class EngineExecutor:
    """Over an engine of the caller's."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def run(self, call: Call[T], schema: str | None) -> T:
        if call.procedure:
            engine = self._engine.execution_options(isolation_level="AUTOCOMMIT")
            with engine.connect() as connection:
                return _run(connection, call, schema)
        with self._engine.begin() as connection:
            return _run(connection, call, schema)

    def close(self) -> None:
        pass


class SessionExecutor:
    """Over a session or connection of the caller's."""

    def __init__(self, session: Session | scoped_session[Any] | Connection) -> None:
        self._session = session

    def run(self, call: Call[T], schema: str | None) -> T:
        if call.procedure:
            return EngineExecutor(self._engine()).run(call, schema)
        return _run(self._session, call, schema)

    def _engine(self) -> Engine:
        if isinstance(self._session, Connection):
            return self._session.engine
        return self._session.get_bind().engine

    def close(self) -> None:
        pass


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


def _run(
    connection: Session | scoped_session[Any] | Connection, call: Call[T], schema: str | None
) -> T:
    result = connection.execute(_statement(call, schema))
    return call.decode(_rows(result))


async def _run_async(
    connection: AsyncSession | async_scoped_session[Any] | AsyncConnection,
    call: Call[T],
    schema: str | None,
) -> T:
    result = await connection.execute(_statement(call, schema))
    return call.decode(_rows(result))


def _rows(result: Any) -> Sequence[Row]:
    return result.mappings().all() if result.returns_rows else []


def _statement(call: Call[Any], schema: str | None) -> TextualSelect:
    """The call as a statement; parameters have no SQLAlchemy type, since the text casts them."""
    prefix = quoted_prefix(schema).replace("\\", "\\\\").replace(":", "\\:")
    statement = text(call.text(":{}".format, prefix)).bindparams(
        *(bindparam(name, value=value, type_=NULLTYPE) for name, value in call.parameters.items())
    )
    return statement.columns(**dict.fromkeys(call.json_columns, JSONB))
