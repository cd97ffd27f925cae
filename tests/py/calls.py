"""How the tests talk to the database: galleries stored and read, gallery functions called by name.

Deliberately not the Python client: these tests are about the SQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow, namedtuple_row

from galleries import Gallery
from oracle import EPOCH, Filter, Item, Key, Moment, Sort
from pg_gallery.repeatables import FUNCTIONS_PATH, read_functions, render

Connection = psycopg.Connection[TupleRow]

STRATEGIES = (
    None,  # the planner's choice
    "ordered_walk",
    "self_join",
    "group_having",
    "two_phase_single",
    "two_phase_dual",
    "bitmap",
    "full_scan",
)

# The types by which arguments are cast, so that each call is the same for every driver setting;
# in full, so that it is the same under every search_path.
ARGUMENT_TYPES: Mapping[str, str] = {
    "tags_all": "pg_catalog.uuid[]",
    "tags_any": "pg_catalog.uuid[]",
    "tags_none": "pg_catalog.uuid[]",
    "content_source_types": "pg_catalog.text[]",
    "viewer": "pg_catalog.uuid",
    "creators": "pg_catalog.uuid[]",
    "content_types": "pg_catalog.text[]",
    "search": "pg_catalog.text",
    "created_from": "pg_catalog.timestamptz",
    "created_before": "pg_catalog.timestamptz",
    "min_quality": "double precision",
    "sort_field": "pg_catalog.text",
    "sort_order": "pg_catalog.text",
    "page_size": "integer",
    "cursor": "pg_catalog.text",
    "strategy": "pg_catalog.text",
    "rank": "bigint",
    "facet_limit": "integer",
    "name_prefix": "pg_catalog.text",
    "names": "pg_catalog.text[]",
    "source_types": "pg_catalog.text[]",
    "min_count": "bigint",
    "max_count": "bigint",
    "sort": "pg_catalog.text",
}


@dataclass(frozen=True)
class Page:
    """A page as the database gave it."""

    keys: list[Key]
    next_cursor: str | None
    prev_cursor: str | None


# --- the tables ---


def store(conn: Connection, gallery: Gallery) -> None:
    """Make the database hold this gallery and nothing else."""
    conn.execute("TRUNCATE content_items_all, content_tags, tags, users CASCADE")
    with conn.cursor() as cur:
        cur.execute(
            "INSERT INTO users (id, username) SELECT u, u::text FROM unnest(%s::uuid[]) u",
            (gallery.users,),
        )
        cur.execute(
            "INSERT INTO tags (id, name) SELECT * FROM unnest(%s::uuid[], %s::text[])",
            (list(gallery.tags), list(gallery.tags.values())),
        )
    insert_items(conn, gallery.items)


def insert_items(conn: Connection, items: Sequence[Item]) -> None:
    """Insert items through the parent table, then their tags: a statement each."""
    columns: tuple[list[Any], ...] = (
        [item.id for item in items],
        [item.source_type for item in items],
        [item.created_at.text for item in items],
        [item.quality_score for item in items],
        [item.creator_id for item in items],
        [item.is_private for item in items],
        [item.content_type for item in items],
        [item.title for item in items],
        [item.prompt for item in items],
    )
    conn.execute(
        "INSERT INTO content_items_all (id, source_type, created_at, quality_score, creator_id,"
        " is_private, content_type, title, prompt)"
        " SELECT * FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[], %s::float8[],"
        " %s::uuid[], %s::boolean[], %s::text[], %s::text[], %s::text[])",
        columns,
    )
    insert_tags(conn, ((item.key, tag) for item in items for tag in item.tags))


def insert_tags(conn: Connection, pairs: Iterable[tuple[Key, UUID]]) -> None:
    """Give tags to items, in one statement."""
    rows = [(key[0], key[1], tag) for key, tag in pairs]
    conn.execute(
        "INSERT INTO content_tags (content_id, content_source, tag_id)"
        " SELECT * FROM unnest(%s::bigint[], %s::text[], %s::uuid[])",
        tuple(list(column) for column in zip(*rows, strict=True)) or ([], [], []),
    )


def read_items(conn: Connection) -> list[Item]:
    """Every item with its tags, as the tables hold them now."""
    carried: dict[Key, set[UUID]] = {}
    for number, source, tag in conn.execute(
        "SELECT content_id, content_source, tag_id FROM content_tags"
    ):
        carried.setdefault((number, source), set()).add(tag)
    rows = conn.execute(
        "SELECT id, source_type, created_at::text, quality_score, creator_id, is_private,"
        " content_type, title, prompt,"
        " CASE WHEN isfinite(created_at)"
        "      THEN (extract(epoch FROM created_at - %s) * 1000000)::numeric(30)::text"
        "      ELSE replace(created_at::text, 'infinity', 'inf') END"
        " FROM content_items_all",
        (EPOCH,),
    )
    return [
        Item(
            id=row[0],
            source_type=row[1],
            created_at=Moment(float(row[9]) if "inf" in row[9] else int(row[9]), row[2]),
            quality_score=row[3],
            creator_id=row[4],
            is_private=row[5],
            content_type=row[6],
            title=row[7],
            prompt=row[8],
            tags=frozenset(carried.get((row[0], row[1]), ())),
        )
        for row in rows
    ]


# --- the functions ---


def arguments(wanted: Filter, **others: Any) -> dict[str, Any]:
    """The named arguments of a call: only those that are given."""
    given = {field.name: getattr(wanted, field.name) for field in fields(wanted)} | others
    return {
        name: value.text if isinstance(value, Moment) else value
        for name, value in given.items()
        if value is not None
    }


def call_text(function: str, names: Iterable[str]) -> str:
    """The text of a call by named arguments, with a placeholder for each."""
    passed = ", ".join(f"{name} => %({name})s::{ARGUMENT_TYPES[name]}" for name in names)
    return f"{function}({passed})"


def rows_of(conn: Connection, function: str, **given: Any) -> list[Any]:
    """The rows that a function returns, as named tuples."""
    with conn.cursor(row_factory=namedtuple_row) as cur:
        return cur.execute(query(f"SELECT * FROM {call_text(function, given)}"), given).fetchall()


def value_of(conn: Connection, function: str, **given: Any) -> Any:
    """The one value that a function returns."""
    ((value,),) = rows_of(conn, function, **given)
    return value


def page(conn: Connection, wanted: Filter, sort: Sort | None = None, **others: Any) -> Page:
    """One page, of which only the names of the items and the cursors are kept."""
    if sort is not None:
        others |= {"sort_field": sort.field, "sort_order": sort.order}
    given = arguments(wanted, **others)
    call = call_text("gallery_page", given)
    rows = conn.execute(
        query(f"SELECT id, source_type, next_cursor, prev_cursor FROM {call}"), given
    ).fetchall()
    cursors = {row[2:] for row in rows}
    assert len(cursors) <= 1, f"the cursors differ between the rows of one page: {cursors}"
    next_cursor, prev_cursor = cursors.pop() if cursors else (None, None)
    return Page([(row[0], row[1]) for row in rows], next_cursor, prev_cursor)


@contextmanager
def settings(conn: Connection, **values: str) -> Iterator[None]:
    """Session settings for the length of a block."""
    for name, value in values.items():
        conn.execute("SELECT set_config(%s, %s, false)", (name, value))
    try:
        yield
    finally:
        for name in values:
            conn.execute(query(f"RESET {name}"))


def install(conn: Connection, function_file: str) -> None:
    """Define what a file of db/functions, perhaps changed, says: as the migrations do."""
    with conn.transaction():
        conn.execute(query(f"SET LOCAL search_path = {FUNCTIONS_PATH}"))
        conn.execute(query(render(function_file, "public")))


def install_all(conn: Connection) -> None:
    """Define all functions again, in the database as it is now."""
    for function_file in read_functions().values():
        install(conn, function_file)


def query(text: str) -> bytes:
    """The form in which psycopg takes a query that was put together (of names the test knows)."""
    return text.encode()
