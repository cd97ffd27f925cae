"""Loading: what arrives in the tables, and what is said of a file that is wrong."""

from __future__ import annotations

import gzip
import io
import json
import random
import tracemalloc
from collections.abc import Iterator
from datetime import datetime
from typing import Any, cast

import psycopg
import pytest

from pg_gallery import Gallery, loading
from pg_gallery._resources import DATA

INCOMPRESSIBLE = random.Random(1).randbytes(3000).hex()

LEAST = {"source_type": "items", "content_type": "image/png"}


@pytest.fixture(scope="module")
def database_url(module_database_url: str) -> str:
    """One database for the whole file, emptied before each test."""
    return module_database_url


@pytest.fixture
def conn(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("TRUNCATE content_items_all, tags, users CASCADE")
        yield connection


def jsonl(*records: Any) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def load(conn: psycopg.Connection, data: bytes, **options: Any) -> loading.LoadReport:
    return loading.load(conn, io.BytesIO(data), **options)


def value(conn: psycopg.Connection, query: str) -> Any:
    row = conn.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


# --- what arrives ---


def test_every_icon_arrives_with_its_tags(conn: psycopg.Connection) -> None:
    with gzip.open(DATA / "icons.jsonl.gz") as file:
        icons = [json.loads(line) for line in file]
    with (DATA / "icons.jsonl.gz").open("rb") as file:
        report = loading.load(conn, cast(Any, file))
    names = {name for icon in icons for name in icon["tags"]}
    assert report == loading.LoadReport(
        items=len(icons),
        item_tags=sum(len(icon["tags"]) for icon in icons),
        new_tags=len(names),
        new_users=len({icon["author"] for icon in icons}),
    )
    gallery = Gallery(conn)
    icon = icons[7]
    words = f'"{icon["name"]}"'
    (item,) = [one for one in gallery.items(search=words) if one.title == icon["name"]]
    assert (item.source_type, item.content_data) == (icon["source"], icon["svg"])
    assert item.content_type == "image/svg+xml"
    assert item.item_metadata == {key: icon[key] for key in ("set", "version", "paint")}
    assert item.created_at == datetime.fromisoformat(icon["created_at"])
    assert item.creator_id is not None
    assert gallery.count(tags_all=["weather", "cloud"]) == sum(
        {"weather", "cloud"} <= set(icon["tags"]) for icon in icons
    )
    assert gallery.count(content_source_types=["community-auto"]) == sum(
        icon["source"] == "auto" for icon in icons
    )


def test_what_is_left_out_or_null_has_the_tables_default(conn: psycopg.Connection) -> None:
    load(conn, jsonl(LEAST, {**LEAST, "title": "t", "created_at": None, "item_metadata": None}))
    for item in Gallery(conn).page():
        assert item.item_metadata == {} and item.is_private is False
        assert item.created_at is not None


def test_every_column_can_be_given(conn: psycopg.Connection) -> None:
    full = {
        "id": 77,
        "source_type": "auto",
        "title": 'quote " tab \t line \n back \\ 💡',
        "content_type": "image/png",
        "content_data": "data",
        "item_metadata": {"deep": [1, {"x": None}]},
        "creator": "someone",
        "created_at": "2020-01-01T00:00:00.123456+00:00",
        "updated_at": "2020-01-02T00:00:00+00:00",
        "quality_score": 0.5,
        "is_private": False,
        "path_thumb": "a/b.png",
        "path_thumbs_alt_res": {"2x": "c"},
        "prompt": "a prompt",
        "tags": ["one", "two", "one"],
    }
    report = load(conn, jsonl(full))
    (item,) = Gallery(conn).page(tags_all=["one", "two"])
    assert (report.item_tags, report.new_users) == (2, 1)
    for name in full.keys() - {"creator", "created_at", "updated_at", "tags"}:
        assert getattr(item, name) == full[name], name
    assert item.created_at.microsecond == 123456
    assert value(conn, "SELECT username FROM users") == "someone"


def test_csv_says_the_same_as_json_lines(conn: psycopg.Connection) -> None:
    text = (
        "source_type,content_type,title,id,is_private,item_metadata,tags,quality_score\n"
        'items,image/png,"two\nlines",5,f,"{""a"": 1}",one; two,0.5\n'
        'auto,image/png,,,true,,"[""semi;colon""]",\n'
    )
    report = load(conn, text.encode("utf-8-sig"), kind="csv")
    assert (report.items, report.item_tags) == (2, 3)
    (item,) = Gallery(conn).page(tags_all=["one", "two"])
    assert (item.id, item.title, item.item_metadata) == (5, "two\nlines", {"a": 1})
    assert (item.is_private, item.quality_score) == (False, 0.5)
    assert value(conn, "SELECT count(*) FROM content_items_auto WHERE is_private") == 1
    assert value(conn, "SELECT count(*) FROM tags WHERE name = 'semi;colon'") == 1


def test_gzip_is_recognised_whatever_it_is_called(conn: psycopg.Connection) -> None:
    assert load(conn, gzip.compress(jsonl(LEAST, LEAST))).items == 2


def test_tags_and_users_that_exist_are_used(conn: psycopg.Connection) -> None:
    first = load(conn, jsonl({**LEAST, "tags": ["a"], "creator": "u"}))
    second = load(conn, jsonl({**LEAST, "tags": ["a", "b"], "creator": "u"}))
    assert (first.new_tags, first.new_users) == (1, 1)
    assert (second.new_tags, second.new_users) == (1, 0)


def test_given_ids_are_not_drawn_again(conn: psycopg.Connection) -> None:
    given = value(conn, "SELECT nextval('content_items_id_seq')") + 3
    load(conn, jsonl({**LEAST, "id": given}))
    report = load(conn, jsonl(*[LEAST] * 10))
    assert report.items == 10


def test_a_load_is_all_or_nothing(conn: psycopg.Connection) -> None:
    with pytest.raises(loading.LoadError) as caught:
        load(conn, jsonl(*[LEAST] * 3000, {"bad": 1}))
    assert (caught.value.line, caught.value.committed) == (3001, 0)
    assert value(conn, "SELECT count(*) FROM content_items_all") == 0


def test_a_load_in_batches_keeps_those_before_the_error(conn: psycopg.Connection) -> None:
    with pytest.raises(loading.LoadError) as caught:
        load(conn, jsonl(*[LEAST] * 7, {"bad": 1}), batch=3)
    assert (caught.value.line, caught.value.committed) == (8, 6)
    assert value(conn, "SELECT count(*) FROM content_items_all") == 6


def test_a_load_can_be_part_of_a_transaction(database_url: str, conn: psycopg.Connection) -> None:
    with psycopg.connect(database_url) as connection:
        before = connection.execute("SHOW plan_cache_mode").fetchone()
        loading.load(connection, io.BytesIO(jsonl(LEAST)))
        assert connection.execute("SHOW plan_cache_mode").fetchone() == before
        connection.rollback()
        with pytest.raises(ValueError, match="autocommit"):
            loading.load(connection, io.BytesIO(jsonl(LEAST)), batch=1)
    assert value(conn, "SELECT count(*) FROM content_items_all") == 0


def test_progress_is_told_and_ends_with_the_report(conn: psycopg.Connection) -> None:
    told: list[loading.LoadReport] = []
    report = load(conn, jsonl(*[LEAST] * 4500), on_progress=told.append)
    assert len(told) > 1 and told[-1] == report


def test_memory_does_not_grow_with_the_file(conn: psycopg.Connection) -> None:
    class Endless(io.RawIOBase):
        """A file of many records that holds none of them."""

        left = 12_000

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            if not self.left:
                return 0
            self.left -= 1
            line = jsonl({**LEAST, "title": "x" * 1000})
            buffer[: len(line)] = line
            return len(line)

    tracemalloc.start()
    report = loading.load(conn, cast(Any, io.BufferedReader(Endless())))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert report.items == 12_000
    assert peak < 12_000 * 1000, "the peak is more than the file itself"


# --- what is wrong, and where ---

WRONG: dict[str, tuple[bytes, int, str]] = {
    "not JSON": (jsonl(LEAST) + b"{]\n", 2, "not JSON"),
    "not an object": (jsonl(LEAST, [1]), 2, "A JSON object"),
    "NaN": (b'{"quality_score": NaN}', 1, "NaN is not a value of JSON"),
    "nested too deep": (b"[" * 200_000, 1, "JSON"),
    "not UTF-8": (jsonl(LEAST) + b"\xff\n", 2, "UTF-8"),
    "an unknown key": (jsonl(LEAST, {**LEAST, "titel": "x"}), 2, "'titel'"),
    "an unknown key of an icon": (jsonl({"svg": "", "source": "items", "x": 1}), 1, "'x'"),
    "no source": (jsonl({"content_type": "x"}), 1, "source_type is missing"),
    "no type": (jsonl({"source_type": "items"}), 1, "content_type is missing"),
    "an unknown source": (jsonl(LEAST, {**LEAST, "source_type": "other"}), 2, "other"),
    "text for an id": (jsonl({**LEAST, "id": "1"}), 1, "id must be a whole number"),
    "the last id there is": (jsonl(LEAST, {**LEAST, "id": 2**63 - 1}), 2, "no further id"),
    "a tag too long for its index": (
        jsonl({**LEAST, "tags": ["b"]}, {**LEAST, "tags": ["a", INCOMPRESSIBLE, "c"]}),
        2,
        "a tag's name of 6,000 bytes is too long",
    ),
    "a creator too long for the index": (
        jsonl(LEAST, {**LEAST, "creator": INCOMPRESSIBLE}),
        2,
        "creator of 6,000 bytes is too long",
    ),
    "an id too large": (jsonl(LEAST, {**LEAST, "id": 10**30}), 2, "out of range"),
    "a number for a title": (jsonl({**LEAST, "title": 1}), 1, "title must be text"),
    "NUL in a title": (jsonl({**LEAST, "title": "\0"}), 1, "title holds a character"),
    "NUL in JSON": (jsonl(LEAST, {**LEAST, "item_metadata": "\0"}), 2, "Unicode"),
    "half a character": (jsonl({**LEAST, "prompt": "\ud800"}), 1, "prompt holds a character"),
    "tags that are no list": (jsonl({**LEAST, "tags": "a"}), 1, "tags must be a list"),
    "an empty tag": (jsonl({**LEAST, "tags": [""]}), 1, "empty name"),
    "a time that is none": (jsonl(LEAST, {**LEAST, "created_at": "soon"}), 2, "soon"),
    "a creator that is no uuid": (jsonl({**LEAST, "creator_id": "me"}), 1, "must be a uuid"),
    "creator twice": (
        jsonl({**LEAST, "creator": "me", "creator_id": "00000000-0000-0000-0000-000000000001"}),
        1,
        "not both",
    ),
    "a text for true": (jsonl({**LEAST, "is_private": "yes"}), 1, "true or false"),
    "the same id twice": (jsonl({**LEAST, "id": 9}, LEAST, {**LEAST, "id": 9}), 3, "Item 9"),
}

WRONG_CSV: dict[str, tuple[bytes, int, str]] = {
    "too many cells": (b"source_type,content_type\nitems,x,y\n", 2, "more cells"),
    "an unknown column": (b"source_type,content_type,z\nitems,x,y\n", 2, "'z'"),
    "text for an id": (b"source_type,content_type,id\nitems,x,one\n", 2, "whole number"),
    "bad JSON": (b"source_type,content_type,item_metadata\nitems,x,{\n", 2, "not JSON"),
    "bad truth": (b"source_type,content_type,is_private\nitems,x,maybe\n", 2, "true or false"),
    "an open quote": (b'source_type,content_type\nitems,"x\n', 2, "not CSV"),
}


@pytest.mark.parametrize("what", WRONG)
def test_an_error_names_its_line(conn: psycopg.Connection, what: str) -> None:
    data, line, problem = WRONG[what]
    with pytest.raises(loading.LoadError, match=problem) as caught:
        load(conn, data)
    assert caught.value.line == line
    assert str(caught.value).startswith(f"Line {line}: ")
    assert value(conn, "SELECT count(*) FROM content_items_all") == 0


@pytest.mark.parametrize("what", WRONG_CSV)
def test_an_error_in_csv_names_its_line(conn: psycopg.Connection, what: str) -> None:
    data, line, problem = WRONG_CSV[what]
    with pytest.raises(loading.LoadError, match=problem) as caught:
        load(conn, data, kind="csv")
    assert caught.value.line == line


def test_a_broken_archive_is_told(conn: psycopg.Connection) -> None:
    with pytest.raises(loading.LoadError, match="not whole"):
        load(conn, gzip.compress(jsonl(*[LEAST] * 10))[:-9])


def test_an_unknown_creator_is_told_of_the_lines_it_is_in(conn: psycopg.Connection) -> None:
    stranger = {**LEAST, "creator_id": "00000000-0000-0000-0000-000000000001"}
    with pytest.raises(loading.LoadError, match=r"Lines 1 to 2: .*not present in table"):
        load(conn, jsonl(LEAST, stranger))


def test_a_long_name_that_compresses_is_taken(conn: psycopg.Connection) -> None:
    name = "x" * 100_000
    assert load(conn, jsonl({**LEAST, "tags": [name], "creator": name})).new_tags == 1
    assert Gallery(conn).count(tags_all=[name]) == 1


def test_when_no_id_is_left_the_line_that_needs_one_is_named(conn: psycopg.Connection) -> None:
    before = value(conn, "SELECT last_value FROM content_items_id_seq")
    conn.execute("SELECT setval('content_items_id_seq', 9223372036854775807)")
    try:
        with pytest.raises(loading.LoadError, match=r"^Line 2: There is no id left") as caught:
            load(conn, jsonl({**LEAST, "id": 1}, LEAST))
        assert "setval" in str(caught.value.hint)
    finally:
        conn.execute("SELECT setval('content_items_id_seq', %s)", [before])
