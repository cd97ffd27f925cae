"""The Typer application that every command joins, and the one place that ends it on an error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

import psycopg
import typer
from typer.core import TyperGroup

from ..errors import GalleryError, LoginRefused, Unreachable, connection_error
from ..loading import LoadError
from ._output import complain


class ExitCode(IntEnum):
    """What the command's exit code says."""

    DONE = 0
    REFUSED = 1  # the gallery says no: an error TG001 to TG007, or a check that failed
    USAGE = 2  # the command line is not right
    UNREACHABLE = 3  # the database can't be reached
    DATABASE = 4  # the database says no: functions missing, permission denied, …
    INPUT = 5  # a file can't be read or written, or a line of it is wrong
    INTERRUPTED = 130  # Ctrl-C


class _Commands(TyperGroup):
    """Commands whose errors are told as plain sentences."""

    def invoke(self, ctx: Any) -> Any:
        with _plain_errors():
            return super().invoke(ctx)


app = typer.Typer(
    name="pg-gallery",
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        complain("Interrupted.")
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    except BrokenPipeError:
        raise
    except LoadError as error:
        complain(_sentence(error), _kept(error) or error.hint)
        raise typer.Exit(ExitCode.INPUT) from None
    except (GalleryError, psycopg.Error, OSError) as error:
        complain(in_words(error), getattr(error, "hint", None))
        raise typer.Exit(_exit_code(error)) from None


def _exit_code(error: BaseException) -> ExitCode:
    """Told by the first error in the chain of causes that is the database's."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, LoginRefused):
            return ExitCode.DATABASE
        if isinstance(cause, Unreachable):
            return ExitCode.UNREACHABLE
        if isinstance(cause, psycopg.OperationalError) and cause.sqlstate is None:
            refused = isinstance(connection_error(cause), LoginRefused)
            return ExitCode.DATABASE if refused else ExitCode.UNREACHABLE
        cause = cause.__cause__
    if isinstance(error, GalleryError):
        ours = error.sqlstate is None or error.sqlstate.startswith(("TG", "22", "25"))
        return ExitCode.REFUSED if ours else ExitCode.DATABASE
    return ExitCode.INPUT if isinstance(error, OSError) else ExitCode.DATABASE


def in_words(error: GalleryError | psycopg.Error | OSError) -> str:
    """The error as one sentence."""
    if isinstance(error, OSError):
        return f"{error.strerror or error}: {error.filename}" if error.filename else str(error)
    if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
        return f"The database can't be reached: {str(error).splitlines()[0]}"
    return _sentence(error)


def _sentence(error: GalleryError | psycopg.Error) -> str:
    """The message with its SQLSTATE, by which the documentation can be searched."""
    message = getattr(error, "message", None) or _primary(error)
    return f"{message} ({error.sqlstate})" if error.sqlstate else str(message)


def _primary(error: Any) -> str:
    return error.diag.message_primary or str(error)


def _kept(error: LoadError) -> str | None:
    """What a load that was broken off has left behind; nothing, unless it was in batches."""
    if not error.committed:
        return None
    return f"{error.committed:,} items before it are loaded. {error.hint or ''}".strip()
