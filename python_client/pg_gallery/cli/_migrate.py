"""The command that installs, upgrades and removes pg_gallery in a database."""

from __future__ import annotations

from typing import Annotated

import typer
from typer import Option

from ._options import AsJson, Database
from ._output import out, print_json


def migrate(
    *,
    database: Database,
    to: Annotated[str, Option(metavar="REVISION", help="Upgrade to this revision.")] = "head",
    down: Annotated[
        str | None,
        Option(
            metavar="REVISION",
            help="Take it back to this revision; base removes pg_gallery, items included.",
        ),
    ] = None,
    sql: Annotated[
        bool, Option("--sql", help="Change nothing: print the SQL for psql instead.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Install pg_gallery in a database, or bring it up to date.

    Examples:

        pg-gallery migrate --url postgresql://localhost/pictures

        pg-gallery migrate --sql > upgrade.sql

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
    before = migrations.current(url, schema=database.schema)
    run(url, revision, schema=database.schema)
    after = migrations.current(url, schema=database.schema)
    if as_json:
        print_json({"before": before, "after": after})
    elif before == after:
        out.print(f"The database is at {after or 'base'} already.")
    else:
        out.print(f"The database went from {before or 'base'} to {after or 'base'}.")
