"""Every page, count, facet and jump is the oracle's, whatever the gallery and the filter."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import calls
from calls import STRATEGIES, Connection
from galleries import (
    SOURCE_TYPES,
    THREE_SOURCES,
    Gallery,
    examples,
    random_filter,
    random_gallery,
    random_uuid,
    seeds,
    sizes,
)
from index_states import STATES, USABLE, State, rebuilt, refreshed
from oracle import SORTS, Filter, Item, Sort, facets, matches, moment, ordered
from walks import check_walk, keys_of

FILTERS_A_GALLERY = 25


@pytest.fixture(scope="module")
def database_url(small_index_url: str) -> str:
    return small_index_url


@pytest.fixture(params=STRATEGIES, ids=lambda strategy: strategy or "planner")
def strategy(request: pytest.FixtureRequest) -> str | None:
    """Every strategy, and the planner's choice."""
    name: str | None = request.param
    return name


def random_page_size(random: Random, length: int) -> int:
    """From a few items a page to more than there are, and exactly as many as there are."""
    if length <= 20:
        return random.randint(1, length + 1)
    few = 1 + length // 12
    return random.choice((few, few + random.randrange(length // 4), length, length + 1, 500))


# --- gallery_page ---


@given(seed=seeds(), size=sizes(), state=st.sampled_from(STATES))
@examples(15)
def test_walking_to_the_end_and_back_gives_exactly_the_oracles_pages(
    conn: Connection, strategy: str | None, seed: int, size: int, state: State
) -> None:
    assume(strategy != "bitmap" or state in USABLE)
    random = Random(seed)
    gallery = random_gallery(random, size, sources=THREE_SOURCES)
    state(conn, random, gallery)
    for _ in range(FILTERS_A_GALLERY):
        wanted, sort = random_filter(random, gallery), random.choice(SORTS)
        expected = keys_of(ordered(gallery.items, wanted, sort))
        check_walk(
            conn, wanted, sort, random_page_size(random, len(expected)), expected, strategy=strategy
        )


@given(seed=seeds())
@examples(2)
def test_every_number_of_wanted_tags_from_1_to_15_gives_the_oracles_pages(
    conn: Connection, strategy: str | None, seed: int
) -> None:
    random = Random(seed)
    gallery = random_gallery(random, 120, sources=THREE_SOURCES)
    tags = list(gallery.tags)
    gallery.items = [
        Item(
            item.id,
            item.source_type,
            item.created_at,
            item.quality_score,
            tags=frozenset(tag for tag in tags if random.random() < 0.93),
        )
        for item in gallery.items
    ]
    refreshed(conn, random, gallery)
    for k in range(1, 16):
        wanted, sort = Filter(tags_all=random.sample(tags, k)), random.choice(SORTS)
        expected = keys_of(ordered(gallery.items, wanted, sort))
        check_walk(conn, wanted, sort, 1 + len(expected) // 3, expected, strategy=strategy)


def test_a_thousand_tags_give_the_oracles_pages(conn: Connection, strategy: str | None) -> None:
    gallery = gallery_of_a_thousand_tags()
    rebuilt(conn, Random(0), gallery)
    tags = list(gallery.tags)
    filters = (
        Filter(tags_all=tags),
        Filter(tags_all=tags[1:]),
        Filter(tags_all=tags[:2], tags_any=tags),
        Filter(tags_all=tags[:2], tags_none=tags[2:]),
    )
    for wanted, sort in zip(filters, SORTS, strict=True):
        expected = keys_of(ordered(gallery.items, wanted, sort))
        check_walk(conn, wanted, sort, 9, expected, strategy=strategy)


def gallery_of_a_thousand_tags() -> Gallery:
    """Items with all of a thousand tags, with all but one, with two of them, with none."""
    random = Random(1000)
    tags = {random_uuid(random): f"tag {number:04}" for number in range(1000)}
    everything = frozenset(tags)
    first, second, *_ = tags
    sets = [everything] * 6 + [everything - {tag} for tag in list(tags)[:6]]
    sets += [frozenset({first, second})] * 3 + [frozenset()]
    items = [
        Item(number, source, moment(number // 3), quality_score=number % 2 or None, tags=carried)
        for number, carried in enumerate(sets)
        for source in SOURCE_TYPES
    ]
    return Gallery(items, tags, [], [random_uuid(random)])


@given(seed=seeds(), size=sizes(60))
@examples(10)
def test_page_size_may_change_from_page_to_page(conn: Connection, seed: int, size: int) -> None:
    random = Random(seed)
    gallery = random_gallery(random, size, sources=THREE_SOURCES)
    calls.store(conn, gallery)
    for sort in SORTS:
        wanted = random_filter(random, gallery)
        expected = keys_of(ordered(gallery.items, wanted, sort))
        seen = 0
        cursor = None
        while seen < len(expected):
            page_size = random.randint(1, 12)
            turned = calls.page(conn, wanted, sort, page_size=page_size, cursor=cursor)
            assert turned.keys == expected[seen : seen + page_size]
            if seen:
                back_size = random.randint(1, 12)
                assert turned.prev_cursor is not None
                back = calls.page(
                    conn, wanted, sort, page_size=back_size, cursor=turned.prev_cursor
                )
                assert back.keys == expected[max(0, seen - back_size) : seen]
                assert (back.prev_cursor is None) == (seen <= back_size)
                assert back.next_cursor is not None
            seen += len(turned.keys)
            cursor = turned.next_cursor
        assert cursor is None


def test_without_arguments_a_page_is_the_newest_25(conn: Connection) -> None:
    gallery = random_gallery(Random(25), 120, sources=THREE_SOURCES)
    calls.store(conn, gallery)
    expected = keys_of(ordered(gallery.items, Filter(), Sort()))
    rows = calls.rows_of(conn, "gallery_page")
    assert [(row.id, row.source_type) for row in rows] == expected[:25]


def test_an_explicit_null_is_the_default(conn: Connection) -> None:
    calls.store(conn, random_gallery(Random(26), 120, sources=THREE_SOURCES))
    names = conn.execute(
        "SELECT unnest(proargnames[:pronargs]) FROM pg_proc WHERE oid = 'gallery_page'::regproc"
    )
    nulls = ", ".join(f"{name} => NULL" for (name,) in names)
    nothing_given, given_nulls = (
        conn.execute(calls.query(f"SELECT p::text FROM gallery_page({given}) p")).fetchall()
        for given in ("", nulls)
    )
    assert len(nothing_given) == 25
    assert given_nulls == nothing_given


def test_a_page_row_holds_every_column_of_the_item(conn: Connection) -> None:
    calls.store(conn, random_gallery(Random(27), 40, sources=THREE_SOURCES))
    conn.execute(
        "UPDATE content_items_all SET content_data = 'data ' || id,"
        " item_metadata = jsonb_build_object('id', id), path_thumb = 'thumb ' || id,"
        " path_thumbs_alt_res = jsonb_build_array(id), updated_at = now() + id % 99 * interval '1s'"
    )
    columns = (
        "id, source_type, title, content_type, content_data, item_metadata, creator_id, created_at,"
        " updated_at, quality_score, is_private, path_thumb, path_thumbs_alt_res, prompt"
    )
    strays = conn.execute(
        calls.query(
            f"SELECT {columns} FROM content_items_all WHERE NOT is_private"
            f" EXCEPT SELECT {columns} FROM gallery_page(page_size => 500)"
        )
    ).fetchall()
    assert strays == []
    described = conn.execute("SELECT * FROM gallery_page() LIMIT 0").description or []
    assert [column.name for column in described] == [
        *columns.split(", "),
        "next_cursor",
        "prev_cursor",
    ]


@pytest.mark.parametrize(
    "session",
    [
        {"enable_indexscan": "off", "enable_bitmapscan": "off", "enable_indexonlyscan": "off"},
        {"enable_seqscan": "off", "enable_sort": "off", "enable_hashagg": "off"},
        {"enable_nestloop": "off", "enable_mergejoin": "off", "enable_material": "off"},
        {"enable_hashjoin": "off", "enable_partition_pruning": "off", "enable_hashagg": "off"},
        {"plan_cache_mode": "force_generic_plan", "geqo": "off", "join_collapse_limit": "1"},
        {"plan_cache_mode": "force_custom_plan", "jit": "on", "jit_above_cost": "0"},
        {"work_mem": "64kB", "enable_parallel_append": "off", "cursor_tuple_fraction": "1"},
        {"timezone": "Asia/Kathmandu", "datestyle": "SQL, DMY", "intervalstyle": "iso_8601"},
        {
            "extra_float_digits": "-15",
            "bytea_output": "escape",
            "search_path": "pg_catalog, public",
        },
        {"array_nulls": "off", "transform_null_equals": "on", "quote_all_identifiers": "on"},
        {"row_security": "off", "check_function_bodies": "off", "lc_messages": "C"},
    ],
    ids=",".join,
)
def test_the_session_settings_of_the_caller_change_nothing(
    conn: Connection, session: dict[str, str]
) -> None:
    random = Random(28)
    gallery = random_gallery(random, 150, sources=THREE_SOURCES)
    calls.store(conn, gallery)
    for _ in range(12):
        wanted, sort = random_filter(random, gallery), random.choice(SORTS)
        expected = keys_of(ordered(gallery.items, wanted, sort))
        page_size = 1 + len(expected) // 3
        first = calls.page(conn, wanted, sort, page_size=page_size)
        with calls.settings(conn, **session):
            assert calls.page(conn, wanted, sort, page_size=page_size) == first
            check_walk(conn, wanted, sort, page_size, expected)


# --- the other functions ---


@given(seed=seeds(), size=sizes(), state=st.sampled_from(STATES))
@examples(12)
def test_the_count_is_the_oracles(conn: Connection, seed: int, size: int, state: State) -> None:
    random = Random(seed)
    gallery = random_gallery(random, size, sources=THREE_SOURCES)
    state(conn, random, gallery)
    for _ in range(4 * FILTERS_A_GALLERY):
        wanted = random_filter(random, gallery)
        expected = sum(matches(item, wanted) for item in gallery.items)
        assert calls.value_of(conn, "gallery_count", **calls.arguments(wanted)) == expected, wanted


@given(seed=seeds(), size=sizes(), state=st.sampled_from(STATES))
@examples(12)
def test_the_facets_are_the_oracles(conn: Connection, seed: int, size: int, state: State) -> None:
    random = Random(seed)
    gallery = random_gallery(random, size, sources=THREE_SOURCES)
    state(conn, random, gallery)
    for _ in range(FILTERS_A_GALLERY):
        wanted, limit = random_filter(random, gallery), random.choice((1, 2, 5, 16, 100))
        rows = calls.rows_of(conn, "gallery_facets", **calls.arguments(wanted, facet_limit=limit))
        expected = facets(gallery.items, wanted, gallery.tags, limit)
        assert [(row.tag_id, row.name, row.item_count) for row in rows] == expected, wanted


def test_facets_list_tags_that_became_common_since_the_last_refresh(conn: Connection) -> None:
    every, many, more, grown, new = (random_uuid(Random(number)) for number in range(5))
    names = {every: "every", many: "many", more: "more", grown: "grown", new: "new"}
    known = [
        Item(
            n,
            "items",
            moment(n),
            0.5,
            tags=frozenset(
                tag
                for tag, carriers in ((every, 40), (many, 30), (more, 28), (grown, 2))
                if n < carriers
            ),
        )
        for n in range(40)
    ]
    since = [
        Item(
            n,
            "auto",
            moment(n),
            0.5,
            tags=frozenset({every, grown, new} if n < 33 else {every, grown}),
        )
        for n in range(35)
    ]
    rebuilt(conn, Random(0), Gallery(known, names, []))
    calls.insert_items(conn, since)
    for limit in range(1, 7):
        rows = calls.rows_of(conn, "gallery_facets", facet_limit=limit)
        assert rows == facets(known + since, Filter(), names, limit)


@given(seed=seeds(), size=sizes(), state=st.sampled_from(STATES))
@examples(12)
def test_the_cursor_at_a_rank_starts_the_page_there(
    conn: Connection, seed: int, size: int, state: State
) -> None:
    random = Random(seed)
    gallery = random_gallery(random, size, sources=THREE_SOURCES)
    state(conn, random, gallery)
    for _ in range(FILTERS_A_GALLERY):
        wanted, sort = random_filter(random, gallery), random.choice(SORTS)
        expected = keys_of(ordered(gallery.items, wanted, sort))
        length = len(expected)
        for rank in {0, random.randint(0, length), max(0, length - 1), length, length + 5}:
            given = calls.arguments(wanted, sort_field=sort.field, sort_order=sort.order, rank=rank)
            cursor = calls.value_of(conn, "gallery_cursor_at", **given)
            turned = calls.page(conn, wanted, sort, page_size=5, cursor=cursor)
            assert turned.keys == expected[rank : rank + 5], (rank, wanted, sort)
            assert (turned.prev_cursor is None) == (rank == 0 or rank >= length)
            assert (turned.next_cursor is None) == (rank + 5 >= length)


@pytest.mark.parametrize("order", ["desc", "asc"])
def test_every_rank_leads_to_its_item_also_where_a_window_of_blocks_ends(
    conn: Connection, order: str
) -> None:
    random = Random(order)
    gallery = random_gallery(random, 200, sources=THREE_SOURCES)
    rebuilt(conn, random, gallery)
    sort = next(s for s in SORTS if (s.field, s.order) == ("created_at", order))
    expected = keys_of(ordered(gallery.items, Filter(), sort))
    for rank in range(1, len(expected)):
        given = calls.arguments(Filter(), sort_field=sort.field, sort_order=sort.order, rank=rank)
        cursor = calls.value_of(conn, "gallery_cursor_at", **given)
        turned = calls.page(conn, Filter(), sort, page_size=1, cursor=cursor)
        assert turned.keys == expected[rank : rank + 1], rank


# --- namesakes ---


def test_a_tag_on_item_7_of_one_partition_does_not_make_its_namesake_match(
    conn: Connection, strategy: str | None
) -> None:
    only_items, only_auto, both = (random_uuid(Random(number)) for number in range(3))
    names = {only_items: "only items", only_auto: "only auto", both: "both"}
    items = [
        Item(7, "items", moment(0), 0.5, tags=frozenset({only_items, both})),
        Item(7, "auto", moment(0), 0.5, tags=frozenset({only_auto, both})),
    ]
    rebuilt(conn, Random(0), Gallery(items, names, []))
    for wanted in (
        Filter(tags_all=[only_items]),
        Filter(tags_all=[only_auto]),
        Filter(tags_all=[both]),
        Filter(tags_all=[only_items, both]),
        Filter(tags_all=[only_items, only_auto]),
        Filter(tags_any=[only_items]),
        Filter(tags_any=[only_auto, only_items]),
        Filter(tags_none=[only_items]),
        Filter(tags_all=[both], tags_none=[only_auto]),
        Filter(tags_all=[both], content_source_types=["community-auto"]),
        Filter(tags_all=[only_items], content_source_types=["community-auto"]),
    ):
        for sort in SORTS:
            expected = keys_of(ordered(items, wanted, sort))
            check_walk(conn, wanted, sort, 1, expected, strategy=strategy)
        assert calls.value_of(conn, "gallery_count", **calls.arguments(wanted)) == len(expected)
        rows = calls.rows_of(conn, "gallery_facets", **calls.arguments(wanted))
        assert rows == facets(items, wanted, names, 100)


# --- the derived data itself ---


@given(seed=seeds(), size=sizes())
@examples(10)
def test_a_refresh_leaves_derived_data_that_agree_with_the_tables(
    conn: Connection, seed: int, size: int
) -> None:
    random = Random(seed)
    gallery = random_gallery(random, size, sources=THREE_SOURCES)
    refreshed(conn, random, gallery)
    assert calls.rows_of(conn, "gallery_verify") == []
    counts = Counter((tag, item.source_type) for item in gallery.items for tag in item.tags)
    rows = conn.execute("SELECT tag_id, content_source, cardinality FROM tag_cardinality_stats")
    assert {(tag, source): number for tag, source, number in rows} == counts
