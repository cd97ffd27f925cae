"""The command that installs, upgrades and removes pg_gallery in a database."""

from __future__ import annotations

import logging
import sys
from typing import Annotated

import typer
from rich.text import Text
from typer import Option

from ..errors import GalleryError
from ._options import AsJson, Database
from ._output import err, out, plain, print_json


def migrate(
    *,
    database: Database,
    to: Annotated[str, Option(metavar="REVISION", help="Upgrade to this revision.")] = "head",
    down: Annotated[
        str | None,
        Option(
            metavar="REVISION",
            help="Take it back to this revision; base removes pg_gallery, items included."
            " Asks before it deletes rows.",
        ),
    ] = None,
    delete_everything: Annotated[
        bool,
        Option("--delete-everything", help="With --down: delete rows without being asked."),
    ] = False,
    sql: Annotated[
        bool, Option("--sql", help="Change nothing: print the SQL for psql instead.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Install pg_gallery in a database, or bring it up to date.

    Examples:

        pg-gallery migrate --url postgresql://localhost/pictures

        pg-gallery migrate --sql > upgrade.sql

        pg-gallery migrate --down base

    It is refused where others may create objects in the schema of the gallery.

    JSON: {"before": revision or null, "after": revision or null}
    """
    from .. import migrate as migrations  # noqa: PLC0415 - Alembic is slow to import

    if sql and as_json:
        raise typer.BadParameter("--sql prints SQL: leave --json out.")
    url = database.given_url
    run, revision = (migrations.upgrade, to) if down is None else (migrations.downgrade, down)
    if sql:
        run(url, revision, schema=database.schema, sql=True)
        return
    if down is not None and not delete_everything:
        _ask(migrations.rows_lost(url, revision, schema=database.schema))
    _tell_of_waiting()
    before = migrations.current(url, schema=database.schema)
    run(url, revision, schema=database.schema)
    after = migrations.current(url, schema=database.schema)
    if as_json:
        print_json({"before": before, "after": after})
    elif before == after:
        out.print(f"The database is at {after or 'base'} already.")
    else:
        out.print(f"The database went from {before or 'base'} to {after or 'base'}.")


# What people call the rows of tables that they fill themselves.
_NAMES = {
    "content_items_all": "items",
    "tags": "tags",
    "users": "users",
    "content_tags": "tags of items",
    "content_items_more": "rows of content_items_more",
    "content_items_auto_more": "rows of content_items_auto_more",
}


def _ask(rows: dict[str, int]) -> None:
    """Go on if there is nothing to delete, or somebody at the terminal says yes."""
    if not rows:
        return
    loss = f"This deletes {_in_words(rows)}."
    if not sys.stdin.isatty():
        raise GalleryError(loss, hint="Give --delete-everything if that is meant.")
    err.print(loss, soft_wrap=True)  # the question itself goes there too
    typer.confirm("Delete them, for good?", abort=True, err=True)


def _in_words(rows: dict[str, int]) -> str:
    names = _NAMES | {table: f"rows of {table}" for table in rows if _is_of_a_source(table)}
    parts = [f"{rows[table]:,} {name}" for table, name in names.items() if table in rows]
    derived = sum(count for table, count in rows.items() if table not in names)
    if derived:
        parts.append(f"{derived:,} rows of index and statistics, which can be built anew")
    return ", ".join(parts)


def _is_of_a_source(table: str) -> bool:
    """Whether gallery_add_source() made the table."""
    return table.startswith("content_items_") and table not in _NAMES


def _tell_of_waiting() -> None:
    """Show on standard error what the migrations log, such as that they wait for another."""
    log = logging.getLogger("pg_gallery.migrations")
    log.setLevel(logging.INFO)
    if not log.handlers:
        log.addHandler(_ToStandardError())


class _ToStandardError(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        err.print(Text(plain(record.getMessage())), soft_wrap=True)
