"""What every gallery function must answer, by brute force over plain lists: filter, sort, slice.

Nothing here reads the database. It is written from the contract, not from the SQL, and is meant to
be read at a glance: when a test disagrees with it, one of the two is wrong.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple
from uuid import UUID

EPOCH = datetime(2000, 1, 1, tzinfo=timezone.utc)


class Moment(NamedTuple):
    """A point in time that PostgreSQL knows and `datetime` need not: infinities, years BC."""

    micros: float
    text: str


def moment(micros: int) -> Moment:
    """The moment that many microseconds after EPOCH."""
    return Moment(micros, (EPOCH + timedelta(microseconds=micros)).isoformat())


BEGINNING_OF_TIME = Moment(-math.inf, "-infinity")
END_OF_TIME = Moment(math.inf, "infinity")
IDES_OF_MARCH = Moment(-64_464_465_599_999_999, "0044-03-15 12:00:00.000001+00 BC")
FAR_FUTURE = Moment(9_223_371_331_199_999_999, "294276-12-31 23:59:59.999999+00")
STRANGE_MOMENTS = (BEGINNING_OF_TIME, END_OF_TIME, IDES_OF_MARCH, FAR_FUTURE)

Key = tuple[int, str]  # (id, source_type): what an item is called

# What content_source_types calls the sources, behind user- or community-; in page order.
SOURCE_LABELS = {"animation": "animation", "auto": "auto", "items": "regular"}


@dataclass(frozen=True)
class Item:
    """An item with its tags."""

    id: int
    source_type: str
    created_at: Moment
    quality_score: float | None = None
    creator_id: UUID | None = None
    is_private: bool = False
    content_type: str = "image"
    title: str | None = None
    prompt: str | None = None
    tags: frozenset[UUID] = frozenset()

    @property
    def key(self) -> Key:
        return self.id, self.source_type


@dataclass(frozen=True, repr=False)
class Filter:
    """The shared filter arguments. None: no such condition."""

    tags_all: Sequence[UUID] | None = None
    tags_any: Sequence[UUID] | None = None
    tags_none: Sequence[UUID] | None = None
    content_source_types: Sequence[str] | None = None
    viewer: UUID | None = None
    creators: Sequence[UUID] | None = None
    content_types: Sequence[str] | None = None
    search: str | None = None
    created_from: Moment | None = None
    created_before: Moment | None = None
    min_quality: float | None = None

    def __repr__(self) -> str:
        given = (f"{name}={value}" for name, value in vars(self).items() if value is not None)
        return f"Filter({', '.join(given)})"


@dataclass(frozen=True)
class Sort:
    """The order of a page."""

    field: str = "created_at"
    order: str = "desc"


SORTS = tuple(
    Sort(field, order) for field in ("created_at", "quality_score") for order in ("desc", "asc")
)


def matches(item: Item, wanted: Filter) -> bool:
    """Whether the item belongs to the result of the filter."""
    own = wanted.viewer is not None and item.creator_id == wanted.viewer
    source_kind = f"{'user' if own else 'community'}-{SOURCE_LABELS[item.source_type]}"
    quality = -math.inf if item.quality_score is None else item.quality_score
    return (
        (own or not item.is_private)
        and item.tags.issuperset(wanted.tags_all or ())
        and (wanted.tags_any is None or not item.tags.isdisjoint(wanted.tags_any))
        and item.tags.isdisjoint(wanted.tags_none or ())
        and (wanted.content_source_types is None or source_kind in wanted.content_source_types)
        and (wanted.creators is None or item.creator_id in wanted.creators)
        and (wanted.content_types is None or item.content_type in wanted.content_types)
        and all(occurs(term, item) for term in search_terms(wanted.search))
        and (wanted.created_from is None or item.created_at.micros >= wanted.created_from.micros)
        and (wanted.created_before is None or item.created_at.micros < wanted.created_before.micros)
        and (
            wanted.min_quality is None
            or (item.quality_score is not None and number_key(quality) >= (0, wanted.min_quality))
        )
    )


def search_terms(search: str | None) -> list[str]:
    """The words and quoted phrases of a search; a last quote without a partner is a character."""
    pieces = (search or "").split('"')
    if len(pieces) % 2 == 0:
        pieces[-2:] = ['"'.join(pieces[-2:])]
    words = [word for piece in pieces[0::2] for word in piece.split()]
    phrases = [piece for piece in pieces[1::2] if piece]
    return words + phrases


def occurs(term: str, item: Item) -> bool:
    """Whether the term stands in the title or the prompt, whatever the case."""
    return any(term.lower() in (text or "").lower() for text in (item.title, item.prompt))


def number_key(number: float) -> tuple[int, float]:
    """PostgreSQL's order of floating-point numbers: NaN is greater than all others."""
    return (1, 0.0) if math.isnan(number) else (0, number)


def place(item: Item, sort: Sort) -> tuple[Any, ...]:
    """Where the item stands in page order: (sort value, id, source_type) all one way, NULL last."""
    sign = -1 if sort.order == "desc" else 1
    name = (sign * item.id, sign * list(SOURCE_LABELS).index(item.source_type))
    if sort.field == "created_at":
        return (sign * item.created_at.micros, *name)
    if item.quality_score is None:
        return ("no quality", *name)
    kind, number = number_key(item.quality_score)
    return ("a quality", sign * kind, sign * number, *name)


def ordered(items: Iterable[Item], wanted: Filter, sort: Sort) -> list[Item]:
    """The whole result in page order."""
    return sorted(
        (item for item in items if matches(item, wanted)), key=lambda item: place(item, sort)
    )


def facets(
    items: Iterable[Item], wanted: Filter, names: dict[UUID, str], limit: int
) -> list[tuple[UUID, str, int]]:
    """The tags most carried by the items that match; ties by name, then by tag."""
    counts = Counter(tag for item in items if matches(item, wanted) for tag in item.tags)
    rows = [(tag, names[tag], count) for tag, count in counts.items()]
    return sorted(rows, key=lambda row: (-row[2], row[1], row[0]))[:limit]
