"""A cursor is exact, bound to its filter and sort, and refused when a single character differs."""

from __future__ import annotations

import base64
import json
import string
from dataclasses import fields, replace
from random import Random
from typing import Any
from uuid import UUID

import psycopg
import pytest

import calls
from calls import Connection
from galleries import SOURCE_TYPES, Gallery, random_filter, random_gallery, random_uuid
from oracle import (
    BEGINNING_OF_TIME,
    END_OF_TIME,
    IDES_OF_MARCH,
    SORTS,
    Filter,
    Item,
    Sort,
    moment,
    ordered,
)
from walks import check_walk, keys_of

BASE64URL = string.ascii_letters + string.digits + "-_"
A_TAG, ANOTHER_TAG, A_USER, ANOTHER_USER = (UUID(int=number) for number in (1, 2, 3, 4))


@pytest.fixture(scope="module")
def database_url(module_database_url: str) -> str:
    """One database for the whole file: every test stores a gallery of its own in it."""
    return module_database_url


@pytest.fixture
def gallery(conn: Connection) -> Gallery:
    """Thirty items alike, so that every filter below finds several pages of them."""
    tags = {A_TAG: "a tag", ANOTHER_TAG: "another tag"}
    items = [
        Item(
            number,
            source,
            moment(number // 4),
            quality_score=number % 3 or None,
            creator_id=A_USER,
            title="a title",
            tags=frozenset(tags),
        )
        for number in range(1, 16)
        for source in SOURCE_TYPES
    ]
    gallery = Gallery(items, tags, [A_USER, ANOTHER_USER])
    calls.store(conn, gallery)
    return gallery


def sqlstates(conn: Connection, cursors: list[str], **given: str) -> set[str]:
    """The SQLSTATEs with which a page is refused for these cursors; '00000' where it is not."""
    conn.execute(
        """
        CREATE OR REPLACE FUNCTION pg_temp.sqlstate_of(a_cursor text, a_field text)
        RETURNS text LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM * FROM public.gallery_page(
                page_size => 3, cursor => a_cursor, sort_field => a_field);
            RETURN '00000';
        EXCEPTION WHEN OTHERS THEN
            RETURN sqlstate;
        END $$
        """
    )
    rows = conn.execute(
        "SELECT DISTINCT pg_temp.sqlstate_of(c, %s) FROM unnest(%s::text[]) c",
        (given.get("sort_field"), cursors),
    )
    return {row[0] for row in rows}


def some_cursor(conn: Connection, wanted: Filter | None = None, sort: Sort | None = None) -> str:
    """The cursor of the second page of three items."""
    cursor = calls.page(conn, wanted or Filter(), sort or Sort(), page_size=3).next_cursor
    assert cursor is not None
    return cursor


def payload(cursor: str) -> bytes:
    return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))


def encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


# --- what a cursor looks like ---


def test_a_cursor_is_base64url_of_a_compact_json_object(conn: Connection, gallery: Gallery) -> None:
    for sort in SORTS:
        cursor = some_cursor(conn, sort=sort)
        assert set(cursor) <= set(BASE64URL)
        content = payload(cursor).decode()
        assert isinstance(json.loads(content), dict)
        assert json.dumps(json.loads(content), separators=(",", ":")) == content


# --- changed, cut, lengthened, foreign ---


@pytest.mark.parametrize("sort_field", ["created_at", "quality_score"])
@pytest.mark.parametrize("direction", ["next_cursor", "prev_cursor"])
def test_a_cursor_with_any_one_character_changed_is_refused(
    conn: Connection, gallery: Gallery, sort_field: str, direction: str
) -> None:
    first = some_cursor(conn, sort=Sort(sort_field))
    second = calls.page(conn, Filter(), Sort(sort_field), page_size=3, cursor=first)
    cursor = getattr(second, direction)
    changed = [
        cursor[:at] + other + cursor[at + 1 :]
        for at in range(len(cursor))
        for other in BASE64URL + "=+/ \né\u200b"
        if other != cursor[at]
    ]
    assert sqlstates(conn, changed, sort_field=sort_field) == {"TG001"}


