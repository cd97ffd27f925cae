"""The commands that make a gallery for benchmarks, measure on it, and report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from psycopg.conninfo import make_conninfo
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from typer import Argument, Option

from pg_gallery._connecting import libpq_url
from pg_gallery.cli._app import ExitCode
from pg_gallery.cli._options import AsJson, Database, with_options
from pg_gallery.cli._output import err, note, out, print_json

from . import BenchError
from . import run as running
from .cliffs import cliffs
from .dataset import Size
from .generate import Progress as Told
from .generate import create as fill
from .report.chapter import chapter
from .report.page import page
from .report.terminal import report as tables
from .results import Results
from .summary import disagreements

_WIDE = 200

bench = typer.Typer(no_args_is_help=True, help="Make a gallery of any size, and measure on it.")


@bench.command()
@with_options
def create(
    *,
    database: Database,
    scale: Annotated[
        float | None,
        Option(metavar="X", help="The real gallery's size times X; by default 1: 1,169,293 items."),
    ] = None,
    items: Annotated[
        int | None, Option(metavar="N", help="So many items, in place of --scale.")
    ] = None,
    tags_per_item: Annotated[
        float | None,
        Option(metavar="N", help="So many tags an item on average; by default 75.4."),
    ] = None,
    seed: Annotated[int, Option(metavar="N", help="Another seed makes another gallery.")] = 1,
    rebuild: Annotated[
        bool, Option(help="Build the index and the statistics too, by gallery_rebuild().")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Fill an empty, migrated database with a generated gallery.

    It has the real gallery's proportions: popular tags and rare ones, tags that never meet, tags
    that only old items have. The same seed and size give the same gallery.

    Examples:

        pg-gallery bench create --scale 0.1

        pg-gallery bench create --items 200000 --tags-per-item 50

    JSON: {"size", "seed", "seconds": {step: seconds}}
    """
    url, size = _url(database), _size(scale, items, tags_per_item)
    with _progress(shown=not as_json) as told:
        made = fill(url, size, seed=seed, rebuild=rebuild, progress=told)
    if as_json:
        print_json(made)
    else:
        out.print(f"{size.total:,} items, {size.tag_rows:,} tag rows in {made.total_seconds:.0f} s")


@bench.command()
@with_options
def run(
    *,
    database: Database,
    preset: Annotated[
        str, Option(metavar="NAME", help="small (some minutes) or full (the real size: two hours).")
    ] = "small",
    only: Annotated[
        list[str] | None,
        Option(
            metavar="STEP",
            help="matrix, random, plans, upkeep, dirty, load, growth or cold; repeatable,"
            " all by default.",
        ),
    ] = None,
    seed: Annotated[int, Option(metavar="N", help="Another seed draws other random queries.")] = 1,
    check: Annotated[
        bool,
        Option(
            "--check",
            help="Fail where a random page touches far more than the best strategy would.",
        ),
    ] = False,
    to: Annotated[
        Path, Option(metavar="DIRECTORY", help="Where results.json and report.html are written.")
    ] = Path("bench-results"),
    as_json: AsJson = False,
) -> None:
    """Measure pg_gallery and its rivals.

    Without a URL on a PostgreSQL of its own, which needs nothing set up and is removed at the end;
    with one on a gallery that `bench create` made there.

    Ends with 1 if a rival failed or gave other rows than pg_gallery; with --check also if a random
    page touches more than twice the buffers of the best strategy and 500 more.

    JSON: what is also written to results.json
    """
    chosen = running.PRESETS.get(preset)
    if chosen is None:
        raise typer.BadParameter(f"--preset is one of {', '.join(running.PRESETS)}.")
    if unknown := set(only or ()).difference(running.STEPS):
        raise typer.BadParameter(
            f"--only is one of {', '.join(running.STEPS)}, not {unknown.pop()}."
        )

    def keep(results: Results) -> None:
        _write(results, to)

    with _progress(shown=not as_json) as told:
        if database.url:
            results = running.run(_url(database), chosen, told, keep, steps=only, seed=seed)
        else:
            results = running.create_and_run(chosen, told, keep, steps=only, seed=seed)
    _show(results, as_json=as_json)
    if not as_json:
        note(f"The report is {to / 'report.html'}.")
    if disagreements(results) or (check and cliffs(results)):
        raise typer.Exit(ExitCode.REFUSED)


@bench.command()
@with_options
def report(
    *,
    file: Annotated[Path, Argument(metavar="FILE", help="The results.json of a run.")],
    html: Annotated[
        Path | None, Option(metavar="FILE", help="Write the page with plots there.")
    ] = None,
    markdown: Annotated[
        Path | None, Option(metavar="FILE", help="Write the chapter of documentation there.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the results of a run again.

    JSON: the results
    """
    try:
        results = Results.from_json(json.loads(file.read_text()))
    except (ValueError, KeyError, TypeError):
        raise BenchError(f"{file} doesn't hold the results of a benchmark.") from None
    if html is not None:
        html.write_text(page(results))
    if markdown is not None:
        markdown.write_text(chapter(results))
    _show(results, as_json=as_json)


def _url(database: Database) -> str:
    """The URL, with the gallery's schema to begin in."""
    url = libpq_url(database.given_url)
    if database.schema is None:
        return url
    return make_conninfo(url, options=f"-csearch_path={database.schema}")


def _size(scale: float | None, items: int | None, tags_per_item: float | None) -> Size:
    if items is None:
        return Size.scaled(1.0 if scale is None else scale, tags_per_item)
    if scale is not None:
        raise typer.BadParameter("Give --scale or --items, not both.")
    return Size.of(items, tags_per_item)


def _show(results: Results, *, as_json: bool) -> None:
    if as_json:
        print_json(results)
    elif out.is_terminal:
        out.print(tables(results))
    else:  # a file has no width: one that all columns fit into
        Console(width=_WIDE, highlight=False).print(tables(results))


def _write(results: Results, directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "results.json").write_text(json.dumps(results.as_json(), indent=1))
    (directory / "report.html").write_text(page(results))


@contextmanager
def _progress(*, shown: bool) -> Iterator[Told]:
    """A bar a step; lines where there is no terminal."""
    if not shown:
        yield lambda step, done, whole: None
        return
    if not err.is_terminal:
        yield _say_when_done
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err) as bars:
        tasks: dict[str, TaskID] = {}

        def told(step: str, done: float, whole: float) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step)
            bars.update(tasks[step], completed=done, total=whole)

        yield told


def _say_when_done(step: str, done: float, whole: float) -> None:
    if done >= whole:
        err.print(f"{step}: done")
