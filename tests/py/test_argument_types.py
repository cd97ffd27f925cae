"""Text may come with any collation and as any type of text: the answers are the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any

import psycopg
import pytest

import calls
from calls import ARGUMENT_TYPES, Connection
from galleries import random_gallery
from index_states import dirty

Given = Mapping[str, Any]
CASELESS = "tests.caseless"  # to which upper and lower case are equal
TURKISH = '"tr-x-icu"'  # in which the small letter of I is not i

# The text arguments of every public function: what is there, what is not, what is refused.
FILTERS: tuple[Given, ...] = (
    {"search": "IT"},
    {"search": 'sun "SET over"', "content_types": ["image", "video"]},
    {"content_types": ["IMAGE"]},
    {"content_source_types": ["community-regular", "community-auto"]},
    {"content_source_types": ["COMMUNITY-regular"]},
)
SORTED: tuple[Given, ...] = (
    *FILTERS,
    {"sort_field": "quality_score", "sort_order": "asc", "search": "sun"},
    {"sort_field": "CREATED_AT"},
    {"sort_order": "ASC"},
    {"cursor": "no cursor"},
)
PAGES: tuple[Given, ...] = (
    *SORTED,
    {"strategy": "ordered_walk", "content_types": ["image"]},
    {"strategy": "bitmap", "content_source_types": ["community-auto"]},
    {"strategy": "BITMAP"},
)
CALLS: Mapping[str, tuple[Given, ...]] = {
    "gallery_page": PAGES,
    "gallery_explain": PAGES,
    "gallery_pick_strategy": FILTERS,
    "gallery_count": FILTERS,
    "gallery_facets": FILTERS,
    "gallery_cursor_at": tuple({**given, "rank": 2} for given in SORTED if "cursor" not in given),
    "gallery_tag_ids": ({"names": ["tag 00", "tag 03"]}, {"names": ["TAG 00"]}),
    "gallery_tags": (
        {"name_prefix": "tag 0", "sort": "name"},
        {"name_prefix": "TAG"},
        {"name_prefix": "tag 0", "source_types": ["items"], "sort": "count"},
        {"source_types": ["ITEMS"]},
        {"sort": "NAME"},
    ),
    "gallery_schedule": ({"every": "as it were"},),
    "gallery_add_source": (
        {"source_type": "items"},
        {"source_type": "ITEMS"},
        {"source_type": "video", "own_label": "user-auto", "other_label": "videos"},
        {"source_type": "video", "own_label": "", "other_label": "Videos"},
    ),
}


def is_text(name: str) -> bool:
    return type_of(name) in ("text", "text[]")


def type_of(name: str) -> str:
    return ARGUMENT_TYPES.get(name, "text").removeprefix("pg_catalog.")


# --- ways of writing the same text ---


def cast(collation: str = "", type_name: str = "text") -> Callable[[str, Given], str]:
    """Calls in which texts are of a type, with a collation."""

    def written(function: str, given: Given) -> str:
        def argument(name: str) -> str:
            if not is_text(name):
                return f"%({name})s::{type_of(name)}"
            brackets = "[]" if type_of(name).endswith("[]") else ""
            return f"(%({name})s::{type_name}{brackets} {collation})"

        passed = ", ".join(f"{name} => {argument(name)}" for name in given)
        return f"SELECT f.* FROM {function}({passed}) f"

    return written


def from_columns(function: str, given: Given) -> str:
    """A call that takes each text from a column, of which no two that follow are collated alike."""
    collations = ('COLLATE "C"', 'COLLATE "POSIX"', "")
    columns = ", ".join(
        f"%({name})s::{type_of(name)} {collations[number % 3] if is_text(name) else ''} AS {name}"
        for number, name in enumerate(given)
    )
    passed = ", ".join(f"{name} => v.{name}" for name in given)
    return f"SELECT f.* FROM (SELECT {columns} OFFSET 0) v, {function}({passed}) f"


PLAIN = cast()
WAYS = {
    "C": cast('COLLATE "C"'),
    "POSIX": cast('COLLATE "POSIX"'),
    "Turkish": cast(f"COLLATE {TURKISH}"),
    "caseless": cast(f"COLLATE {CASELESS}"),
    "varchar": cast(type_name="varchar"),
    "char": cast(type_name="char(600)"),
    "columns": from_columns,
}


# --- the answers ---


@pytest.fixture(scope="module")
def database_url(module_database_url: str) -> str:
    """One database for the whole file: a gallery that changed since it was indexed."""
    with psycopg.connect(module_database_url, autocommit=True) as conn:
        random = Random(6)
        dirty(conn, random, random_gallery(random, 120))
        conn.execute("CREATE SCHEMA tests")
        if knows_icu(conn):
            conn.execute(
                f"CREATE COLLATION {CASELESS}"
                " (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
            )
    return module_database_url


def knows_icu(conn: Connection) -> bool:
    return bool(conn.execute("SELECT FROM pg_collation WHERE collname = 'tr-x-icu'").fetchall())


def answer(conn: Connection, call: str, given: Given) -> object:
    """The rows of a call, of an explanation how many were found, or how it is refused."""
    try:
        rows = conn.execute(calls.query(call), given).fetchall()
        return rows[0][0]["took"]["rows"] if "gallery_explain" in call else rows
    except psycopg.Error as error:
        return error.sqlstate, error.diag.message_primary


def all_calls(conn: Connection) -> Iterator[tuple[str, Given]]:
    """All of CALLS; and from their cursors on, where there are any."""
    for function, various in CALLS.items():
        for given in various:
            if function not in ("gallery_page", "gallery_tags"):
                yield function, given
                continue
            paged = {**given, "page_size": 5}
            yield function, paged
            rows = answer(conn, PLAIN(function, paged), paged)
            if isinstance(rows, list) and rows and (cursor := rows[0][-2]) is not None:
                yield function, {**paged, "cursor": cursor}


@pytest.mark.parametrize("way", WAYS)
def test_texts_of_any_collation_and_type_are_answered_alike(conn: Connection, way: str) -> None:
    if way in ("Turkish", "caseless") and not knows_icu(conn):
        pytest.skip("a server without ICU has no such collation")
    differing = [
        (function, given, expected, found)
        for function, given in all_calls(conn)
        if (expected := answer(conn, PLAIN(function, given), given))
        != (found := answer(conn, WAYS[way](function, given), given))
    ]
    assert differing == []


def test_every_public_function_that_takes_text_is_asked(conn: Connection) -> None:
    rows = conn.execute(
        "SELECT proname::text, proargnames[:pronargs] FROM pg_proc"
        " WHERE pronamespace = 'public'::regnamespace AND starts_with(proname, 'gallery_')"
        " AND proargtypes::oid[] && '{text,text[]}'::regtype[]::oid[]"
    ).fetchall()
    assert {name for name, _ in rows} == set(CALLS)
    for name, arguments in rows:
        asked = {argument for given in CALLS[name] for argument in given} | {"cursor", "strategy"}
        assert {argument for argument in arguments if is_text(argument)} <= asked | set(
            ARGUMENT_TYPES
        ), name
