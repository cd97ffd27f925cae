"""What gallery_tags must answer, and walking its pages to compare each with that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from random import Random
from typing import Any
from uuid import UUID

import calls
from calls import Connection
from oracle import Item

SOURCES = ("animation", "auto", "items")


@dataclass(frozen=True)
class Wanted:
    """The arguments of gallery_tags that its cursors are bound to; None is not given."""

    name_prefix: str | None = None
    source_types: list[str] | None = None
    min_count: int | None = None
    max_count: int | None = None
    sort: str | None = None


@dataclass(frozen=True)
class Tag:
    """A row of gallery_tags without its cursors."""

    tag_id: UUID
    name: str
    item_count: int
    counts_by_source: dict[str, int]


# --- the oracle ---


def carried_tags(items: Iterable[Item], names: Mapping[UUID, str]) -> list[Tag]:
    """The tags that have a name and that items carry, with the number of items of each source."""
    counts: dict[UUID, Counter[str]] = {}
    for item in items:
        for tag in item.tags & names.keys():
            counts.setdefault(tag, Counter())[item.source_type] += 1
    return [
        Tag(tag, names[tag], count.total(), dict(count)) for tag, count in sorted(counts.items())
    ]


def listed(tags: list[Tag], wanted: Wanted) -> list[Tag]:
    """What gallery_tags gives in all its pages. Names are told apart by their first 80 letters."""
    sources = SOURCES if wanted.source_types is None else wanted.source_types
    found = []
    for tag in tags:
        counts = {source: n for source, n in tag.counts_by_source.items() if source in sources}
        found.append(replace(tag, item_count=sum(counts.values()), counts_by_source=counts))
    found = [
        tag
        for tag in found
        if tag.item_count >= max(wanted.min_count or 0, 1)
        and (wanted.max_count is None or tag.item_count <= wanted.max_count)
        and tag.name.startswith(wanted.name_prefix or "")
    ]
    found.sort(key=lambda tag: (tag.name[:80], tag.tag_id))
    if wanted.sort != "name":
        found.sort(key=lambda tag: -tag.item_count)
    return found


def random_wanted(random: Random, tags: list[Tag], sources: Sequence[str] = SOURCES) -> Wanted:
    least, most = sorted(random.choices(range(9), k=2))
    name = random.choice(tags).name if tags else "nothing"
    return Wanted(
        name_prefix=random.choice((None, "", name[:1], name[:2], name[:85], name)),
        source_types=random.choice(
            (None, ["items"], ["auto"], ["items", "auto"], ["auto", "auto"], [], list(sources))
        ),
        min_count=random.choice((None, least)),
        max_count=random.choice((None, most)),
        sort=random.choice((None, "count", "name")),
    )


# --- the database ---


def page(conn: Connection, wanted: Wanted | None = None, **others: Any) -> list[Any]:
    """The rows of one page."""
    given = asdict(wanted or Wanted()) | others
    passed = {name: value for name, value in given.items() if value is not None}
    return calls.rows_of(conn, "gallery_tags", **passed)


def tags_of(rows: list[Any]) -> list[Tag]:
    return [Tag(*row[:4]) for row in rows]


def cursors(rows: list[Any]) -> tuple[str | None, str | None]:
    """A page's cursors, which are the same on every row."""
    (both,) = {(row.next_cursor, row.prev_cursor) for row in rows}
    return both


def check_walk(conn: Connection, tags: list[Tag], wanted: Wanted, page_size: int) -> None:
    """Pages hold what the oracle says, forward from the first and back again from the last."""
    expected = listed(tags, wanted)
    starts = range(0, len(expected), page_size)
    cursor: str | None = None
    for start in starts:
        rows = page(conn, wanted, page_size=page_size, cursor=cursor)
        assert tags_of(rows) == expected[start : start + page_size]
        cursor, back = cursors(rows)
        assert (cursor is not None) == (start + page_size < len(expected))
        assert (back is not None) == (start > 0)
    for start in reversed(starts[:-1]):
        rows = page(conn, wanted, page_size=page_size, cursor=back)
        assert tags_of(rows) == expected[start : start + page_size]
        cursor, back = cursors(rows)
        assert cursor is not None
        assert (back is not None) == (start > 0)
    if not expected:
        assert page(conn, wanted, page_size=page_size) == []
