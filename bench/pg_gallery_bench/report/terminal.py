"""The report on a terminal."""

from __future__ import annotations

from rich.console import Group as Several
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from ..results import Results
from . import shapes, tables
from .tables import Cell, Group, Sheet

_STYLES = {"": "", "good": "green", "bad": "bold red", "soft": "dim", "best": "bold"}


def report(results: Results) -> RenderableType:
    """The tables that say most; the page has all of them."""
    sheets = (
        tables.every_query(results),
        shapes.random(results),
        shapes.found_cliffs(results),
        tables.strategies(results),
        tables.dirty(results),
        tables.cold(results),
        tables.load(results),
        tables.growth(results),
        tables.upkeep(results),
        tables.rivals(results),
        tables.promised(results),
    )
    return Several(*(_table(sheet) for sheet in sheets if sheet.rows))


def _table(sheet: Sheet) -> Table:
    table = Table(
        title=sheet.title,
        caption=sheet.about or None,
        title_justify="left",
        caption_justify="left",
        header_style="bold",
        border_style="dim",
    )
    for number, name in enumerate(sheet.columns):
        if number == 0:
            table.add_column(name, overflow="fold", min_width=20)
        else:  # what doesn't fit is taken from the first
            table.add_column(name, justify="right", no_wrap=True)
    for row in sheet.rows:
        if isinstance(row, Group):
            table.add_section()
            table.add_row(Text(row.name, "bold"))
        else:
            table.add_row(*map(_text, row))
    return table


def _text(cell: Cell) -> Text:
    return Text(cell.text, _STYLES[cell.tone])
