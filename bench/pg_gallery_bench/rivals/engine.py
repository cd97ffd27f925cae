"""A search engine in the benchmark's own process: tantivy, which gives ids alone.

A document is an item. Its rank in each page order is a column, so that ties are broken exactly as
the gallery breaks them, and a hit's order key is the item. No network, no rows, no transactions:
what a search engine beside the database has at best.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import numpy as np
import numpy.typing as npt
import psycopg
from tantivy import Document, FieldType, Index, Occur, Order, Query, Schema, SchemaBuilder

from ..query import FACET_LIMIT, PAGE_SIZE, Answer, Asked, Filter
from ..results import Role
from .arrays import tag_numbers
from .base import CannotExpressError, Request, Rival, split_kind

_HEAP_BYTES = 1_500_000_000  # one thread and room enough: one segment, searched without merging

_SOURCES = ("auto", "items")
_RANKS = ("by_time", "by_quality_desc", "by_quality_asc")
_ITEMS = """
SELECT id, source_type, tags, is_private, creator_id::text, content_type,
       (extract(epoch FROM created_at) * 1000000)::bigint, quality_score,
       row_number() OVER (ORDER BY quality_score NULLS FIRST, id, source_type) - 1,
       row_number() OVER (ORDER BY quality_score NULLS LAST, id, source_type) - 1
FROM bench.item_tags ORDER BY created_at, id, source_type
"""
_ORDERS = {
    ("created_at", "desc"): ("by_time", Order.Desc),
    ("created_at", "asc"): ("by_time", Order.Asc),
    ("quality_score", "desc"): ("by_quality_desc", Order.Desc),
    ("quality_score", "asc"): ("by_quality_asc", Order.Asc),
}


class SearchEngine(Rival):
    """Boolean queries over an inverted index, sorted by a column."""

    name = "engine, ids only"
    role: ClassVar[Role] = "engine"
    about = (
        "tantivy in-process: an inverted index of tags, creators, sources and types in one segment,"
        " hits sorted by a column; gives ids, not rows."
    )

    def __init__(self, url: str, directory: Path) -> None:
        """Indexes the items of the array rivals' table into an empty directory."""
        self._directory = directory
        schema = _schema()
        index = Index(schema, str(directory))
        with psycopg.connect(url) as connection:
            numbers = tag_numbers(connection)
            self._items = _fill(index, connection)
        index.reload()
        self.searcher = index.searcher()
        self._terms = _Terms(schema, numbers)
        self._tags = {number: tag for tag, number in numbers.items()}

    def request(self, asked: Asked) -> Request:
        query = self._terms.all_of(asked.filter)
        if asked.kind == "count":
            return _Count(self, query)
        if asked.kind == "facets":
            return _Facets(self, query)
        return _Hits(self, query, asked)

    def item(self, ranking: str, rank: int) -> tuple[str, int]:
        """(source, id) of the item of that rank."""
        identity, source = divmod(int(self._items[ranking][rank]), len(_SOURCES))
        return _SOURCES[source], identity

    def tag(self, number: int) -> UUID:
        """The tag of that number."""
        return self._tags[number]

    def size_bytes(self) -> int:
        return sum(path.stat().st_size for path in self._directory.iterdir())

    def close(self) -> None:
        shutil.rmtree(self._directory, ignore_errors=True)


class _Terms:
    """A filter as a boolean query."""

    def __init__(self, schema: Schema, numbers: dict[UUID, int]) -> None:
        self._schema = schema
        self._numbers = numbers

    def all_of(self, wanted: Filter) -> Query:
        """Every condition. Raises CannotExpressError."""
        if wanted.search:
            raise CannotExpressError("an inverted index knows words, not parts of words")
        must = [self._term("tag", self._numbers[tag]) for tag in wanted.tags_all]
        must += self._ranges(wanted)
        for choices in (
            [self._term("tag", self._numbers[tag]) for tag in wanted.tags_any],
            [self._term("creator", str(creator)) for creator in wanted.creators],
            [self._term("content_type", name) for name in wanted.content_types],
            [self._kind(kind, wanted) for kind in wanted.content_source_types],
        ):
            if choices:
                must.append(_boolean((Occur.Should, choice) for choice in choices))
        without = [self._term("tag", self._numbers[tag]) for tag in wanted.tags_none]
        without.append(self._not_for(wanted.viewer))
        return _but(must or [Query.all_query()], without)

    def _term(self, field: str, value: object) -> Query:
        return Query.term_query(self._schema, field, value, index_option="basic")

    def _kind(self, kind: str, wanted: Filter) -> Query:
        own, source = split_kind(kind)
        of_source = self._term("source", _SOURCES.index(source))
        if wanted.viewer is None:
            return of_source
        of_viewer = self._term("creator", str(wanted.viewer))
        return _but([of_source, of_viewer], []) if own else _but([of_source], [of_viewer])

    def _not_for(self, viewer: UUID | None) -> Query:
        """What the viewer may not see."""
        private = self._term("private", True)
        return _but([private], [] if viewer is None else [self._term("creator", str(viewer))])

    def _ranges(self, wanted: Filter) -> Iterable[Query]:
        if wanted.created_from is not None or wanted.created_before is not None:
            ends = (wanted.created_from, wanted.created_before)
            low, high = (None if end is None else round(end.timestamp() * 1e6) for end in ends)
            yield Query.range_query(
                self._schema,
                "created_us",
                FieldType.Integer,
                low,
                high,
                include_upper=high is None,
            )
        if wanted.min_quality is not None:
            yield Query.range_query(self._schema, "quality", FieldType.Float, wanted.min_quality)


