"""gallery_tags lists tags with exact counts, in either order, page by page, changes at once."""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Iterator
from random import Random
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

import calls
from calls import Connection
from galleries import THIRD_SOURCE
from plans import nodes_of, plans_of
from tag_walks import SOURCES, Tag, Wanted, check_walk, cursors, page, random_wanted

# --- the database ---


@pytest.fixture(scope="module")
def database_url(module_database_url: str) -> str:
    with psycopg.connect(module_database_url, autocommit=True) as conn:
        conn.execute("SELECT gallery_add_source(%s)", [THIRD_SOURCE])
    return module_database_url


@pytest.fixture(autouse=True)
def without_tags(conn: Connection) -> Iterator[None]:
    """Every test starts without tags."""
    for table in ("content_items_all", "tags", "tag_cardinality_stats"):
        conn.execute(calls.query(f"DELETE FROM {table}"))
    yield


def store(conn: Connection, tags: list[Tag]) -> list[Tag]:
    """Makes tags and their statistics, and lists them as a refresh does; returns the tags."""
    with conn.cursor() as cur:
        cur.execute(
            "INSERT INTO tags (id, name) SELECT * FROM unnest(%s::uuid[], %s::text[])",
            ([tag.tag_id for tag in tags], [tag.name for tag in tags]),
        )
        counts = [
            (tag.tag_id, source, n) for tag in tags for source, n in tag.counts_by_source.items()
        ]
        cur.execute(
            "INSERT INTO tag_cardinality_stats (tag_id, content_source, cardinality)"
            " SELECT * FROM unnest(%s::uuid[], %s::text[], %s::bigint[])",
            tuple([row[n] for row in counts] for n in range(3)),
        )
        cur.execute("SELECT gallery.list_dirty_tags()")
    return tags


def tag(name: str, **counts: int) -> Tag:
    return Tag(uuid4(), name, sum(counts.values()), counts)


def names(rows: list[Any]) -> list[str]:
    return [row.name for row in rows]


# --- what is listed ---


