"""Every row of the contract's table of bad input, on every function that takes the argument.

Cursors have a file of their own, test_cursor.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import psycopg
import pytest

import calls
from calls import Connection
from galleries import SOURCE_TYPES, Gallery
from oracle import BEGINNING_OF_TIME, END_OF_TIME, Filter, Item, Sort, moment, ordered
from walks import check_walk, keys_of

A_TAG, ANOTHER_TAG, STRANGER, A_USER = (UUID(int=number) for number in (1, 2, 3, 4))
NAMES = {A_TAG: "a tag", ANOTHER_TAG: "another tag"}

# What every function that takes a filter is called with besides, where it needs more.
FILTER_FUNCTIONS: dict[str, dict[str, Any]] = {
    "gallery_page": {},
    "gallery_count": {},
    "gallery_facets": {},
    "gallery_cursor_at": {"rank": 0},
    "gallery_pick_strategy": {},
    "gallery_explain": {},
}
on_every_function = pytest.mark.parametrize("function", FILTER_FUNCTIONS)
SORT_FUNCTIONS = ("gallery_page", "gallery_cursor_at", "gallery_explain")
PAGE_FUNCTIONS = ("gallery_page", "gallery_explain")


@pytest.fixture(scope="module")
def database_url(module_database_url: str) -> str:
    """One database for the whole file: every test stores a gallery of its own in it."""
    return module_database_url


@pytest.fixture
def gallery(conn: Connection) -> Gallery:
    """Twenty items with both tags."""
    items = [
        Item(number, source, moment(number), 0.5, A_USER, tags=frozenset(NAMES))
        for number in range(10)
        for source in SOURCE_TYPES
    ]
    gallery = Gallery(items, dict(NAMES), [A_USER])
    calls.store(conn, gallery)
    return gallery


def call(conn: Connection, function: str, wanted: Filter | None = None, **others: Any) -> list[Any]:
    given = {**FILTER_FUNCTIONS.get(function, {}), **others}
    return calls.rows_of(conn, function, **calls.arguments(wanted or Filter(), **given))


def check_refused(
    conn: Connection, sqlstate: str, function: str, wanted: Filter | None = None, **others: Any
) -> None:
    """The call fails with that SQLSTATE, a message, and a HINT that says what to do."""
    with pytest.raises(psycopg.Error) as refusal:
        call(conn, function, wanted, **others)
    assert refusal.value.sqlstate == sqlstate
    assert refusal.value.diag.message_hint
    assert len(str(refusal.value)) < 2000, "what the caller sent does not come back whole"


def scans_during(conn: Connection, function: str, wanted: Filter, **others: Any) -> int:
    """How many scans of items or their tags a call begins."""
    count = (
        "SELECT sum(coalesce(pg_stat_get_xact_numscans(oid), 0)) FROM pg_class"
        " WHERE oid::regclass::text ~ '^content_(items|tags)'"
    )
    with conn.transaction():
        before = conn.execute(count).fetchone()
        call(conn, function, wanted, **others)
        after = conn.execute(count).fetchone()
    assert before is not None and after is not None
    return int(after[0] - before[0])


# --- refused: TG004 ---


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(tags_all=[A_TAG, None]),  # type: ignore[list-item]
        Filter(tags_any=[None]),  # type: ignore[list-item]
        Filter(tags_none=[None, A_TAG, None]),  # type: ignore[list-item]
        Filter(content_source_types=[None]),  # type: ignore[list-item]
        Filter(content_source_types=["community-auto", None]),  # type: ignore[list-item]
        Filter(creators=[A_USER, None]),  # type: ignore[list-item]
        Filter(content_types=["image", None]),  # type: ignore[list-item]
    ],
    ids=str,
)
@on_every_function
def test_a_null_element_is_refused(conn: Connection, function: str, wanted: Filter) -> None:
    check_refused(conn, "TG004", function, wanted)


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(content_source_types=["regular"]),
        Filter(content_source_types=["community-auto", "Community-Regular"], viewer=A_USER),
        Filter(content_source_types=[""]),
        Filter(content_source_types=["x" * 100_000]),
        Filter(content_source_types=["'; DROP TABLE tags; --"]),
        Filter(created_from=moment(1), created_before=moment(0)),
        Filter(created_from=END_OF_TIME, created_before=BEGINNING_OF_TIME),
        Filter(min_quality=float("nan")),
    ],
    ids=lambda wanted: str(wanted)[:80],
)
@on_every_function
def test_an_argument_out_of_range_is_refused(
    conn: Connection, function: str, wanted: Filter
) -> None:
    check_refused(conn, "TG004", function, wanted)


@on_every_function
@pytest.mark.parametrize("kind", ["user-regular", "user-auto"])
def test_the_viewers_own_sources_are_refused_without_a_viewer(
    conn: Connection, function: str, kind: str
) -> None:
    for kinds in ([kind], ["community-regular", kind], [kind, kind]):
        check_refused(conn, "TG004", function, Filter(content_source_types=kinds))


@on_every_function
def test_a_contradiction_does_not_hide_an_argument_out_of_range(
    conn: Connection, function: str
) -> None:
    nothing = Filter(tags_all=[A_TAG], tags_none=[A_TAG], creators=[])
    check_refused(conn, "TG004", function, replace(nothing, content_source_types=["nonsense"]))
    check_refused(conn, "TG004", function, replace(nothing, min_quality=float("nan")))


@pytest.mark.parametrize("page_size", [0, -1, 501, 10**9, -(2**31), 2**31 - 1])
@pytest.mark.parametrize("function", PAGE_FUNCTIONS)
def test_a_page_size_out_of_range_is_refused(
    conn: Connection, gallery: Gallery, function: str, page_size: int
) -> None:
    check_refused(conn, "TG004", function, page_size=page_size)
    check_refused(conn, "TG004", function, Filter(creators=[]), page_size=page_size)


@pytest.mark.parametrize("page_size", [1, 500])
def test_the_ends_of_the_range_of_page_size_are_taken(
    conn: Connection, gallery: Gallery, page_size: int
) -> None:
    assert len(calls.page(conn, Filter(), page_size=page_size).keys) == min(page_size, 20)


@pytest.mark.parametrize("odd", ["", "Desc", "created_at desc", "id", "random()", "x" * 100_000])
@pytest.mark.parametrize("argument", ["sort_field", "sort_order"])
@pytest.mark.parametrize("function", SORT_FUNCTIONS)
def test_an_unknown_sort_is_refused(
    conn: Connection, gallery: Gallery, function: str, argument: str, odd: str
) -> None:
    for wanted in (Filter(), Filter(creators=[])):
        check_refused(conn, "TG004", function, wanted, **{argument: odd})


@pytest.mark.parametrize("odd", ["", "Bitmap", "ordered_walk(", "x'); --", "x" * 100_000, "Ω"])
@pytest.mark.parametrize("function", PAGE_FUNCTIONS)
def test_an_unknown_strategy_is_refused(
    conn: Connection, gallery: Gallery, function: str, odd: str
) -> None:
    check_refused(conn, "TG004", function, strategy=odd)
    check_refused(conn, "TG004", function, Filter(creators=[]), strategy=odd)


@pytest.mark.parametrize("rank", [-1, -(2**63)])
def test_a_negative_rank_is_refused(conn: Connection, gallery: Gallery, rank: int) -> None:
    check_refused(conn, "TG004", "gallery_cursor_at", rank=rank)


@pytest.mark.parametrize("facet_limit", [0, -1])
def test_a_facet_limit_out_of_range_is_refused(
    conn: Connection, gallery: Gallery, facet_limit: int
) -> None:
    check_refused(conn, "TG004", "gallery_facets", facet_limit=facet_limit)


# --- nothing there ---


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(tags_all=[STRANGER]),
        Filter(tags_all=[A_TAG, STRANGER]),
        Filter(tags_any=[STRANGER]),
        Filter(creators=[STRANGER]),
        Filter(content_types=["no such type"]),
        Filter(viewer=STRANGER, content_source_types=["user-regular", "user-auto"]),
    ],
    ids=str,
)
def test_what_nobody_has_is_an_empty_page(
    conn: Connection, gallery: Gallery, wanted: Filter
) -> None:
    assert calls.page(conn, wanted) == calls.Page([], None, None)
    assert call(conn, "gallery_count", wanted) == [(0,)]


def test_an_unknown_tag_that_is_not_wanted_excludes_nothing(
    conn: Connection, gallery: Gallery
) -> None:
    assert len(calls.page(conn, Filter(tags_none=[STRANGER])).keys) == 20
    assert len(calls.page(conn, Filter(tags_any=[STRANGER, A_TAG])).keys) == 20


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(tags_all=[A_TAG, ANOTHER_TAG], tags_none=[ANOTHER_TAG]),
        Filter(tags_any=[A_TAG, ANOTHER_TAG], tags_none=[ANOTHER_TAG, A_TAG, STRANGER]),
        Filter(tags_any=[]),
        Filter(creators=[]),
        Filter(content_types=[]),
        Filter(content_source_types=[]),
        Filter(created_from=moment(5), created_before=moment(5)),
    ],
    ids=str,
)
@pytest.mark.parametrize("function", ["gallery_page", "gallery_count", "gallery_facets"])
def test_a_contradiction_is_empty_without_scanning(
    conn: Connection, gallery: Gallery, function: str, wanted: Filter
) -> None:
    assert scans_during(conn, function, Filter()) > 0, "the measure sees the scans there are"
    assert scans_during(conn, function, wanted) == 0
    assert call(conn, function, wanted) == ([(0,)] if function == "gallery_count" else [])


@pytest.mark.parametrize("wanted", [Filter(tags_all=[]), Filter(tags_none=[]), Filter(search=" ")])
def test_an_empty_list_of_wanted_or_excluded_tags_is_no_condition(
    conn: Connection, gallery: Gallery, wanted: Filter
) -> None:
    assert calls.page(conn, wanted) == calls.page(conn, Filter())


# --- unknown names ---


def test_tag_names_become_ids_in_the_order_of_the_names(conn: Connection, gallery: Gallery) -> None:
    def tag_ids(*names: str) -> list[UUID]:
        row = conn.execute("SELECT gallery_tag_ids(%s::text[])", (list(names),)).fetchone()
        assert row is not None
        ids: list[UUID] = row[0]
        return ids

    assert tag_ids("another tag", "a tag", "another tag") == [ANOTHER_TAG, A_TAG, ANOTHER_TAG]
    assert tag_ids() == []


@pytest.mark.parametrize(
    ("names", "sqlstate"),
    [
        (["a tag", "no such tag"], "TG003"),
        (["A tag"], "TG003"),
        (["a tag "], "TG003"),
        (["a%"], "TG003"),
        (["a_tag"], "TG003"),
        ([""], "TG003"),
        (["x" * 100_000], "TG003"),
        (["'; DROP TABLE tags; --"], "TG003"),
        (["a tag", None], "TG004"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_unknown_tag_name_is_refused(
    conn: Connection, gallery: Gallery, names: list[str | None], sqlstate: str
) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        conn.execute("SELECT gallery_tag_ids(%s::text[])", (names,))
    assert refusal.value.sqlstate == sqlstate
    assert refusal.value.diag.message_hint
    assert len(str(refusal.value)) < 2000, "what the caller sent does not come back whole"


STRANGE_TEXTS = (
    "it's",
    'a "quoted" text',
    "back\\slash",
    "\\",
    "%",
    "_",
    "100%",
    "a_b",
    "{}",
    "{a,b}",
    "NULL",
    "$1 :name %s %(x)s ?",
    "'; DROP TABLE tags; --",
    "\U0001f408\u200d\u2b1b 猫",
    "tab\tand\nnewline",
    "x" * 4000,
)


def test_strange_tag_names_are_taken_literally(conn: Connection) -> None:
    texts = (*STRANGE_TEXTS, "x" * 100_000)
    names = {UUID(int=100 + number): name for number, name in enumerate(texts)}
    calls.store(conn, Gallery([], names, []))
    for tag, name in names.items():
        assert conn.execute("SELECT gallery_tag_ids(%s::text[])", ([name],)).fetchone() == ([tag],)


# --- odd texts in search ---


@pytest.mark.parametrize("text", STRANGE_TEXTS, ids=lambda text: ascii(text)[:30])
@pytest.mark.parametrize("column", ["title", "prompt"])
def test_strange_texts_are_searched_for_literally(conn: Connection, text: str, column: str) -> None:
    """Found where they stand, and not where they would match as a pattern."""
    decoys = ["", "plain", "100 percent", "aXb", "back slash", "slash", "it s", "x" * 3999]
    texts = [text, f"before {text} after", text.upper(), *decoys]
    fields: list[dict[str, Any]] = [{column: value} for value in texts]
    items = [Item(number, "items", moment(number), **given) for number, given in enumerate(fields)]
    calls.store(conn, Gallery(items, {}, []))
    for search in (text, text.upper(), f"{text} {text}", f'"{text}"'):
        wanted = Filter(search=search)
        expected = keys_of(ordered(items, wanted, Sort()))
        assert calls.page(conn, wanted).keys == expected, search[:60]
        assert call(conn, "gallery_count", wanted) == [(len(expected),)]


# --- bounds ---

MOST_ELEMENTS = 5000
MOST_SEARCH_BYTES = 8192
ID_ARRAYS = ("tags_all", "tags_any", "tags_none", "creators")
ARRAYS = (*ID_ARRAYS, "content_types", "content_source_types")


def many(argument: str, number: int) -> list[Any]:
    """So many elements that an array argument takes, of which the first few are in use."""
    if argument in ID_ARRAYS:
        return [UUID(int=element) for element in range(1, number + 1)]
    if argument == "content_types":
        return ["image", *(f"type {element}" for element in range(1, number))]
    return ["community-auto"] * number


@pytest.mark.parametrize("argument", ARRAYS)
@on_every_function
def test_an_array_of_too_many_elements_is_refused(
    conn: Connection, function: str, argument: str
) -> None:
    for number in (MOST_ELEMENTS + 1, 100_000):
        elements: dict[str, Any] = {argument: many(argument, number)}
        check_refused(conn, "TG004", function, Filter(**elements))


@on_every_function
def test_arrays_that_together_have_too_many_elements_are_refused(
    conn: Connection, function: str
) -> None:
    share = MOST_ELEMENTS // len(ARRAYS)
    elements: dict[str, Any] = {argument: many(argument, share) for argument in ARRAYS}
    elements["tags_none"] = many("tags_none", MOST_ELEMENTS + 1 - share * (len(ARRAYS) - 1))
    check_refused(conn, "TG004", function, Filter(**elements))


@pytest.mark.parametrize("argument", ARRAYS)
def test_an_array_of_as_many_elements_as_may_be_is_taken(
    conn: Connection, gallery: Gallery, argument: str
) -> None:
    elements: dict[str, Any] = {argument: many(argument, MOST_ELEMENTS)}
    wanted = Filter(**elements)
    expected = keys_of(ordered(gallery.items, wanted, Sort()))
    assert calls.page(conn, wanted).keys == expected
    assert call(conn, "gallery_count", wanted) == [(len(expected),)]


@pytest.mark.parametrize("strategy", calls.STRATEGIES)
@pytest.mark.parametrize("argument", ["tags_all", "tags_any", "tags_none"])
def test_a_thousand_tags_work(
    conn: Connection, gallery: Gallery, argument: str, strategy: str | None
) -> None:
    tags = {UUID(int=number): f"tag {number}" for number in range(1, 1001)}
    laden = Item(99, "items", moment(99), tags=frozenset(tags))
    calls.store(conn, Gallery([*gallery.items, laden], tags, [A_USER]))
    conn.execute("CALL gallery_rebuild()")
    elements: dict[str, Any] = {argument: list(tags)}
    wanted = Filter(**elements)
    expected = keys_of(ordered([*gallery.items, laden], wanted, Sort()))
    check_walk(conn, wanted, Sort(), 9, expected, strategy=strategy)


def test_tags_that_are_both_wanted_and_excluded_are_found_among_thousands(
    conn: Connection, gallery: Gallery
) -> None:
    half = many("tags_all", MOST_ELEMENTS // 2)
    for wanted in (
        Filter(tags_all=half, tags_none=[half[-1]]),
        Filter(tags_any=half, tags_none=half),
    ):
        assert scans_during(conn, "gallery_page", wanted) == 0
    fewer = Filter(tags_any=half, tags_none=half[1:])
    assert calls.page(conn, fewer).keys == keys_of(ordered(gallery.items, fewer, Sort()))


def test_the_tags_of_an_item_are_looked_through_once_however_many_are_excluded(
    conn: Connection, gallery: Gallery
) -> None:
    tags = {UUID(int=number): f"tag {number}" for number in range(2, 2002, 2)}
    laden = Item(99, "items", moment(99), tags=frozenset(tags))
    calls.store(conn, Gallery([*gallery.items, laden], NAMES | tags, [A_USER]))
    strangers = [UUID(int=number) for number in range(3, 2003, 2)]
    walks = [
        scans_during(conn, "gallery_page", Filter(tags_none=excluded), strategy="ordered_walk")
        for excluded in (strangers[::500], strangers)
    ]
    assert walks[0] == walks[1]


def test_names_and_source_types_of_tags_have_a_bound(conn: Connection, gallery: Gallery) -> None:
    for call_text, element in (
        ("gallery_tag_ids(%s::text[])", "a tag"),
        ("gallery_tags(source_types => %s::text[])", "items"),
    ):
        query = calls.query(f"SELECT * FROM {call_text}")
        conn.execute(query, ([element] * MOST_ELEMENTS,))
        with pytest.raises(psycopg.Error) as refusal:
            conn.execute(query, ([element] * (MOST_ELEMENTS + 1),))
        assert refusal.value.sqlstate == "TG004"
        assert refusal.value.diag.message_hint


@pytest.mark.parametrize(
    "search",
    [
        "x" * (MOST_SEARCH_BYTES + 1),
        "\u00e9" * (MOST_SEARCH_BYTES // 2 + 1),
        '"' * 300_000,
        "word " * 20_000,
    ],
    ids=lambda search: f"{search[:5]} {len(search)}",
)
@on_every_function
def test_a_search_of_too_many_bytes_is_refused(
    conn: Connection, function: str, search: str
) -> None:
    check_refused(conn, "TG004", function, Filter(search=search))


@pytest.mark.parametrize(
    "search",
    [
        " ".join(f"{number}_word" for number in range(700)),
        "a b c d" + ' "' * ((MOST_SEARCH_BYTES - 7) // 2),
        '"' * MOST_SEARCH_BYTES,
        "x" * MOST_SEARCH_BYTES,
        "\u00e9" * (MOST_SEARCH_BYTES // 2),
    ],
    ids=lambda search: f"{search[:5]} {len(search)}",
)
def test_a_search_of_as_many_bytes_as_may_be_is_taken_literally(
    conn: Connection, search: str
) -> None:
    half = len(search) // 2
    items = [
        Item(1, "items", moment(1), title=search),
        Item(2, "items", moment(2), title=search[:-1]),
        Item(3, "items", moment(3), title=search[:half], prompt=search[half:]),
    ]
    calls.store(conn, Gallery(items, {}, []))
    wanted = Filter(search=search.upper())
    assert calls.page(conn, wanted).keys == keys_of(ordered(items, wanted, Sort()))


def test_the_sources_of_tags_are_found_in_an_array_of_any_shape(
    conn: Connection, gallery: Gallery
) -> None:
    conn.execute("CALL gallery_refresh()")
    for shape in ("{items}", "[0:0]={items}", "[5:6]={items,items}", "{{items}}"):
        rows = conn.execute(
            "SELECT name, item_count FROM gallery_tags(source_types => %s::text[])", (shape,)
        ).fetchall()
        assert rows == [("a tag", 10), ("another tag", 10)]


@pytest.mark.parametrize("shape", ["{a tag,nobody}", "[0:1]={a tag,nobody}", "{{a tag},{nobody}}"])
def test_an_unknown_name_is_named_in_an_array_of_any_shape(
    conn: Connection, gallery: Gallery, shape: str
) -> None:
    with pytest.raises(psycopg.Error, match="unknown tag 'nobody'"):
        conn.execute("SELECT gallery_tag_ids(%s::text[])", (shape,))
