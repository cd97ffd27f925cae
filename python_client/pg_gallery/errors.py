"""The errors that pg_gallery raises: one exception for each SQLSTATE of its own.

Whatever the database was reached through (psycopg, or SQLAlchemy over any driver), an error of a
gallery function arrives as a `GalleryError`, with the database's message, its hint that says what
to do, and the driver's error as ``__cause__``. Every other database error passes unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ._version import __version__


class GalleryError(Exception):
    """An error of the gallery: the message, and what the database said beside it.

    Attributes: ``message``, ``sqlstate``, ``hint`` (what to do), ``detail``; the last three are
    None where there is none.
    """

    def __init__(
        self,
        message: str,
        *,
        sqlstate: str | None = None,
        hint: str | None = None,
        detail: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.sqlstate = sqlstate
        self.hint = hint
        self.detail = detail


class InvalidCursor(GalleryError):
    """TG001: not a cursor of ours: garbled, truncated, or from another version."""


class CursorMismatch(GalleryError):
    """TG002: a cursor made for another filter or sort: start again without it."""


class UnknownTag(GalleryError):
    """TG003: no tag has that name."""


class InvalidArgument(GalleryError):
    """TG004: an argument is out of its range, or arguments contradict each other.

    Also what PostgreSQL itself finds wrong with a value (SQLSTATE class 22), such as a date that
    does not exist.
    """


class StrategyUnavailable(GalleryError):
    """TG005: that strategy can't answer this query, or is switched off."""


class MissingPrerequisite(GalleryError):
    """TG006: something needed is not there: an index not built, pg_cron not installed."""


class InvalidSetting(GalleryError):
    """TG007: unknown or invalid setting."""


class NotInstalled(GalleryError):
    """The database has no such gallery function: not installed there, or an older version."""


class LoginRefused(GalleryError):
    """The server is there, and refuses the login: wrong password, unknown role or database."""


class Unreachable(GalleryError):
    """No connection: the server isn't there, is starting, or has no connection to spare."""


class ActiveTransaction(GalleryError):
    """The procedure commits as it goes, so it can't run inside the transaction that is open."""


SQLSTATES: dict[str, type[GalleryError]] = {
    "TG001": InvalidCursor,
    "TG002": CursorMismatch,
    "TG003": UnknownTag,
    "TG004": InvalidArgument,
    "TG005": StrategyUnavailable,
    "TG006": MissingPrerequisite,
    "TG007": InvalidSetting,
}

_UNDEFINED_FUNCTION = "42883"
_UNDEFINED_SCHEMA = "3F000"
_UNDEFINED_DATABASE = "3D000"
_INVALID_TRANSACTION_TERMINATION = "2D000"


@contextmanager
def translated(function: str) -> Iterator[None]:
    """Turn the driver's errors into ours while ``function`` is called."""
    try:
        yield
    except GalleryError:
        raise
    except Exception as error:
        ours = from_driver(error, function)
        if ours is None:
            raise
        raise ours from error


def from_driver(error: BaseException, function: str) -> GalleryError | None:
    """The error of ours that a driver's error stands for, or None if it is not one of ours."""
    sqlstate = sqlstate_of(error)
    if sqlstate is None:
        return connection_error(error)
    original = _original(error)
    message = _field(original, "message", "message_primary") or str(original)
    kind = _kind(sqlstate, message, function)
    if kind is NotInstalled:
        return _not_installed(function, sqlstate, message)
    if kind is None:
        return None
    return kind(
        message,
        sqlstate=sqlstate,
        hint=_field(original, "hint", "message_hint"),
        detail=_field(original, "detail", "message_detail"),
    )


# libpq hands on what the server says to a login as text alone, without its SQLSTATE.
_REFUSED = re.compile(
    r"authentication failed|no password supplied|no pg_hba\.conf entry|permission denied"
    r"|(role|user|database) .* does not exist|no such (user|database)"
    r"|is not permitted to log in|not currently accepting connections"
)
# This passes, whether or not a password was asked for first.
_FOR_NOW = re.compile(
    r"too many|connection slots|no more connections|the database system is"
    r"|closed the connection|[Cc]onnection reset|timeout expired|timed out"
)


def connection_error(error: BaseException) -> LoginRefused | Unreachable | None:
    """The error of ours for a connection that psycopg could not make; None for other errors."""
    original = _original(error)
    attempt = getattr(original, "pgconn", None)
    if attempt is None or sqlstate_of(original) is not None:
        return None
    said = _last_attempt(str(original))
    asked = attempt.needs_password or attempt.used_password  # told in any language
    if not _FOR_NOW.search(said) and (_REFUSED.search(said) or asked):
        return LoginRefused(
            f"The database refuses the login: {said}",
            hint="Check the role, its password and the database's name in the URL.",
        )
    return Unreachable(
        f"The database can't be reached: {said}",
        hint="Check host and port in the URL, and whether the server is running.",
    )


def _last_attempt(message: str) -> str:
    """What was said of the last of several addresses that were tried."""
    line = message.rpartition("\n- ")[2].splitlines()[0]
    return line.removeprefix("connection failed: ")


def sqlstate_of(error: BaseException) -> str | None:
    """The SQLSTATE of an error of any driver or of ours; None for every other error."""
    original = _original(error)
    sqlstate = getattr(original, "sqlstate", None) or getattr(original, "pgcode", None)
    return sqlstate if isinstance(sqlstate, str) else None


def _original(error: BaseException) -> BaseException:
    """The driver's own error, which SQLAlchemy wraps."""
    original = getattr(error, "orig", None)
    return original if isinstance(original, BaseException) else error


def _kind(sqlstate: str, message: str, function: str) -> type[GalleryError] | None:
    if sqlstate in SQLSTATES:
        return SQLSTATES[sqlstate]
    unknown_function = sqlstate == _UNDEFINED_FUNCTION and "gallery_" in message
    if unknown_function or sqlstate == _UNDEFINED_SCHEMA:
        return NotInstalled
    if sqlstate.startswith("28") or sqlstate == _UNDEFINED_DATABASE:
        return LoginRefused
    if sqlstate == _INVALID_TRANSACTION_TERMINATION:
        return ActiveTransaction
    if sqlstate.startswith("22"):
        return InvalidArgument
    return None


def _not_installed(function: str, sqlstate: str, message: str) -> NotInstalled:
    return NotInstalled(
        f"This database has no {function} that takes these arguments;"
        f" pg_gallery {__version__} is needed there.",
        sqlstate=sqlstate,
        hint="Run pg-gallery migrate on it; where pg_gallery stands in a schema that is not on the"
        " role's search_path, name the schema (schema=, or --schema).",
        detail=message,
    )


def _field(original: Any, attribute: str, diagnostic: str) -> str | None:
    """A field of the server's report: psycopg keeps them in ``diag``, asyncpg on its error."""
    diag = getattr(original, "diag", None)
    if diag is not None:
        value = getattr(diag, diagnostic, None)
    else:
        value = getattr(getattr(original, "__cause__", None) or original, attribute, None)
    return value if isinstance(value, str) else None
