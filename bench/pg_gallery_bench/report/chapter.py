"""The report as a chapter of the documentation, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from ..results import Results
from . import shapes, tables
from .tables import Cell, Group, Sheet

_COMMANDS = """\
```sh
make bench        # a small gallery, some minutes
make bench-full   # the real size, some two hours
```"""


def chapter(results: Results) -> str:
    """The whole chapter."""
    return "\n\n".join(_paragraphs(results)) + "\n"


def _paragraphs(results: Results) -> Iterator[str]:
    size = results.size
    yield "# Performance"
    yield "<!-- Written by: pg-gallery bench report results.json --markdown docs/performance.md -->"
    yield (
        f"The latest run, of {results.machine['date']}: {size['items'] + size['auto']:,} items,"
        f" {size['tag_rows']:,} tag rows, {size['tags']:,} tags. To run it yourself:"
    )
    yield _COMMANDS
    if missing := results.left_out():
        yield f"Not measured in this run: {', '.join(missing)}."
    for sheet in (
        tables.promised(results),
        tables.rivals(results),
        tables.every_query(results),
        shapes.random(results),
        shapes.found_cliffs(results),
        tables.strategies(results),
        tables.dirty(results),
        tables.cold(results),
        tables.load(results),
        tables.growth(results),
        tables.upkeep(results),
    ):
        yield from _sheet(sheet)
    if results.explained:
        yield "## The plan of each strategy"
        for name, plan in results.explained.items():
            yield f"### {name}"
            yield f"```\n{plan.rstrip()}\n```"
    for sheet in tables.set_up(results):
        yield from _sheet(sheet)


def _sheet(sheet: Sheet) -> Iterator[str]:
    if not sheet.rows:
        return
    yield f"## {sheet.title}"
    if sheet.about:
        yield sheet.about
    rule = ["---", *["---:"] * (len(sheet.columns) - 1)]
    lines = [_line(list(sheet.columns)), _line(rule)]
    for row in sheet.rows:
        if isinstance(row, Group):
            lines.append(_line([f"**{row.name}**", *[""] * (len(sheet.columns) - 1)]))
        else:
            lines.append(_line([_text(cell) for cell in row]))
    yield "\n".join(lines)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(cell: Cell) -> str:
    text = cell.text.replace("|", r"\|")
    return f"**{text}**" if cell.tone in ("best", "bad") else text
