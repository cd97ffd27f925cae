"""The command that loads items from a file."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from typer import Argument, Option

from .. import loading
from ..loading import Format, LoadReport
from ._options import AsJson, Database
from ._output import err, note, out, print_json


def load(
    *,
    file: Annotated[
        str, Argument(metavar="FILE", help="The file, or - for standard input; gzip is unpacked.")
    ],
    database: Database,
    format_name: Annotated[
        str | None,
        Option(
            "--format",
            metavar="FORMAT",
            help="jsonl or csv; by default what the file's name says.",
        ),
    ] = None,
    batch: Annotated[
        int | None,
        Option(
            min=1,
            metavar="N",
            help="Commit every N records, instead of all or nothing.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Load items from JSON lines or CSV.

    A record holds columns of content_items_all, **tags** (a list of names) and **creator** (a
    username); source_type and content_type are needed. Tags and users that are new are made. In
    CSV, tags are separated by semicolons.

    Examples:

        pg-gallery load items.jsonl.gz

        zcat big.csv.gz | pg-gallery load - --format csv --batch 100000

    JSON: {"items", "item_tags", "new_tags", "new_users", "seconds"}
    """
    kind = _format(file, format_name)
    started = time.monotonic()
    with (
        database.connect() as connection,
        _opened(file) as source,
        _progress(source, file, shown=not as_json) as on_progress,
    ):
        report = loading.load(
            connection,
            source,
            kind,
            schema=database.schema,
            batch=batch,
            on_progress=on_progress,
        )
    seconds = round(time.monotonic() - started, 3)
    if as_json:
        print_json({**vars(report), "seconds": seconds})
    else:
        out.print(f"{described(report)} that took {seconds:.1f} s.")
        note("Now pg-gallery refresh brings statistics and bitmap index up to date.")


def described(report: LoadReport) -> str:
    """What was loaded, in words."""
    return (
        f"{report.items:,} items with {report.item_tags:,} tags;"
        f" {report.new_tags:,} tags and {report.new_users:,} users are new;"
    )


def _format(file: str, named: str | None) -> Format:
    if named is None:
        return "csv" if file.removesuffix(".gz").endswith(".csv") else "jsonl"
    if named not in ("jsonl", "csv"):
        raise typer.BadParameter("--format is jsonl or csv.")
    return "csv" if named == "csv" else "jsonl"


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
    else:
        with Path(file).open("rb") as opened:
            yield opened


@contextmanager
def _progress(
    source: BinaryIO, file: str, *, shown: bool
) -> Iterator[Callable[[LoadReport], None]]:
    """A bar of the bytes read, on a terminal only."""
    if not (shown and err.is_terminal):
        yield lambda _: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True) as progress:
        path = Path(file)
        size = path.stat().st_size if path.is_file() else None
        task = progress.add_task("Loading", total=size)

        def update(report: LoadReport) -> None:
            read = source.tell() if size is not None else None
            progress.update(task, completed=read, description=f"{report.items:,} items")

        yield update
