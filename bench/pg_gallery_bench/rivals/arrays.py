"""GIN on an integer array of each item's tags (intarray), in a table beside the gallery's.

PostgreSQL chooses between two plans for a page by a guess at the matches, so each is forced and is
a rival of its own: the GIN index and a sort, or a walk in page order that tests each array.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar
from uuid import UUID

import psycopg

from ..query import FACET_LIMIT, PAGE_SIZE, Asked, Filter
from .base import (
    TUNED,
    Conditions,
    Connection,
    SqlRival,
    Statement,
    add_item_conditions,
    add_keyset,
    add_search,
    add_visibility,
    columns,
    order_by,
)

_TABLES = (
    "CREATE TABLE bench.tag_number AS"
    " SELECT id AS tag_id, row_number() OVER (ORDER BY id)::int AS number FROM tags",
    "CREATE TABLE bench.item_tags AS"
    " SELECT i.id, i.source_type, i.created_at, i.quality_score, i.creator_id, i.is_private,"
    " i.content_type, coalesce(a.tags, '{}') AS tags"
    " FROM content_items_all i LEFT JOIN ("
    "  SELECT t.content_id, t.content_source, array_agg(n.number ORDER BY n.number) AS tags"
    "  FROM content_tags t JOIN bench.tag_number n USING (tag_id)"
    "  GROUP BY t.content_id, t.content_source"
    " ) a ON a.content_id = i.id AND a.content_source = i.source_type"
    " ORDER BY i.created_at, i.id, i.source_type",
)
_INDEXES = (
    "(created_at DESC, id DESC, source_type DESC)",
    "(quality_score DESC NULLS LAST, id DESC, source_type DESC)",
    "(quality_score NULLS LAST, id, source_type)",
)


def build(url: str) -> None:
    """Makes the table anew from the gallery's tables."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS bench")
        connection.execute("DROP TABLE IF EXISTS bench.item_tags, bench.tag_number")
        connection.execute("SET maintenance_work_mem = '1GB'")
        connection.execute("SET work_mem = '512MB'")
        indexes = (f"USING gin (tags {_operator_class(connection)})", *_INDEXES)
        for statement in (*_TABLES, *(f"CREATE INDEX ON bench.item_tags {one}" for one in indexes)):
            connection.execute(statement.encode())
        connection.execute("VACUUM (ANALYZE) bench.item_tags, bench.tag_number")


def _operator_class(connection: Connection) -> str:
    """intarray's, where the extension is to be had; else nothing, which is PostgreSQL's own."""
    known = "SELECT count(*) FROM pg_available_extensions WHERE name = 'intarray'"
    if connection.execute(known).fetchone() == (0,):
        return ""
    connection.execute("CREATE EXTENSION IF NOT EXISTS intarray SCHEMA bench")
    return f"{_intarray_schema(connection)}.gin__int_ops"


def _intarray_schema(connection: Connection) -> str:
    """Where its operators are; the benchmark's own schema where there are none."""
    query = "SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'intarray'"
    row = connection.execute(query).fetchone()
    return row[0] if row else "bench"


def tag_numbers(connection: Connection) -> dict[UUID, int]:
    """The numbers that stand for the tags in the arrays."""
    return dict(connection.execute("SELECT tag_id, number FROM bench.tag_number").fetchall())


class _IntArray(SqlRival):
    """What both plans have in common."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        super().__init__(url, timeout_seconds)
        self.connection.execute(  # so that the operators on int[] are intarray's
            "SELECT set_config('search_path', %s || ', ' || current_setting('search_path'), false)",
            [_intarray_schema(self.connection)],
        )
        self._numbers = tag_numbers(self.connection)

    def size_bytes(self) -> int:
        query = "SELECT pg_total_relation_size('bench.item_tags')"
        (size,) = self.connection.execute(query).fetchone() or (0,)
        return int(size)

    def statement(self, asked: Asked) -> Statement:
        statement, conditions = Statement(), Conditions()
        self._add_tags(conditions, asked.filter)
        add_item_conditions(conditions, asked.filter, "i")
        add_visibility(conditions, asked.filter, "i")
        _add_search(conditions, asked.filter)
        if asked.kind == "count":
            statement.add("SELECT count(*) FROM bench.item_tags i")
            conditions.add_to(statement)
            return statement
        if asked.kind == "facets":
            statement.add(
                "SELECT n.tag_id, f.count FROM (SELECT t.number, count(*)"
                " FROM bench.item_tags i CROSS JOIN unnest(i.tags) t (number)"
            )
            conditions.add_to(statement)
            return statement.add(
                f" GROUP BY t.number ORDER BY count(*) DESC LIMIT {FACET_LIMIT}) f"
                " JOIN bench.tag_number n USING (number) ORDER BY f.count DESC"
            )
        add_keyset(conditions, asked, "i")
        statement.add(
            f"SELECT {columns('a')} FROM ("
            "SELECT i.id, i.source_type, i.created_at, i.quality_score FROM bench.item_tags i"
        )
        conditions.add_to(statement)
        statement.add(f"{order_by(asked, 'i')} LIMIT {PAGE_SIZE}")
        if asked.kind == "jump":
            statement.add(" OFFSET %s", asked.rank)
        return statement.add(
            ") k CROSS JOIN LATERAL (SELECT * FROM content_items_all a"
            " WHERE a.id = k.id AND a.source_type = k.source_type OFFSET 0) a"
            + order_by(asked, "k")
        )

    def _add_tags(self, conditions: Conditions, wanted: Filter) -> None:
        def numbers(tags: tuple[UUID, ...]) -> list[int]:
            return sorted(self._numbers[tag] for tag in tags)

        if wanted.tags_all:
            conditions.add("i.tags @> %s::int[]", numbers(wanted.tags_all))
        if wanted.tags_any:
            conditions.add("i.tags && %s::int[]", numbers(wanted.tags_any))
        if wanted.tags_none:
            conditions.add("NOT i.tags && %s::int[]", numbers(wanted.tags_none))


def _add_search(conditions: Conditions, wanted: Filter) -> None:
    """Titles and prompts stand in the gallery's own tables."""
    terms = Conditions()
    add_search(terms, wanted, "a")
    if terms.texts:
        conditions.add(
            "EXISTS (SELECT FROM content_items_all a WHERE a.id = i.id"
            f" AND a.source_type = i.source_type AND {' AND '.join(terms.texts)})",
            *terms.params,
        )


class ArrayByIndex(_IntArray):
    """The GIN index, then a sort."""

    name = "GIN index"
    about = (
        "intarray's GIN index on a sorted int[] of each item's tags, in a table of its own with the"
        " filter's columns; the plan that reads the GIN index and sorts; rows from the gallery."
    )
    settings: ClassVar[Mapping[str, str]] = {
        **TUNED,
        "enable_indexscan": "off",
        "enable_seqscan": "off",
    }


class ArrayByWalk(_IntArray):
    """A walk in page order."""

    name = "GIN walk"
    about = "The same table; the plan that walks it in page order and tests each array."
    settings: ClassVar[Mapping[str, str]] = {
        **TUNED,
        "enable_bitmapscan": "off",
        "enable_seqscan": "off",
        "enable_sort": "off",
    }