def random_tags(random: Random, number: int) -> list[Tag]:
    """Tags with many equal counts, names that begin alike, some in one source or in none."""
    letters = "abAB%_\\'é🙂 "
    chosen: set[str] = set()
    while len(chosen) < number:
        chosen.add("".join(random.choices(letters, k=random.choice((1, 2, 3, 3, 90)))))
    return [
        tag(name, **{source: random.randint(1, 4) for source in SOURCES if random.random() < 0.7})
        for name in sorted(chosen)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_pages_walked_forward_and_back_hold_each_tag_once_in_order(
    conn: Connection, seed: int
) -> None:
    random = Random(seed)
    tags = store(conn, random_tags(random, 60))
    for _ in range(30):
        check_walk(conn, tags, random_wanted(random, tags), random.choice((1, 2, 7, 500)))


def test_popular_tags_come_first_and_equals_by_name(conn: Connection) -> None:
    store(conn, [tag("b", items=5), tag("C", items=4, auto=1), tag("a", auto=5), tag("z", items=9)])
    assert names(page(conn)) == ["z", "C", "a", "b"]


def test_counts_by_source_are_of_the_sources_asked_for(conn: Connection) -> None:
    store(conn, [tag("both", items=5, auto=2), tag("one", items=6)])
    assert [(r.name, r.item_count, r.counts_by_source) for r in page(conn)] == [
        ("both", 7, {"items": 5, "auto": 2}),
        ("one", 6, {"items": 6}),
    ]
    rows = page(conn, Wanted(source_types=["items"]))
    assert [(r.name, r.item_count, r.counts_by_source) for r in rows] == [
        ("one", 6, {"items": 6}),
        ("both", 5, {"items": 5}),
    ]


def test_a_tag_that_no_item_carries_is_not_listed(conn: Connection) -> None:
    store(conn, [tag("carried", items=1), tag("bare")])
    assert names(page(conn)) == ["carried"]
    assert page(conn, Wanted(source_types=["auto"])) == []
    assert page(conn, Wanted(max_count=0)) == []


@pytest.mark.parametrize(
    "prefix", ["50%", "a_b", "a\\b", "it's", '"x"', "🙂", "É", "%", "_", "\\", "'; drop table tags"]
)
def test_a_prefix_is_taken_literally(conn: Connection, prefix: str) -> None:
    others = [tag(name, items=9) for name in ("50 x", "axb", "a/b", "plain", "é", "X50%")]
    store(conn, [*others, tag(f"{prefix} and on", items=1)])
    assert names(page(conn, Wanted(name_prefix=prefix))) == [f"{prefix} and on"]


def test_the_case_of_a_prefix_counts(conn: Connection) -> None:
    store(conn, [tag("Anime", items=1), tag("anime", items=2)])
    assert names(page(conn, Wanted(name_prefix="An"))) == ["Anime"]


def test_a_prefix_may_be_longer_than_any_name(conn: Connection) -> None:
    store(conn, [tag("x" * 500, items=1)])
    assert len(page(conn, Wanted(name_prefix="x" * 500))) == 1
    assert page(conn, Wanted(name_prefix="x" * 100_000)) == []


def test_the_longest_names_there_can_be_are_listed(conn: Connection) -> None:
    letters = Random(1).choices(string.printable, k=2690)  # as much as fits the index of tags
    store(conn, [tag("".join(letters), items=2), tag("".join(letters[:-1]), items=1)])
    rows = page(conn, page_size=1)
    assert names(rows) == ["".join(letters)]
    assert names(page(conn, page_size=1, cursor=cursors(rows)[0])) == ["".join(letters[:-1])]


def test_a_page_reads_little_however_many_tags_there_are(conn: Connection) -> None:
    store(conn, [tag(f"{n % 100}-{n}", items=n % 50 + 1, auto=1) for n in range(5000)])
    conn.execute("VACUUM ANALYZE tags")
    conn.execute("VACUUM ANALYZE gallery.tag_listing")
    for given in ({}, {"sort": "name"}, {"name_prefix": "7"}, {"name_prefix": "7", "sort": "name"}):
        rows_read = 0
        for root in plans_of(conn, "gallery_tags", given):
            for node in nodes_of(root):
                if node.get("Relation Name") == "tag_listing":
                    rows = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
                    rows_read += rows * node["Actual Loops"]
        assert 25 < rows_read < 500, given


# --- as soon as something changes ---


@pytest.fixture
def two(conn: Connection) -> list[Tag]:
    return store(conn, [tag("cat", items=3, auto=1), tag("dog", items=1)])


def everything(conn: Connection) -> list[tuple[str, int]]:
    return [(row.name, row.item_count) for row in page(conn)]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE tags SET name = 'puma' WHERE name = 'cat'", [("puma", 4), ("dog", 1)]),
        ("DELETE FROM tags WHERE name = 'cat'", [("dog", 1)]),
        ("TRUNCATE tags CASCADE", []),
        ("TRUNCATE tag_cardinality_stats", []),
        ("DELETE FROM tag_cardinality_stats WHERE cardinality = 3", [("cat", 1), ("dog", 1)]),
        ("DELETE FROM tag_cardinality_stats WHERE content_source = 'items'", [("cat", 1)]),
        (
            "UPDATE tag_cardinality_stats SET cardinality = cardinality * 2",
            [("cat", 8), ("dog", 2)],
        ),
        (
            "UPDATE tag_cardinality_stats SET cardinality = 0 WHERE cardinality = 3",
            [("cat", 1), ("dog", 1)],
        ),
        (
            "UPDATE tag_cardinality_stats SET tag_id = (SELECT id FROM tags WHERE name = 'dog')"
            " WHERE content_source = 'auto'",
            [("cat", 3), ("dog", 2)],
        ),
        (
            "INSERT INTO tag_cardinality_stats SELECT id, 'auto', 9 FROM tags WHERE name = 'dog'",
            [("dog", 10), ("cat", 4)],
        ),
    ],
)
def test_a_change_shows_at_once(
    conn: Connection, two: list[Tag], statement: str, expected: list[tuple[str, int]]
) -> None:
    conn.execute(calls.query(statement))
    assert everything(conn) == expected
    assert disagreements(conn) == 0


def test_confirming_counts_writes_nothing(conn: Connection, two: list[Tag]) -> None:
    places = "SELECT array_agg(ctid ORDER BY ctid) FROM gallery.tag_listing"
    before = conn.execute(places).fetchone()
    conn.execute("UPDATE tag_cardinality_stats SET updated_at = now()")
    conn.execute("UPDATE tags SET name = name, updated_at = now()")
    assert conn.execute(places).fetchone() == before