def test_a_cursor_cut_lengthened_or_rearranged_is_refused(
    conn: Connection, gallery: Gallery
) -> None:
    cursor = some_cursor(conn)
    pieces = [cursor[:at] for at in range(len(cursor))]
    pieces += [cursor[at:] for at in range(1, len(cursor))]
    pieces += [cursor[:at] + cursor[at + 1 :] for at in range(len(cursor))]
    pieces += [
        cursor[:at] + extra + cursor[at:]
        for at in range(len(cursor) + 1)
        for extra in ("A", "=", "==", " ", "\n", "\r\n", "\t", "AAAA", "\u00a0")
    ]
    pieces += [
        cursor[:at] + cursor[at + 1] + cursor[at] + cursor[at + 2 :]
        for at in range(len(cursor) - 1)
        if cursor[at] != cursor[at + 1]
    ]
    pieces += [cursor * 2, cursor[::-1], cursor.lower(), cursor.upper(), cursor.swapcase()]
    pieces += [cursor.replace("_", "/").replace("-", "+") + "=" * (-len(cursor) % 4)]
    assert sqlstates(conn, [piece for piece in pieces if piece != cursor]) == {"TG001"}


def test_strings_that_never_were_cursors_are_refused(conn: Connection, gallery: Gallery) -> None:
    foreign = [
        "",
        " ",
        "0",
        "null",
        "next",
        "====",
        "eyJ2IjoxfQ",
        "'; DROP TABLE tags; --",
        "\U0001f408" * 20,
        "%s%n",
        "\\x00",
        encode(b""),
        encode(b"\x00"),
        encode(b"\xff\xfe\xfd"),
        encode(b"{}"),
        encode(b"[]"),
        encode(b"null"),
        encode(b'{"v":1}'),
        encode(b'{"v":1,"v":1}'),
        encode(b'{"v":"\\u0000"}'),
        encode(b'{"v":1e999999}'),
        encode(b'{"v":' + b"9" * 500 + b"}"),
        encode(b"[" * 10_000 + b"]" * 10_000),
        encode(b'{"a":' * 5_000 + b"1" + b"}" * 5_000),
        encode(Random(1).randbytes(90)),
    ]
    assert sqlstates(conn, foreign) == {"TG001"}


def test_a_cursor_of_another_version_or_rewritten_inside_is_refused(
    conn: Connection, gallery: Gallery
) -> None:
    """Whoever decodes a cursor, edits it and encodes it again has no cursor any more."""
    content = json.loads(payload(some_cursor(conn)))
    edited = []
    for name, value in content.items():
        others: list[Any] = [None, [], {}, "", True, 0, -1, 10**30, "x", [value], {name: value}]
        if isinstance(value, int):
            others += [value + 1, float(value) + 0.5, str(value)]
        edited += [content | {name: other} for other in others if other != value]
        edited.append({key: kept for key, kept in content.items() if key != name})
    edited += [content | {"another": 1}, dict(reversed(content.items()))]
    texts = [json.dumps(one, separators=(",", ":")) for one in edited]
    texts += [json.dumps(content), json.dumps(content, indent=1), json.dumps([content])]
    assert sqlstates(conn, [encode(text.encode()) for text in texts]) == {"TG001"}


