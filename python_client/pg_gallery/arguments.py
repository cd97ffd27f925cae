"""The arguments of the gallery's functions, by name: what `Gallery`'s methods take.

Every one of them may be left out; None is the same as leaving it out. Only those given are sent, so
that the defaults stay the server's.

A tag is given by name (a ``str``, looked up on the server in the same statement; unknown: TG003) or
by id (a ``uuid.UUID``; unknown: no such items). Names and ids may stand in one list. A ``str`` is
always a name, also one that looks like a uuid.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Literal, TypeAlias, TypedDict
from uuid import UUID

Tags: TypeAlias = Iterable[str | UUID]
Id: TypeAlias = UUID | str
Time: TypeAlias = date | str  # a datetime is a date; text is read by PostgreSQL


class FilterArguments(TypedDict, total=False):
    """Which items. Several conditions are joined by AND."""

    tags_all: Tags | None  # every one of these tags
    tags_any: Tags | None  # at least one of these; an empty list matches nothing
    tags_none: Tags | None  # none of these
    content_source_types: Iterable[str] | None  # user-regular, community-auto, …
    viewer: Id | None  # who is looking: private items are seen by their creator alone
    creators: Iterable[Id] | None  # only items of these users
    content_types: Iterable[str] | None  # only these content types
    search: str | None  # every word and every "quoted phrase" occurs in title or prompt
    created_from: Time | None  # created_from <= created_at
    created_before: Time | None  # created_at < created_before
    min_quality: float | None  # quality_score at least this


class SortArguments(TypedDict, total=False):
    """In which order."""

    sort_field: Literal["created_at", "quality_score"] | str | None
    sort_order: Literal["desc", "asc"] | str | None


class PageArguments(FilterArguments, SortArguments, total=False):
    """Which page of them."""

    page_size: int | None  # 1 to 500, by default 25
    cursor: str | None  # a next_cursor or prev_cursor of the same filter and sort
    strategy: str | None  # forces one, for tests and benchmarks


class RankArguments(FilterArguments, SortArguments, total=False):
    """Which rank of them."""

    rank: int | None


class FacetArguments(FilterArguments, total=False):
    """How many of their tags."""

    facet_limit: int | None


class TagArguments(TypedDict, total=False):
    """Which tags."""

    name_prefix: str | None  # names that begin so
    source_types: Iterable[str] | None  # counted in these partitions: items, auto
    min_count: int | None  # carried by at least so many items
    max_count: int | None  # carried by at most so many items
    sort: Literal["count", "name"] | str | None  # by default the most carried first
    page_size: int | None
    cursor: str | None
