"""pg_gallery: as its planner chooses, and each strategy forced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar

from .. import BenchError
from ..query import FACET_LIMIT, PAGE_SIZE, Asked, Filter, Place, Query
from ..results import OURS, Role
from .base import (
    CannotExpressError,
    Request,
    SqlRival,
    Statement,
    columns,
)

STRATEGIES = (
    "ordered_walk",
    "self_join",
    "group_having",
    "two_phase_single",
    "two_phase_dual",
    "bitmap",
)

_ARRAY_TYPES = {
    "tags_all": "uuid[]",
    "tags_any": "uuid[]",
    "tags_none": "uuid[]",
    "creators": "uuid[]",
    "content_source_types": "text[]",
    "content_types": "text[]",
}


class Ours(SqlRival):
    """The functions as a client calls them."""

    name = OURS
    role: ClassVar[Role] = "ours"
    about = "gallery_page, gallery_count, gallery_facets and gallery_cursor_at, as they come."
    settings: ClassVar[Mapping[str, str]] = {}

    def statement(self, asked: Asked) -> Statement:
        wanted = asked.filter
        if asked.kind == "count":
            return _Call("gallery_count").filter(wanted).select("*")
        if asked.kind == "facets":
            facets = _Call("gallery_facets").filter(wanted).give("facet_limit", FACET_LIMIT)
            return facets.select("tag_id, item_count")
        return self._page(asked).select(f"{columns('p')}, p.next_cursor, p.prev_cursor")

    def locate(self, query: Query) -> Asked:
        """Finds the place where the query's page begins: the last page, if there are fewer."""
        rank = query.rank
        if rank != 0:
            (total,) = self._one(_Call("gallery_count").filter(query.filter).select("*"))
            last = max(0, (total - 1) // PAGE_SIZE * PAGE_SIZE)
            rank = last if rank < 0 else min(rank, last)
        if rank == 0 or query.kind != "page":
            return Asked(query, rank)
        (cursor,) = self._one(_cursor_at(query, rank).select("*"))
        before = _Call("gallery_page").filter(query.filter).sort(query).give("page_size", 1)
        before.jump(_cursor_at(query, rank - 1))
        row = self._one(before.select(f"p.{query.sort_field}, p.id, p.source_type"))
        return Asked(query, rank, cursor, Place(*row))

    def _page(self, asked: Asked) -> _Call:
        page = _Call("gallery_page").filter(asked.filter).sort(asked.query)
        page.give("page_size", PAGE_SIZE)
        if asked.kind == "jump":
            page.jump(_cursor_at(asked.query, asked.rank))
        elif asked.cursor is not None:
            page.give("cursor", asked.cursor)
        return page

    def _one(self, statement: Statement) -> tuple[Any, ...]:
        row = self.connection.execute(statement.text.encode(), statement.params).fetchone()
        if row is None:
            raise BenchError("The gallery gave no page of the rank that it counted up to.")
        return row


class OneStrategy(Ours):
    """Pages by one strategy, whatever the planner thinks of it."""

    role: ClassVar[Role] = "strategy"

    def __init__(self, url: str, timeout_seconds: float, strategy: str) -> None:
        super().__init__(url, timeout_seconds)
        self._strategy = strategy
        self.name = strategy
        self.about = f"gallery_page(…, strategy => '{strategy}')."

    def request(self, asked: Asked) -> Request:
        if asked.kind != "page":
            raise CannotExpressError("strategies are of pages")
        if not asked.filter.tags_all and self._strategy not in ("ordered_walk", "bitmap"):
            raise CannotExpressError("no tag to start from")
        return super().request(asked)

    def _page(self, asked: Asked) -> _Call:
        return super()._page(asked).give("strategy", self._strategy)


class _Call:
    """A call of a function with named arguments."""

    def __init__(self, function: str) -> None:
        self._function = function
        self._texts: list[str] = []
        self._params: list[Any] = []

    def give(self, name: str, value: Any) -> _Call:
        """One argument."""
        cast = f"::{_ARRAY_TYPES[name]}" if name in _ARRAY_TYPES else ""
        self._texts.append(f"{name} => %s{cast}")
        self._params.append(list(value) if isinstance(value, tuple) else value)
        return self

    def filter(self, wanted: Filter) -> _Call:
        """The filter's arguments, those that say something."""
        for field in fields(wanted):
            value = getattr(wanted, field.name)
            if value != field.default:
                self.give(field.name, value)
        return self

    def sort(self, query: Query) -> _Call:
        """The sort, where it isn't the default."""
        if query.sort_field != "created_at":
            self.give("sort_field", query.sort_field)
        if query.sort_order != "desc":
            self.give("sort_order", query.sort_order)
        return self

    def jump(self, cursor: _Call) -> _Call:
        """A cursor that is worked out in the same statement."""
        self._texts.append(f"cursor => {cursor._text}")
        self._params += cursor._params
        return self

    def select(self, what: str) -> Statement:
        """The statement that reads the result."""
        return Statement().add(f"SELECT {what} FROM {self._text} p", *self._params)

    @property
    def _text(self) -> str:
        return f"{self._function}({', '.join(self._texts)})"


def _cursor_at(query: Query, rank: int) -> _Call:
    return _Call("gallery_cursor_at").filter(query.filter).sort(query).give("rank", rank)
