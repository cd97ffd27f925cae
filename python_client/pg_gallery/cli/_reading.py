"""The commands that look: page, count, facets, tags, explain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, TypeAlias

import typer
from rich.console import RenderableType
from typer import Argument, Option

from ..client import Page
from ..results import Item
from ._options import AsJson, Database, Filter, Order
from ._output import note, out, print_json, table

PageSize: TypeAlias = Annotated[
    int | None, Option("--size", metavar="N", help="Items on the page, 1 to 500; default 25.")
]
Cursor: TypeAlias = Annotated[
    str | None,
    Option(metavar="CURSOR", help="Where the page starts, as an earlier page told it."),
]
Strategy: TypeAlias = Annotated[
    str | None, Option(metavar="NAME", help="Force a strategy, for tests and benchmarks.")
]


def page(
    *,
    database: Database,
    filter: Filter,
    order: Order,
    page_size: PageSize = None,
    cursor: Cursor = None,
    rank: Annotated[
        int | None,
        Option(metavar="N", help="Start at this rank instead of at a cursor; the first has 0."),
    ] = None,
    strategy: Strategy = None,
    as_json: AsJson = False,
) -> None:
    """Show a page of items, newest first.

    Examples:

        pg-gallery page --all anime --all landscape

        pg-gallery page --any cat --any dog --none sketch --sort quality_score

        pg-gallery page --search '"red dress" beach' --from 2024-01-01 --json

    JSON: {"items": [{"id", "source_type", "title", …}], "next_cursor", "prev_cursor"}
    """
    if rank is not None and cursor is not None:
        raise typer.BadParameter("Give --rank or --cursor, not both.")
    with database.gallery() as gallery:
        if rank is not None:
            cursor = gallery.cursor_at(**filter.arguments(), **order.arguments(), rank=rank)
        found = gallery.page(
            **filter.arguments(),
            **order.arguments(),
            page_size=page_size,
            cursor=cursor,
            strategy=strategy,
        )
    if as_json:
        _print_page("items", found)
    elif found.items:
        out.print(_items_table(found.items))
        _note_neighbours(found)
    else:
        note("No items.")


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


def facets(
    *,
    database: Database,
    filter: Filter,
    limit: Annotated[
        int | None, Option(metavar="N", help="How many tags at most; default 20.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the tags most carried by the items that match, with exact counts.

    Example:

        pg-gallery facets --all anime --limit 10

    JSON: {"facets": [{"tag_id", "name", "item_count"}]}
    """
    with database.gallery() as gallery:
        found = gallery.facets(**filter.arguments(), facet_limit=limit)
    if as_json:
        print_json({"facets": found})
    else:
        out.print(table(["Tag", "Items"], ([one.name, one.item_count] for one in found)))


def tags(
    *,
    prefix: Annotated[
        str | None, Argument(metavar="PREFIX", help="Only tags whose names begin so.")
    ] = None,
    database: Database,
    sources: Annotated[
        list[str] | None,
        Option("--source", metavar="SOURCE", help="Count items of items or auto alone."),
    ] = None,
    min_count: Annotated[
        int | None, Option(metavar="N", help="Carried by at least so many items.")
    ] = None,
    max_count: Annotated[
        int | None, Option(metavar="N", help="Carried by at most so many items.")
    ] = None,
    sort: Annotated[str | None, Option(metavar="FIELD", help="count (default) or name.")] = None,
    page_size: Annotated[
        int | None, Option("--size", metavar="N", help="Tags on the page, 1 to 500; default 25.")
    ] = None,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """Show tags with the number of items that carry them, the most carried first.

    Examples:

        pg-gallery tags

        pg-gallery tags land --sort name

    JSON: {"tags": [{"tag_id", "name", "item_count", "counts_by_source"}], "next_cursor",
    "prev_cursor"}
    """
    with database.gallery() as gallery:
        found = gallery.tags(
            name_prefix=prefix,
            source_types=sources,
            min_count=min_count,
            max_count=max_count,
            sort=sort,
            page_size=page_size,
            cursor=cursor,
        )
    if as_json:
        _print_page("tags", found)
    elif found.items:
        counted = sorted({source for tag in found for source in tag.counts_by_source})
        rows = (
            [tag.name, tag.item_count, *(tag.counts_by_source.get(name, 0) for name in counted)]
            for tag in found
        )
        out.print(table(["Tag", "Items", *(f"in {name}" for name in counted)], rows))
        _note_neighbours(found)
    else:
        note("No tags.")


def explain(
    *,
    database: Database,
    filter: Filter,
    order: Order,
    page_size: PageSize = None,
    cursor: Cursor = None,
    strategy: Strategy = None,
    as_json: AsJson = False,
) -> None:
    """Tell how a page would be found: every strategy's estimate, the choice, what it took.

    Example:

        pg-gallery explain --all anime --all landscape

    JSON: what gallery_explain gives; without --json it is the same, in colour
    """
    with database.gallery() as gallery:
        told = gallery.explain(
            **filter.arguments(),
            **order.arguments(),
            page_size=page_size,
            cursor=cursor,
            strategy=strategy,
        )
    print_json(told) if as_json else out.print_json(data=told)


def _print_page(name: str, found: Page[Any]) -> None:
    print_json(
        {
            name: found.items,
            "next_cursor": found.next_cursor,
            "prev_cursor": found.prev_cursor,
        }
    )


def _note_neighbours(found: Page[Any]) -> None:
    if found.prev_cursor:
        note(f"Previous page: the same with --cursor {found.prev_cursor}")
    if found.next_cursor:
        note(f"Next page: the same with --cursor {found.next_cursor}")


def _items_table(items: Sequence[Item]) -> RenderableType:
    """Items as a person likes to read them; a column that would be empty is left out."""
    optional: list[tuple[str, list[Any]]] = [
        ("Quality", [item.quality_score for item in items]),
        ("Private", ["private" if item.is_private else None for item in items]),
    ]
    kept = [
        (name, values) for name, values in optional if any(value is not None for value in values)
    ]
    return table(
        ["Id", "Source", "Title", "Type", "Created (UTC)", *(name for name, _ in kept)],
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
    )
