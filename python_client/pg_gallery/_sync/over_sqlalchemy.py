# Made by scripts/unasync.py of _async/over_sqlalchemy.py: change that, then run `make sync-client`.
"""Running calls over SQLAlchemy: a session, a connection or an engine, over any driver.

A session or connection is used in the transaction that it is in; an engine gives a connection and
a transaction a call. Procedures, which commit as they go, run on an autocommit connection of their
own from the same engine.
"""

from __future__ import annotations

from typing import Any, TypeAlias, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session, scoped_session

from .._calls import Call
from .._sqlalchemy import rows, statement
from .executor import Executor

T = TypeVar("T")

_InTransaction: TypeAlias = Session | scoped_session[Any] | Connection
SqlAlchemySource: TypeAlias = _InTransaction | Engine


def sqlalchemy_executor(source: Any) -> Executor | None:
    """The executor over something of SQLAlchemy's; None over another."""
    if isinstance(source, Session | scoped_session | Connection):
        return SessionExecutor(source)
    if isinstance(source, Engine):
        return EngineExecutor(source)
    return None


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

    def __init__(self, session: _InTransaction) -> None:
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


def _run(connection: _InTransaction, call: Call[T], schema: str | None) -> T:
    result = connection.execute(statement(call, schema))
    return call.decode(rows(result))
