"""The commands that look: page and count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from rich.console import RenderableType
from typer import Option

from ..results import Item
from ._options import AsJson, Database, Filter, Order
from ._output import note, out, print_json, table


def page(
    *,
    database: Database,
    filter: Filter,
    order: Order,
    page_size: Annotated[
        int | None, Option("--size", metavar="N", help="Items on the page, 1 to 500; default 25.")
    ] = None,
    cursor: Annotated[
        str | None,
        Option(metavar="CURSOR", help="Where the page starts, as an earlier page told it."),
    ] = None,
    strategy: Annotated[
        str | None, Option(metavar="NAME", help="Force a strategy, for tests and benchmarks.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a page of items, newest first.

    Examples:

        pg-gallery page --all anime --all landscape

        pg-gallery page --any cat --any dog --none sketch --sort quality_score

        pg-gallery page --search '"red dress" beach' --from 2024-01-01 --json

    JSON: {"items": [{"id", "source_type", "title", …}], "next_cursor", "prev_cursor"}
    """
    with database.gallery() as gallery:
        found = gallery.page(
            **filter.arguments(),
            **order.arguments(),
            page_size=page_size,
            cursor=cursor,
            strategy=strategy,
        )
    if as_json:
        print_json(
            {
                "items": found.items,
                "next_cursor": found.next_cursor,
                "prev_cursor": found.prev_cursor,
            }
        )
        return
    if not found.items:
        note("No items.")
        return
    out.print(items_table(found.items))
    if found.prev_cursor:
        note(f"Previous page: the same with --cursor {found.prev_cursor}")
    if found.next_cursor:
        note(f"Next page: the same with --cursor {found.next_cursor}")


def count(*, database: Database, filter: Filter, as_json: AsJson = False) -> None:
    """Count the items that match, exactly.

    Example:

        pg-gallery count --all anime --none sketch

    JSON: {"count": 1234}
    """
    with database.gallery() as gallery:
        number = gallery.count(**filter.arguments())
    if as_json:
        print_json({"count": number})
    else:
        out.print(f"{number:,} item{'' if number == 1 else 's'}")


def items_table(items: Sequence[Item], title: str | None = None) -> RenderableType:
    """Items as a person likes to read them; a column that would be empty is left out."""
    optional: list[tuple[str, list[Any]]] = [
        ("Quality", [item.quality_score for item in items]),
        ("Private", ["private" if item.is_private else None for item in items]),
    ]
    kept = [
        (name, values) for name, values in optional if any(value is not None for value in values)
    ]
    return table(
        ["Id", "Source", "Title", "Type", "Created", *(name for name, _ in kept)],
        (
            [
                str(item.id),
                item.source_type,
                item.title,
                item.content_type,
                item.created_at,
                *(values[row] for _, values in kept),
            ]
            for row, item in enumerate(items)
        ),
        title,
    )
