"""How a page is found: sort indexes merged in order, entered by one row comparison at any depth."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import psycopg
import pytest

import calls
from calls import Connection
from galleries import THIRD_SOURCE, Gallery
from harness.server import Server
from oracle import SORTS, Filter, Item, Moment, Sort
from plans import Node, buffers_of, executed, plans_of

ICONS = Path(__file__).parents[2] / "data" / "icons.jsonl.gz"
PAGE_SIZE = 25
DEEP_RANK = 10_000
PARTITIONS = {
    "community-regular": "content_items",
    "community-auto": "content_items_auto",
    f"community-{THIRD_SOURCE}": f"content_items_{THIRD_SOURCE}",
}
ITEMS = tuple(PARTITIONS.values())
SORT_INDEXES = {
    field: [f"{partition}_{field}_id_idx" for partition in ITEMS]
    for field in ("created_at", "quality_score")
}


@pytest.fixture(scope="module")
def icons(server: Server) -> Iterator[Connection]:
    """A connection to the icons: the index built, a quality on all but every tenth."""
    url = server.new_database()
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("SELECT gallery_add_source(%s)", [THIRD_SOURCE])
        calls.store(conn, Gallery(read_icons(), {}, []))
        conn.execute("CALL gallery_rebuild()")
        conn.execute("VACUUM ANALYZE")
        yield conn
    server.drop_database(url)


def read_icons() -> list[Item]:
    """The icons without their tags, which these tests have no use for."""
    with gzip.open(ICONS, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [
        Item(
            number,
            row["source"] if number % 5 else THIRD_SOURCE,
            Moment(number, row["created_at"]),
            quality_score=number * 7919 % 997 / 997 if number % 10 else None,
            title=row["name"],
        )
        for number, row in enumerate(rows)
    ]


def cursor_at_depth(conn: Connection, sort: Sort, rank: int) -> str:
    """The next_cursor behind that many items, reached by walking."""
    cursor = None
    for _ in range(rank // 500):
        cursor = calls.page(conn, Filter(), sort, page_size=500, cursor=cursor).next_cursor
    assert cursor is not None
    return cursor


def page_arguments(
    sort: Sort,
    wanted: Filter | None = None,
    cursor: str | None = None,
    strategy: str | None = "ordered_walk",
) -> dict[str, object]:
    return calls.arguments(
        wanted or Filter(),
        sort_field=sort.field,
        sort_order=sort.order,
        page_size=PAGE_SIZE,
        cursor=cursor,
        strategy=strategy,
    )


def walks_of(
    conn: Connection, sort: Sort, wanted: Filter | None = None, cursor: str | None = None
) -> list[list[Node]]:
    """The executed nodes of the plans, of those of a page's call, that read the sort's indexes."""
    plans = map(executed, plans_of(conn, "gallery_page", page_arguments(sort, wanted, cursor)))
    walks = [nodes for nodes in plans if sort_scans(nodes, sort)]
    assert walks, "a page of ordered_walk walks"
    return walks


def sort_scans(nodes: list[Node], sort: Sort) -> list[Node]:
    return [node for node in nodes if node.get("Index Name") in SORT_INDEXES[sort.field]]


@pytest.mark.parametrize("deep", [False, True], ids=["first page", "deep page"])
@pytest.mark.parametrize("sort", SORTS, ids=str)
def test_all_partitions_are_merged_in_order_without_a_sort(
    icons: Connection, sort: Sort, deep: bool
) -> None:
    cursor = cursor_at_depth(icons, sort, 5_000) if deep else None
    for nodes in walks_of(icons, sort, cursor=cursor):
        types = [node["Node Type"] for node in nodes]
        assert "Limit" in types[: types.index("Merge Append")]
        assert not [name for name in types if "Sort" in name]
        (merge,) = (node for node in nodes if node["Node Type"] == "Merge Append")
        assert [child["Node Type"] for child in merge["Plans"]] == ["Index Scan"] * len(ITEMS)
        read = sorted(child["Index Name"] for child in merge["Plans"])
        assert read == sorted(SORT_INDEXES[sort.field])


@pytest.mark.parametrize("sort", SORTS, ids=str)
def test_a_page_is_entered_by_one_row_comparison_on_the_index(
    icons: Connection, sort: Sort
) -> None:
    for nodes in walks_of(icons, sort, cursor=cursor_at_depth(icons, sort, 5_000)):
        for scan in sort_scans(nodes, sort):
            assert scan["Index Cond"].count("ROW(") == 2, "one comparison of two rows"
            assert " OR " not in scan["Index Cond"]
            assert scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0) <= 2 * PAGE_SIZE


@pytest.mark.parametrize("sort", SORTS, ids=str)
@pytest.mark.parametrize(
    "kinds", [*combinations(PARTITIONS, 1), *combinations(PARTITIONS, 2)], ids=" ".join
)
def test_only_the_partitions_asked_for_are_touched(
    icons: Connection, sort: Sort, kinds: tuple[str, ...]
) -> None:
    given = page_arguments(sort, Filter(content_source_types=list(kinds)))
    touched = {
        node["Relation Name"]
        for root in plans_of(icons, "gallery_page", given)
        for node in executed(root)
        if "Relation Name" in node
    }
    assert touched & set(ITEMS) == {PARTITIONS[kind] for kind in kinds}


@pytest.mark.parametrize("sort", [sort for sort in SORTS if sort.field == "quality_score"], ids=str)
def test_a_walk_with_a_seed_reads_no_item_that_is_not_on_the_list(
    icons: Connection, sort: Sort
) -> None:
    icons.execute(
        """
        CREATE OR REPLACE FUNCTION pg_temp.seeded_walk(sort_order text)
        RETURNS gallery.position[] LANGUAGE plpgsql AS $$
        DECLARE
            s gallery.scan := gallery.make_scan('quality_score', sort_order);
            listed bigint[] := array(SELECT generate_series(3, 8999, 450));
            f gallery.filter := gallery.make_filter(
                null, null, null, null, null, null, null, null, null, null, null);
        BEGIN
            s.wanted := 500;
            s.seed := array(SELECT row(source, listed)::gallery.candidates
                            FROM unnest(f.sources) source);
            RETURN (gallery.walk(f, s, null)).places;
        END $$
        """
    )
    given = {"sort_order": sort.order}
    plans = list(map(executed, plans_of(icons, "pg_temp.seeded_walk", given)))
    walks = [nodes for nodes in plans if sort_scans(nodes, sort)]
    assert len(walks) == 2, "the items with a quality, and those without"
    fetched = 0
    for nodes in walks:
        assert {node["Node Type"] for node in sort_scans(nodes, sort)} == {"Index Only Scan"}
        assert "Merge Append" in [node["Node Type"] for node in nodes]
        assert not [node for node in nodes if "Sort" in node["Node Type"]]
        fetched += sum(
            node["Actual Rows"] * node["Actual Loops"]
            for node in nodes
            if node["Node Type"] == "Index Scan"
        )
    assert fetched == len(range(3, 9_000, 450))


@pytest.mark.parametrize("order", ["desc", "asc"])
def test_what_a_search_leaves_to_a_scan_is_gone_through_in_parallel(
    icons: Connection, order: str
) -> None:
    icons.execute(
        """
        CREATE OR REPLACE FUNCTION pg_temp.scan_on(sort_order text)
        RETURNS SETOF gallery.position LANGUAGE plpgsql AS $$
        DECLARE
            s gallery.scan := gallery.make_scan('created_at', sort_order);
            f gallery.filter := gallery.make_filter(
                null, null, null, null, null, null, null, 'nowhere "at all"', null, null, null);
        BEGIN
            s.wanted := 25;
            IF s.descending THEN
                RETURN QUERY SELECT p.* FROM gallery.scan_desc(f, s, null) p;
            ELSE
                RETURN QUERY SELECT p.* FROM gallery.scan_asc(f, s, null) p;
            END IF;
        END $$
        """
    )
    eager = {
        "parallel_setup_cost": "0",
        "parallel_tuple_cost": "0",
        "min_parallel_table_scan_size": "0",
    }
    with calls.settings(icons, **eager):
        plans = list(map(executed, plans_of(icons, "pg_temp.scan_on", {"sort_order": order})))
    scans = [nodes for nodes in plans if any(n.get("Relation Name") in ITEMS for n in nodes)]
    assert scans, "the table is gone through"
    for nodes in scans:
        assert [node for node in nodes if node["Node Type"].startswith("Gather")]


def test_a_candidate_of_the_bitmaps_is_looked_up_in_its_own_partition_alone(
    icons: Connection,
) -> None:
    given = page_arguments(SORTS[0], Filter(min_quality=0.0), strategy="bitmap")
    plans = list(map(executed, plans_of(icons, "gallery_page", given)))
    tests = [
        nodes
        for nodes in plans
        if any(n.get("Alias") == "p" for n in nodes)
        and any(n.get("Relation Name") in ITEMS for n in nodes)
    ]
    assert tests, "candidates are tested"
    for nodes in tests:
        candidates = sum(n["Actual Rows"] for n in nodes if n.get("Alias") == "p")
        lookups = sum(n["Actual Loops"] for n in nodes if n.get("Relation Name") in ITEMS)
        assert lookups == candidates


@pytest.mark.parametrize("strategy", [None, "ordered_walk", "bitmap"])
@pytest.mark.parametrize("direction", ["next", "previous"])
@pytest.mark.parametrize("sort", SORTS, ids=str)
def test_a_deep_page_touches_no_more_buffers_than_the_first(
    icons: Connection, sort: Sort, direction: str, strategy: str | None
) -> None:
    first = buffers_of(icons, "gallery_page", page_arguments(sort, strategy=strategy))
    cursor: str | None = cursor_at_depth(icons, sort, DEEP_RANK)
    if direction == "previous":
        cursor = calls.page(icons, Filter(), sort, page_size=PAGE_SIZE, cursor=cursor).prev_cursor
    given = page_arguments(sort, cursor=cursor, strategy=strategy)
    assert first >= PAGE_SIZE, "every row of the page costs a buffer at least"
    assert buffers_of(icons, "gallery_page", given) <= 1.1 * first


@pytest.mark.parametrize("rank", [500, 5_000, 13_500])
def test_a_page_does_not_depend_on_the_number_of_items_before_it(
    icons: Connection, rank: int
) -> None:
    first = buffers_of(icons, "gallery_page", page_arguments(Sort()))
    given = page_arguments(Sort(), cursor=cursor_at_depth(icons, Sort(), rank))
    assert buffers_of(icons, "gallery_page", given) <= 1.1 * first


def test_the_listing_is_kept_with_planner_settings_of_its_own(conn: Connection) -> None:
    """Its triggers fire in the midst of a refresh, which leaves PostgreSQL nested loops alone."""
    query = "SELECT proconfig FROM pg_proc WHERE oid = 'gallery.list_tags(uuid[])'::regprocedure"
    ((config,),) = conn.execute(query).fetchall()
    assert {"enable_hashjoin=on", "enable_mergejoin=on", "enable_seqscan=on"} <= set(config)
