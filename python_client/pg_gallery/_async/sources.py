"""The executor for each kind of thing that a gallery can be made from."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeAlias

from .executor import AsyncExecutor
from .over_psycopg import AsyncPsycopgSource, psycopg_executor

if TYPE_CHECKING:
    from .over_sqlalchemy import AsyncSqlAlchemySource

AsyncSource: TypeAlias = "AsyncPsycopgSource | AsyncSqlAlchemySource"


def executor_over(source: Any) -> AsyncExecutor:
    """The executor over whatever a gallery was given."""
    made = psycopg_executor(source) or _sqlalchemy_executor(source)
    if made is None:
        raise TypeError(
            "AsyncGallery takes a URL, a psycopg AsyncConnection or AsyncConnectionPool,"
            " or a SQLAlchemy AsyncSession, AsyncConnection or AsyncEngine,"
            f" not {type(source).__qualname__}"
        )
    return made


def _sqlalchemy_executor(source: Any) -> AsyncExecutor | None:
    """The executor, or None where the source is nothing of SQLAlchemy's.

    Nothing can be of a module that nobody has imported: so SQLAlchemy is imported for those alone
    who use it, and what of it needs greenlet only where greenlet is.
    """
    if "sqlalchemy.ext.asyncio" not in sys.modules:
        return None
    from .over_sqlalchemy import sqlalchemy_executor  # noqa: PLC0415 - slow to import

    return sqlalchemy_executor(source)
