"""A question of the benchmark, in terms that every rival translates into its own language."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID

Kind: TypeAlias = Literal["page", "jump", "count", "facets"]

PAGE_SIZE = 25
FACET_LIMIT = 20


@dataclass(frozen=True)
class Filter:
    """Which items; an empty condition is none. The names are those of the SQL functions."""

    tags_all: tuple[UUID, ...] = ()
    tags_any: tuple[UUID, ...] = ()
    tags_none: tuple[UUID, ...] = ()
    content_source_types: tuple[str, ...] = ()
    viewer: UUID | None = None
    creators: tuple[UUID, ...] = ()
    content_types: tuple[str, ...] = ()
    search: str = ""
    created_from: datetime | None = None
    created_before: datetime | None = None
    min_quality: float | None = None


@dataclass(frozen=True)
class Query:
    """A page, a jump to one, a count or the commonest tags of what a filter lets through.

    A page is come to by its cursor, where a rival knows cursors; a jump knows nothing but the rank.
    """

    group: str
    name: str
    filter: Filter = field(default_factory=Filter)
    kind: Kind = "page"
    rank: int = 0  # of the page's first row, from 0; -1 for the last page
    sort_field: Literal["created_at", "quality_score"] = "created_at"
    sort_order: Literal["desc", "asc"] = "desc"


@dataclass(frozen=True)
class Place:
    """An item's place in the page order."""

    sort_value: datetime | float | None
    id: int
    source: str


@dataclass(frozen=True)
class Asked:
    """A query on one database: the last page's rank is known, and where the page before ends."""

    query: Query
    rank: int = 0
    cursor: str | None = None
    after: Place | None = None

    @property
    def filter(self) -> Filter:
        """The query's filter."""
        return self.query.filter

    @property
    def kind(self) -> Kind:
        """The query's kind."""
        return self.query.kind


Answer: TypeAlias = "list[tuple[str, int]] | int | list[tuple[UUID, int]]"
"""(source, id) of a page's rows in order; a count; or (tag, count) of facets in order."""
