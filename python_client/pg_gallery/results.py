"""What the gallery's functions give: typed, frozen dataclasses.

Times are aware datetimes. A time that Python can't hold (``infinity``, a year before 1 or after
9999) is the least or greatest one that it can, in UTC.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

RowT = TypeVar("RowT")


@dataclass(frozen=True)
class Item:
    """One item of the gallery.

    The same id may stand in both partitions and means two items, so what identifies an item is
    the pair (id, source_type): two `Item` are equal when that pair is, whatever else has changed.
    """

    id: int
    source_type: str
    title: str | None = field(compare=False)
    content_type: str = field(compare=False)
    content_data: str | None = field(compare=False, repr=False)
    item_metadata: Any = field(compare=False, repr=False)
    creator_id: UUID | None = field(compare=False)
    created_at: datetime = field(compare=False)
    updated_at: datetime = field(compare=False, repr=False)
    quality_score: float | None = field(compare=False)
    is_private: bool = field(compare=False)
    path_thumb: str | None = field(compare=False, repr=False)
    path_thumbs_alt_res: Any = field(compare=False, repr=False)
    prompt: str | None = field(compare=False, repr=False)


@dataclass(frozen=True)
class Facet:
    """A tag, and how many of the matching items carry it."""

    tag_id: UUID
    name: str
    item_count: int


@dataclass(frozen=True)
class TagCount:
    """A tag, how many items carry it, and how many of each source; as of the last refresh."""

    tag_id: UUID
    name: str
    item_count: int
    counts_by_source: dict[str, int] = field(hash=False)


@dataclass(frozen=True)
class Setting:
    """A setting: its value and default, in which unit, what it may be, what it means."""

    name: str
    value: Any = field(hash=False)
    default_value: Any = field(hash=False)
    unit: str | None
    allowed: str | None
    meaning: str


@dataclass(frozen=True)
class StrategyChoice:
    """What the planner would do with a filter, and why.

    ``k`` is the number of tags that are all wanted, ``rarest_count`` how many items carry the
    rarest of them, ``estimated_candidates`` how many items the strategy is expected to look at.
    """

    strategy: str
    k: int
    rarest_count: int | None
    estimated_candidates: int | None
    reason: str | None


@dataclass(frozen=True)
class ScheduledJob:
    """A job of pg_cron that keeps the gallery fresh."""

    job_name: str
    schedule: str
    command: str


@dataclass(frozen=True)
class Discrepancy:
    """Something in the derived data that disagrees with the tables: a bug."""

    object: str
    detail: str


@dataclass(frozen=True)
class HealthCheck:
    """One check: ``status`` is ok, warn or fail; ``what_to_do`` is SQL, a statement a line."""

    check_name: str
    status: str
    detail: str
    what_to_do: str | None


@dataclass(frozen=True)
class PageRows(Generic[RowT]):
    """The rows of one page with the cursors to its neighbours, as the database gave them."""

    items: tuple[RowT, ...]
    next_cursor: str | None
    prev_cursor: str | None

    @property
    def has_next(self) -> bool:
        """Whether something matches beyond the last row."""
        return self.next_cursor is not None

    @property
    def has_prev(self) -> bool:
        """Whether something matches before the first row."""
        return self.prev_cursor is not None

    def __iter__(self) -> Iterator[RowT]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)