def test_the_real_counts_are_listed(conn: Connection) -> None:
    """From items to the listing, through gallery_refresh()."""
    (cat, dog) = (uuid4(), uuid4())
    conn.execute("INSERT INTO tags (id, name) VALUES (%s, 'cat'), (%s, 'dog')", (cat, dog))
    conn.execute(
        "INSERT INTO content_items_all (id, source_type, content_type)"
        " SELECT n, s, 'image' FROM generate_series(1, 5) n, unnest('{items,auto}'::text[]) s"
    )
    conn.execute(
        "INSERT INTO content_tags (content_id, content_source, tag_id)"
        " SELECT id, source_type, %s FROM content_items_all"
        " UNION ALL SELECT id, source_type, %s FROM content_items_all WHERE id = 1",
        (cat, dog),
    )
    conn.execute("CALL gallery_refresh()")
    assert everything(conn) == [("cat", 10), ("dog", 2)]
    conn.execute("DELETE FROM content_items_all WHERE id = 1")
    conn.execute("CALL gallery_refresh()")
    assert everything(conn) == [("cat", 8)]


@pytest.mark.parametrize("renamed_first", [True, False])
def test_a_rename_and_a_recount_at_once_both_show(
    conn: Connection, database_url: str, two: list[Tag], renamed_first: bool
) -> None:
    statements = [
        "UPDATE tags SET name = 'puma' WHERE name = 'cat'",
        "UPDATE tag_cardinality_stats SET cardinality = 30 WHERE cardinality = 3",
    ]
    first, second = statements if renamed_first else reversed(statements)
    with (
        psycopg.connect(database_url) as one,
        psycopg.connect(database_url, autocommit=True) as other,
    ):
        other.execute("SET lock_timeout = '5s'")  # neither waits for the other
        one.execute(calls.query(first))
        other.execute(calls.query(second))
        one.commit()
    assert everything(conn) == [("puma", 31), ("dog", 1)]
    assert disagreements(conn) == 0


def disagreements(conn: Connection) -> int:
    """In how many rows gallery_verify finds the listing to differ from what the tables say."""
    query = "SELECT object FROM gallery_verify() WHERE object LIKE 'listing of tag %'"
    return len(conn.execute(query).fetchall())


@pytest.mark.parametrize(
    ("damage", "number"),
    [
        ("DELETE FROM gallery.tag_listing WHERE scope = 'auto'", 1),
        ("UPDATE gallery.tag_listing SET item_count = 7 WHERE scope = ''", 2),
        ("UPDATE gallery.tag_listing SET name_start = 'x' WHERE scope = 'items'", 2),
        ("INSERT INTO gallery.tag_listing VALUES (gen_random_uuid(), '', 'x', 1, '{}')", 1),
    ],
)
def test_verification_sees_a_damaged_listing(
    conn: Connection, two: list[Tag], damage: str, number: int
) -> None:
    with conn.transaction(force_rollback=True):
        assert disagreements(conn) == 0
        conn.execute(calls.query(damage))
        assert disagreements(conn) == number


# --- cursors ---


def test_a_cursor_outlives_its_tag(conn: Connection) -> None:
    store(conn, [tag(name, items=5) for name in "abcd"])
    after_b, _ = cursors(page(conn, page_size=2))
    conn.execute("DELETE FROM tags WHERE name IN ('a', 'b')")
    rows = page(conn, page_size=2, cursor=after_b)
    assert names(rows) == ["c", "d"]
    assert cursors(rows) == (None, None)


@pytest.fixture
def cursor(conn: Connection) -> str:
    """The cursor after the first tag of two, without arguments."""
    store(conn, [tag("a", items=2), tag("b", items=1)])
    cursor, _ = cursors(page(conn, page_size=1))
    assert cursor is not None
    return cursor


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(name_prefix="b"),
        Wanted(source_types=["items"]),
        Wanted(min_count=1),
        Wanted(max_count=9),
        Wanted(sort="name"),
    ],
)
def test_a_cursor_of_other_arguments_is_refused(
    conn: Connection, cursor: str, wanted: Wanted
) -> None:
    assert refused(conn, wanted, cursor=cursor) == "TG002"


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(name_prefix=""),
        Wanted(source_types=[*SOURCES[::-1], "auto"]),
        Wanted(sort="count"),
    ],
)
def test_a_cursor_holds_for_the_same_arguments_put_otherwise(
    conn: Connection, cursor: str, wanted: Wanted
) -> None:
    assert names(page(conn, wanted, cursor=cursor)) == ["b"]


