"""The commands that keep a gallery fresh and sound: refresh, rebuild, health, verify, settings."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer
from psycopg.errors import Diagnostic
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text
from typer import Argument, Option

from ..client import Gallery
from ..errors import InvalidSetting, LoginRefused, Unreachable
from ._app import ExitCode, in_words
from ._options import AsJson, Database
from ._output import complain, err, out, print_json, print_json_line, table, tell_notice

_STATUS_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_REFUSALS = 3  # logins in a row: a password that is being changed is wrong for a moment
_REBUILT = re.compile(r"rebuild: (\d+) of about (\d+) items")


def refresh(
    *,
    database: Database,
    every: Annotated[
        str | None,
        Option(
            metavar="TIME",
            help="Go on refreshing, every 30s or 5m, until interrupted.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring statistics and bitmap index up to date with the tables.

    With --every it does what a pg_cron job would do, where there is none; while the database can't
    be reached, it complains and tries again. A login that is refused, as with a wrong password,
    ends it: at once at the start, later after three in a row.

    Examples:

        pg-gallery refresh

        pg-gallery refresh --every 30s

    JSON: {"seconds", "notices": [text]}; with --every, a line of it a refresh
    """
    if every is None:
        report = _refreshed(database)
        print_json(report) if as_json else _tell_refresh(report)
        return
    pause = _seconds(every)
    refusals = _REFUSALS
    while True:
        started = time.monotonic()
        try:
            report = _refreshed(database)
            print_json_line(report) if as_json else _tell_refresh(report, datetime.now())
            refusals = 0
        except LoginRefused as error:
            refusals += 1
            if refusals >= _REFUSALS:
                raise
            complain(in_words(error), error.hint)
        except (psycopg.OperationalError, Unreachable) as error:
            complain(in_words(error))
        time.sleep(max(0.0, started + pause - time.monotonic()))


def _refreshed(database: Database) -> dict[str, Any]:
    started = time.monotonic()
    notices: list[str] = []

    def notice(said: Diagnostic) -> None:
        notices.append(said.message_primary or "")
        tell_notice(said)

    with database.gallery(notice) as gallery:
        gallery.refresh()
    return {"seconds": round(time.monotonic() - started, 3), "notices": notices}


def _tell_refresh(report: dict[str, Any], at: datetime | None = None) -> None:
    when = f"{at:%H:%M:%S} " if at is not None else ""
    if not report["notices"]:
        out.print(f"{when}Refreshed in {report['seconds']:.2f} s.")


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip().lower())
    if match is None or (match[2] or "s") not in _UNITS or float(match[1]) == 0:
        raise typer.BadParameter("--every takes a time such as 30s, 5m or 1h.")
    return float(match[1]) * _UNITS[match[2] or "s"]


def rebuild(*, database: Database, as_json: AsJson = False) -> None:
    """Build statistics and bitmap index anew, or go on where that was stopped.

    Pages are served meanwhile, by other strategies.

    JSON: {"seconds"}
    """
    started = time.monotonic()
    columns = (
        TextColumn("Rebuilding"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    hidden = as_json or not err.is_terminal
    with Progress(*columns, console=err, transient=True, disable=hidden) as progress:
        task = progress.add_task("", total=None)

        def notice(said: Diagnostic) -> None:
            done = _REBUILT.search(said.message_primary or "")
            if done is None:
                tell_notice(said)
            else:
                progress.update(task, completed=int(done[1]), total=int(done[2]))

        with database.gallery(notice) as gallery:
            gallery.rebuild()
    seconds = round(time.monotonic() - started, 3)
    if as_json:
        print_json({"seconds": seconds})
    else:
        out.print(f"Rebuilt in {seconds:.1f} s.")


def health(*, database: Database, as_json: AsJson = False) -> None:
    """Check what may need an operator's hand, and say what to do. Exits 1 if a check fails.

    JSON: {"checks": [{"check_name", "status": ok, warn or fail, "detail", "what_to_do"}]}
    """
    with database.gallery() as gallery:
        checks = gallery.health()
    if as_json:
        print_json({"checks": checks})
    else:
        rows = (
            [
                Text(one.status, _STATUS_STYLES[one.status]),
                one.check_name,
                one.detail,
                one.what_to_do,
            ]
            for one in checks
        )
        out.print(table(["", "Check", "Found", "What to do"], rows))
    if any(one.status == "fail" for one in checks):
        raise typer.Exit(ExitCode.REFUSED)


def verify(
    *,
    database: Database,
    sample: Annotated[
        float | None,
        Option(metavar="SHARE", help="Compare only this share of the index, such as 0.1."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare the derived data with the tables, while in use. Exits 1 if anything disagrees.

    JSON: {"discrepancies": [{"object", "detail"}]}
    """
    with database.gallery() as gallery:
        found = gallery.verify(sample)
    if as_json:
        print_json({"discrepancies": found})
    elif found:
        out.print(table(["Object", "Disagrees"], ([one.object, one.detail] for one in found)))
    else:
        out.print("Statistics and bitmap index agree with the tables.")
    if found:
        raise typer.Exit(ExitCode.REFUSED)


def settings(*, database: Database, as_json: AsJson = False) -> None:
    """Show the settings in force, with what they mean.

    JSON: {"settings": [{"name", "value", "default_value", "unit", "allowed", "meaning"}]}
    """
    with database.gallery() as gallery:
        found = gallery.settings()
    if as_json:
        print_json({"settings": found})
        return
    rows = (
        [one.name, _value(one.value, one.unit), _value(one.default_value, None), one.meaning]
        for one in found
    )
    out.print(table(["Setting", "Value", "Default", "Meaning"], rows))


def _value(value: Any, unit: str | None) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return f"{text} {unit}" if unit else text


def configure(
    *,
    file: Annotated[
        str | None,
        Argument(metavar="FILE", help="A document like config/base.json; - for standard input."),
    ] = None,
    changes: Annotated[
        list[str] | None,
        Option("--set", metavar="NAME=VALUE", help="Change one setting; repeatable."),
    ] = None,
    database: Database,
    as_json: AsJson = False,
) -> None:
    """Change settings, by a document or one by one. The value null is the default.

    Examples:

        pg-gallery configure my-settings.json

        pg-gallery configure --set planner=rules --set telemetry.sample_rate=1

    JSON: the settings then in force, as such a document
    """
    documents = [_document(file)] if file is not None else []
    documents += [_change(change) for change in changes or ()]
    if not documents:
        raise typer.BadParameter("Give a FILE or --set NAME=VALUE; pg-gallery settings shows them.")
    with database.connect() as connection, connection.transaction():
        gallery = Gallery(connection, schema=database.schema)
        for document in documents:
            in_force = gallery.configure(document)
    if as_json:
        print_json(in_force)
    else:
        out.print("Done.")


def _document(file: str) -> dict[str, Any]:
    text = typer.get_text_stream("stdin").read() if file == "-" else Path(file).read_text("utf-8")
    try:
        document = json.loads(text)
    except ValueError as error:
        raise InvalidSetting(f"{file} is not JSON: {error}.", sqlstate="TG007") from error
    if not isinstance(document, dict):
        raise InvalidSetting(f"{file} must hold a JSON object.", sqlstate="TG007")
    return document


def _change(change: str) -> dict[str, Any]:
    name, equals, value = change.partition("=")
    if not equals:
        raise typer.BadParameter("--set takes NAME=VALUE.")
    try:
        return {name.strip(): json.loads(value)}
    except ValueError:
        return {name.strip(): value}