class _Hits(Request):
    """The ids of a page; deep pages by offset."""

    def __init__(self, engine: SearchEngine, query: Query, asked: Asked) -> None:
        self._engine, self._query, self._offset = engine, query, asked.rank
        self._field, self._order = _ORDERS[asked.query.sort_field, asked.query.sort_order]

    def run(self) -> Any:
        return self._engine.searcher.search(
            self._query,
            PAGE_SIZE,
            count=False,
            order_by_field=self._field,
            offset=self._offset,
            order=self._order,
        ).hits

    def answer(self, result: Any) -> Answer:
        return [self._engine.item(self._field, rank) for rank, _ in result]


class _Count(Request):
    """How many documents match."""

    def __init__(self, engine: SearchEngine, query: Query) -> None:
        self._engine, self._query = engine, query

    def run(self) -> Any:
        found: Any = self._engine.searcher.search(self._query, 1, count=True)
        return found.count

    def answer(self, result: Any) -> Answer:
        return int(result)


class _Facets(Request):
    """The commonest tags among the documents that match, by an aggregation."""

    def __init__(self, engine: SearchEngine, query: Query) -> None:
        self._engine, self._query = engine, query

    def run(self) -> Any:
        terms = {"tags": {"terms": {"field": "tag", "size": FACET_LIMIT}}}
        return self._engine.searcher.aggregate(self._query, terms)

    def answer(self, result: Any) -> Answer:
        buckets = result["tags"]["buckets"]
        return [(self._engine.tag(int(b["key"])), int(b["doc_count"])) for b in buckets]


def _boolean(clauses: Iterable[tuple[Occur, Query]]) -> Query:
    return Query.boolean_query(list(clauses))


def _but(must: list[Query], without: list[Query]) -> Query:
    return _boolean(
        [(Occur.Must, query) for query in must] + [(Occur.MustNot, query) for query in without]
    )


def _schema() -> Schema:
    schema = SchemaBuilder()
    schema.add_unsigned_field("tag", indexed=True, fast=True)
    schema.add_unsigned_field("source", indexed=True)
    schema.add_boolean_field("private", indexed=True)
    schema.add_text_field("creator", tokenizer_name="raw", index_option="basic")
    schema.add_text_field("content_type", tokenizer_name="raw", index_option="basic")
    schema.add_integer_field("created_us", indexed=True, fast=True)
    schema.add_float_field("quality", indexed=True, fast=True)
    for name in _RANKS:
        schema.add_unsigned_field(name, fast=True)
    return schema.build()


def _fill(index: Index, connection: psycopg.Connection[Any]) -> dict[str, npt.NDArray[np.int64]]:
    """Adds a document an item; returns the items of each order by rank, id and source in one."""
    (total,) = connection.execute("SELECT count(*) FROM bench.item_tags").fetchone() or (0,)
    items = {name: np.zeros(total, np.int64) for name in _RANKS}
    writer = index.writer(_HEAP_BYTES, 1)
    with connection.cursor("items") as cursor:
        cursor.itersize = 10_000
        cursor.execute(_ITEMS)
        for by_time, row in enumerate(cursor):
            identity, source, tags, private, creator, content_type, created_us, quality = row[:8]
            document = Document()
            for tag in tags:
                document.add_unsigned("tag", tag)
            document.add_unsigned("source", _SOURCES.index(source))
            document.add_boolean("private", private)
            document.add_text("creator", creator or "")
            document.add_text("content_type", content_type)
            document.add_integer("created_us", created_us)
            if quality is not None:
                document.add_float("quality", quality)
            for name, rank in zip(_RANKS, (by_time, *row[8:]), strict=True):
                document.add_unsigned(name, rank)
                items[name][rank] = identity * len(_SOURCES) + _SOURCES.index(source)
            writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()
    return items