def test_a_cursor_of_gallery_page_is_refused(conn: Connection, cursor: str) -> None:
    conn.execute(
        "INSERT INTO content_items_all (id, source_type, content_type)"
        " VALUES (1, 'items', 'image'), (2, 'items', 'image')"
    )
    row = conn.execute("SELECT next_cursor FROM gallery_page(page_size => 1)").fetchone()
    assert row is not None
    assert refused(conn, cursor=row[0]) == "TG002"
    with pytest.raises(psycopg.Error) as caught:
        conn.execute("SELECT * FROM gallery_page(cursor => %s)", (cursor,))
    assert caught.value.sqlstate == "TG002"


@pytest.mark.parametrize("change", ["", "x", "cut", "letter", "long"])
def test_a_cursor_that_was_changed_is_refused(conn: Connection, cursor: str, change: str) -> None:
    changed = {
        "": "",
        "x": "x",
        "cut": cursor[:-1],
        "letter": cursor.replace(cursor[20], "A" if cursor[20] != "A" else "B", 1),
        "long": cursor * 100_000,
    }[change]
    assert refused(conn, cursor=changed) == "TG001"


@pytest.mark.parametrize("broken", [{"c": "x"}, {"c": None}, {"i": "x"}, {"n": None}, {"c": 1e30}])
def test_a_cursor_made_by_hand_is_refused(
    conn: Connection, cursor: str, broken: dict[str, Any]
) -> None:
    payload = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    del payload["x"]
    row = conn.execute("SELECT gallery.cursor_encode(%s)", (Jsonb(payload | broken),)).fetchone()
    assert row is not None
    assert refused(conn, cursor=row[0]) == "TG001"


# --- arguments and rights ---


@pytest.mark.parametrize(
    "given",
    [
        {"source_types": ["regular"]},
        {"source_types": ["items", None]},
        {"source_types": ["items", "user-auto"]},
        {"min_count": -1},
        {"max_count": -1},
        {"min_count": 2, "max_count": 1},
        {"sort": "size"},
        {"sort": ""},
        {"page_size": 0},
        {"page_size": 501},
        {"page_size": -1},
    ],
    ids=str,
)
def test_an_argument_out_of_range_is_refused(conn: Connection, given: dict[str, Any]) -> None:
    assert refused(conn, **given) == "TG004"


def refused(conn: Connection, wanted: Wanted | None = None, **others: Any) -> str | None:
    """The SQLSTATE that answers a call; its error says what to do."""
    with pytest.raises(psycopg.Error) as caught:
        page(conn, wanted, **others)
    assert caught.value.diag.message_hint
    return caught.value.sqlstate


def test_null_is_not_given(conn: Connection, two: list[Tag]) -> None:
    rows = conn.execute("SELECT name FROM gallery_tags(NULL, NULL, NULL, NULL, NULL, NULL, NULL)")
    assert rows.fetchall() == [("cat",), ("dog",)]


def test_a_role_that_may_only_read_lists_tags_in_a_read_only_transaction(
    conn: Connection, two: list[Tag]
) -> None:
    with conn.transaction(force_rollback=True):
        conn.execute("CREATE ROLE gallery_test_reader")
        conn.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public, gallery TO gallery_test_reader")
        conn.execute("SET LOCAL ROLE gallery_test_reader")
        conn.execute("SET TRANSACTION READ ONLY")
        assert everything(conn) == [("cat", 4), ("dog", 1)]


def test_a_role_that_may_rename_tags_needs_no_other_grant(conn: Connection, two: list[Tag]) -> None:
    with conn.transaction(force_rollback=True):
        conn.execute("CREATE ROLE gallery_test_editor")
        conn.execute("GRANT SELECT, UPDATE ON tags TO gallery_test_editor")
        conn.execute("SET LOCAL ROLE gallery_test_editor")
        conn.execute("UPDATE tags SET name = 'puma' WHERE name = 'cat'")
        conn.execute("RESET ROLE")
        assert everything(conn) == [("puma", 4), ("dog", 1)]
