"""Running calls over SQLAlchemy: a session, a connection or an engine, over any driver.

A session or connection is used in the transaction that it is in; an engine gives a connection and
a transaction a call. Procedures, which commit as they go, run on an autocommit connection of their
own from the same engine.

The async kinds stand in `_sqlalchemy_async`: SQLAlchemy's half that they need can be imported only
where greenlet is installed, which nobody else needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, TextualSelect, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session, scoped_session
from sqlalchemy.types import NULLTYPE

from ._calls import Call, Row
from ._executors import Executor, quoted_prefix

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


def _run(
    connection: Session | scoped_session[Any] | Connection, call: Call[T], schema: str | None
) -> T:
    result = connection.execute(statement(call, schema))
    return call.decode(rows(result))


def rows(result: Any) -> Sequence[Row]:
    """The rows of a result; none where the call gives nothing."""
    return result.mappings().all() if result.returns_rows else []


def statement(call: Call[Any], schema: str | None) -> TextualSelect:
    """The call as a statement; parameters have no SQLAlchemy type, since the text casts them."""
    prefix = quoted_prefix(schema).replace("\\", "\\\\").replace(":", "\\:")
    made = text(call.text(":{}".format, prefix)).bindparams(
        *(bindparam(name, value=value, type_=NULLTYPE) for name, value in call.parameters.items())
    )
    return made.columns(**dict.fromkeys(call.json_columns, JSONB))