@pytest.mark.parametrize("megabytes", [1, 20])
def test_a_cursor_megabytes_long_is_refused_without_being_read(
    conn: Connection, gallery: Gallery, megabytes: int
) -> None:
    size = megabytes * 2**20
    cursor = some_cursor(conn)
    for text in (
        "A" * size,
        cursor + "A" * size,
        "A" * size + cursor,
        cursor + "\n" * size,
        encode(b'{"v":1,"i":' + b"1" * size + b"}"),
        encode(b"[" * size),
        "é" * (size // 2),
    ):
        with pytest.raises(psycopg.Error) as refusal:
            calls.page(conn, Filter(), cursor=text)
        assert refusal.value.sqlstate == "TG001"
        assert len(str(refusal.value)) < 1000, "the caller's megabytes do not come back"


# --- of another filter or sort ---

BASE = Filter(
    tags_all=[A_TAG],
    viewer=A_USER,
    content_source_types=["user-regular", "user-auto"],
    creators=[A_USER],
    content_types=["image"],
    search="title",
    created_from=moment(0),
    created_before=moment(100),
)


@pytest.mark.parametrize(
    "change",
    [
        {"tags_all": None},
        {"tags_all": [ANOTHER_TAG]},
        {"tags_all": [A_TAG, ANOTHER_TAG]},
        {"tags_any": [A_TAG, ANOTHER_USER], "tags_all": None},
        {"tags_none": [ANOTHER_USER]},
        {"tags_none": [A_USER]},
        {"viewer": ANOTHER_USER},
        {"viewer": None, "content_source_types": None},
        {"content_source_types": ["user-regular"]},
        {"content_source_types": ["user-regular", "community-regular", "user-auto"]},
        {"content_source_types": None},
        {"creators": None},
        {"creators": [A_USER, ANOTHER_USER]},
        {"content_types": None},
        {"content_types": ["image", "title"]},
        {"search": None},
        {"search": "titl"},
        {"search": "title a"},
        {"search": "image"},
        {"created_from": None},
        {"created_from": moment(-1)},
        {"created_from": BEGINNING_OF_TIME},
        {"created_before": None},
        {"created_before": moment(101)},
        {"created_before": END_OF_TIME},
        {"min_quality": 0.5},
    ],
    ids=str,
)
def test_a_cursor_of_another_filter_is_refused(
    conn: Connection, gallery: Gallery, change: dict[str, object]
) -> None:
    other = replace(BASE, **change)  # type: ignore[arg-type]
    for made_for, used_with in ((BASE, other), (other, BASE)):
        if cursor := calls.page(conn, made_for, page_size=3).next_cursor:
            with pytest.raises(psycopg.Error) as refusal:
                calls.page(conn, used_with, page_size=3, cursor=cursor)
            assert refusal.value.sqlstate == "TG002"


def test_a_cursor_of_another_sort_is_refused(conn: Connection, gallery: Gallery) -> None:
    for made_for in SORTS:
        cursor = some_cursor(conn, sort=made_for)
        for used_with in SORTS:
            if used_with != made_for:
                with pytest.raises(psycopg.Error) as refusal:
                    calls.page(conn, Filter(), used_with, page_size=3, cursor=cursor)
                assert refusal.value.sqlstate == "TG002"


@pytest.mark.parametrize("quality", [0.1, 0.1 + 0.2, 1e-300, 1e300])
def test_a_cursor_of_a_quality_one_bit_apart_is_refused(
    conn: Connection, gallery: Gallery, quality: float
) -> None:
    conn.execute("UPDATE content_items_all SET quality_score = 1e301")
    cursor = some_cursor(conn, Filter(min_quality=quality))
    neighbour = quality * (1 + 2**-52)
    assert neighbour != quality
    with pytest.raises(psycopg.Error) as refusal:
        calls.page(conn, Filter(min_quality=neighbour), cursor=cursor)
    assert refusal.value.sqlstate == "TG002"


def test_the_order_and_repetition_of_a_set_do_not_change_the_cursor(
    conn: Connection, gallery: Gallery
) -> None:
    one = Filter(
        tags_all=[A_TAG, ANOTHER_TAG],
        tags_any=[ANOTHER_TAG, A_USER],
        tags_none=[A_USER, ANOTHER_USER],
        content_source_types=["user-regular", "community-auto"],
        viewer=A_USER,
        creators=[A_USER, ANOTHER_USER],
        content_types=["image", "video"],
    )
    shuffled: dict[str, Any] = {
        field.name: list(reversed(value)) * 3
        for field in fields(one)
        if isinstance(value := getattr(one, field.name), list)
    }
    other = replace(one, **shuffled)
    first = calls.page(conn, one, page_size=3)
    assert first.next_cursor is not None
    assert calls.page(conn, other, page_size=3) == first
    second = calls.page(conn, one, page_size=3, cursor=first.next_cursor)
    assert calls.page(conn, other, page_size=3, cursor=first.next_cursor) == second


def test_a_cursor_does_not_depend_on_page_size_or_strategy(
    conn: Connection, gallery: Gallery
) -> None:
    expected = keys_of(ordered(gallery.items, Filter(), Sort()))
    for strategy in (None, "ordered_walk"):
        for page_size in (1, 2, 5):
            first = calls.page(conn, Filter(), Sort(), page_size=page_size)
            turned = calls.page(
                conn, Filter(), Sort(), page_size=7, cursor=first.next_cursor, strategy=strategy
            )
            assert turned.keys == expected[page_size : page_size + 7]


# --- the position ---


def test_a_cursor_holds_its_place_to_the_microsecond(conn: Connection) -> None:
    moments = [
        moment(-1),
        moment(0),
        moment(1),
        moment(999_999),
        moment(1_000_000),
        moment(10**15 + 1),
        moment(10**15 + 2),
        BEGINNING_OF_TIME,
        END_OF_TIME,
        IDES_OF_MARCH,
    ]
    gallery = Gallery([Item(1 + at, "items", when) for at, when in enumerate(moments)], {}, [])
    calls.store(conn, gallery)
    for order in ("desc", "asc"):
        sort = Sort("created_at", order)
        check_walk(conn, Filter(), sort, 1, keys_of(ordered(gallery.items, Filter(), sort)))


def test_a_cursor_holds_its_quality_to_the_last_bit(conn: Connection) -> None:
    qualities = [
        0.1,
        0.1 + 2**-56,
        0.30000000000000004,
        0.3,
        5e-324,
        0.0,
        -5e-324,
        1e308,
        float("inf"),
        float("-inf"),
        float("nan"),
        None,
        1 / 3,
    ]
    gallery = Gallery(
        [Item(1 + at, "auto", moment(0), quality) for at, quality in enumerate(qualities)], {}, []
    )
    calls.store(conn, gallery)
    for order in ("desc", "asc"):
        sort = Sort("quality_score", order)
        check_walk(conn, Filter(), sort, 1, keys_of(ordered(gallery.items, Filter(), sort)))


def test_equal_ids_and_times_in_both_partitions_are_told_apart(conn: Connection) -> None:
    gallery = Gallery(
        [
            Item(number, source, moment(0), 0.5)
            for number in (1, 2, -(2**63), 2**63 - 1)
            for source in SOURCE_TYPES
        ],
        {},
        [],
    )
    calls.store(conn, gallery)
    for sort in SORTS:
        for page_size in (1, 2, 3, 8):
            expected = keys_of(ordered(gallery.items, Filter(), sort))
            check_walk(conn, Filter(), sort, page_size, expected)


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM content_items_all WHERE {item}",
        "UPDATE content_items_all SET created_at = '1999-01-01Z', quality_score = -7 WHERE {item}",
        "UPDATE content_items_all SET created_at = '2030-01-01Z', quality_score = 99 WHERE {item}",
        "UPDATE content_items_all SET quality_score = NULL WHERE {item}",
        "UPDATE content_items_all SET is_private = true WHERE {item}",
        "UPDATE content_items_all SET id = 1000 + id WHERE {item}",
        "DELETE FROM content_tags WHERE (content_id, content_source) IN"
        " (SELECT id, source_type FROM content_items_all WHERE {item})",
    ],
    ids=[
        "deleted",
        "now first",
        "now last",
        "without quality",
        "private",
        "renumbered",
        "untagged",
    ],
)
def test_a_cursor_stays_good_when_its_item_is_changed(
    conn: Connection, gallery: Gallery, change: str
) -> None:
    """The pages after and before the place are what they would have been without that item."""
    wanted = Filter(tags_all=[A_TAG])
    for sort in SORTS:
        calls.store(conn, gallery)
        expected = keys_of(ordered(gallery.items, wanted, sort))
        first = calls.page(conn, wanted, sort, page_size=8)
        number, source = first.keys[-1]
        item = f"id = {number} AND source_type = '{source}'"
        conn.execute(calls.query(change.format(item=item)))
        now = keys_of(ordered(calls.read_items(conn), wanted, sort))
        others = [key for key in now if key in expected and key != (number, source)]
        after = calls.page(conn, wanted, sort, page_size=8, cursor=first.next_cursor)
        untouched = [key for key in after.keys if key in expected and key != (number, source)]
        assert untouched == [key for key in others if key not in first.keys][: len(untouched)]
        assert len(after.keys) == 8
        assert after.prev_cursor is not None
        back = calls.page(conn, wanted, sort, page_size=100, cursor=after.prev_cursor)
        assert [key for key in back.keys if key in others] == [
            key for key in others if key in first.keys
        ]


