# Made by scripts/unasync.py of _async/sources.py: change that, then run `make sync-client`.
"""The executor for each kind of thing that a gallery can be made from."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeAlias

from .executor import Executor
from .over_psycopg import PsycopgSource, psycopg_executor

if TYPE_CHECKING:
    from .over_sqlalchemy import SqlAlchemySource

Source: TypeAlias = "PsycopgSource | SqlAlchemySource"


def executor_over(source: Any) -> Executor:
    """The executor over whatever a gallery was given."""
    made = psycopg_executor(source) or _sqlalchemy_executor(source)
    if made is None:
        raise TypeError(
            "Gallery takes a URL, a psycopg Connection or ConnectionPool,"
            " or a SQLAlchemy Session, Connection or Engine,"
            f" not {type(source).__qualname__}"
        )
    return made


def _sqlalchemy_executor(source: Any) -> Executor | None:
    """The executor, or None where the source is nothing of SQLAlchemy's.

    Nothing can be of a module that nobody has imported: so SQLAlchemy is imported for those alone
    who use it, and what of it needs greenlet only where greenlet is.
    """
    if "sqlalchemy" not in sys.modules:
        return None
    from .over_sqlalchemy import sqlalchemy_executor  # noqa: PLC0415 - slow to import

    return sqlalchemy_executor(source)