def test_cursors_are_exact_when_all_that_lay_behind_them_is_gone(
    conn: Connection, gallery: Gallery
) -> None:
    """A next or previous page is promised only where there is one at this moment."""
    for sort in SORTS:
        calls.store(conn, gallery)
        expected = ordered(gallery.items, Filter(), sort)
        first = calls.page(conn, Filter(), sort, page_size=5)
        for item in expected[:5]:
            conn.execute(
                "DELETE FROM content_items_all WHERE (id, source_type) = (%s, %s)", item.key
            )
        second = calls.page(conn, Filter(), sort, page_size=5, cursor=first.next_cursor)
        assert second.keys == keys_of(expected[5:10])
        assert second.prev_cursor is None
        for item in expected[5:]:
            conn.execute(
                "DELETE FROM content_items_all WHERE (id, source_type) = (%s, %s)", item.key
            )
        assert calls.page(conn, Filter(), sort, cursor=first.next_cursor).keys == []


def test_random_filters_never_accept_each_others_cursors(conn: Connection) -> None:
    """A foreign cursor is refused unless both filters mean the very same."""
    random = Random(29)
    gallery = random_gallery(random, 120)
    calls.store(conn, gallery)
    filters = [random_filter(random, gallery) for _ in range(60)]
    results = [(wanted, ordered(gallery.items, wanted, Sort())) for wanted in filters]
    for made_for, result in results:
        cursor = calls.page(conn, made_for, page_size=1).next_cursor
        if cursor is None:
            continue
        for used_with, other_result in results:
            if result != other_result:
                with pytest.raises(psycopg.Error) as refusal:
                    calls.page(conn, used_with, cursor=cursor)
                assert refusal.value.sqlstate == "TG002"


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/St_Johns"])
def test_a_cursor_made_under_other_session_settings_is_accepted(
    conn: Connection, gallery: Gallery, zone: str
) -> None:
    wanted = Filter(created_from=moment(0), created_before=moment(7), min_quality=0.1 + 0.2)
    for sort in SORTS:
        expected = calls.page(conn, wanted, sort, page_size=3)
        with calls.settings(conn, timezone=zone, datestyle="SQL, DMY", extra_float_digits="-15"):
            assert calls.page(conn, wanted, sort, page_size=3) == expected
            cursor = expected.next_cursor
            second = calls.page(conn, wanted, sort, page_size=3, cursor=cursor)
        assert calls.page(conn, wanted, sort, page_size=3, cursor=cursor) == second


def test_a_page_over_a_stranger_tag_has_no_cursor(conn: Connection, gallery: Gallery) -> None:
    turned = calls.page(conn, Filter(tags_all=[random_uuid(Random(3))]))
    assert turned == calls.Page([], None, None)
