"""No page, jump or count touches many times the pages of the tables, whatever statistics say.

The bounds are in buffers: a scan of the items, the lists of the tags, and what may be spent before
it shows that there is no shorter way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
import pytest

import calls
from calls import Connection
from harness.server import Server
from plans import buffers_of

COMMON, MIDDLING, RARE = (UUID(int=number) for number in (1, 2, 3))
ITEMS = 12_000

FILL = f"""
INSERT INTO tags (id, name)
VALUES ('{COMMON}', 'common'), ('{MIDDLING}', 'middling'), ('{RARE}', 'rare');
INSERT INTO content_items_all
    (id, source_type, title, content_type, prompt, created_at, quality_score)
SELECT n, CASE n % 5 WHEN 0 THEN 'items' ELSE 'auto' END,
       CASE n % 2 WHEN 0 THEN 'usual' ELSE 'other' END
           || CASE n % 3000 WHEN 0 THEN ' seldom' ELSE '' END,
       'image', repeat('a prompt of some length ', 8),
       '2024-01-01'::timestamptz + n * interval '1 minute', n * 7919 % 1000 / 1000.0
FROM generate_series(1, {ITEMS}) n;
INSERT INTO content_tags (content_id, content_source, tag_id)
SELECT i.id, i.source_type, t.tag_id
FROM content_items_all i
CROSS JOIN (VALUES ('{COMMON}'::uuid, 2, 1), ('{MIDDLING}', 10, 3), ('{RARE}', 400, 0))
    t (tag_id, n, rest)
WHERE i.id % t.n = t.rest;
"""

# Words and qualities that nobody can tell beforehand; the words of half of the items stand on those
# that do not carry the common tag.
QUERIES: dict[str, tuple[str, dict[str, Any]]] = {
    "an absent word": ("gallery_page", {"search": "absent"}),
    "an absent word beside a tag": ("gallery_page", {"search": "absent", "tags_all": [COMMON]}),
    "a word that excludes its tag": ("gallery_page", {"search": "usual", "tags_all": [COMMON]}),
    "a word beside what must not be": ("gallery_page", {"search": "other", "tags_none": [COMMON]}),
    "a seldom word by quality": (
        "gallery_page",
        {"search": "seldom", "tags_all": [MIDDLING], "sort_field": "quality_score"},
    ),
    "a high quality beside a tag": (
        "gallery_page",
        {"tags_all": [MIDDLING], "min_quality": 0.999},
    ),
    "two tags by quality": (
        "gallery_page",
        {"tags_all": [COMMON, MIDDLING], "sort_field": "quality_score"},
    ),
    "five hundred rows": ("gallery_page", {"tags_all": [COMMON], "page_size": 500}),
    "a jump": ("gallery_cursor_at", {"tags_all": [COMMON], "min_quality": 0.3, "rank": 3000}),
    "a jump beside what must not be": (
        "gallery_cursor_at",
        {"tags_none": [MIDDLING], "min_quality": 0.3, "rank": 5000},
    ),
    "a count": ("gallery_count", {"search": "usual", "tags_all": [COMMON]}),
    "a count of what must not be": ("gallery_count", {"tags_none": [COMMON, MIDDLING]}),
}

STATISTICS = {"as they are": None, "missing": (-1, 0), "stale": (3, 1), "absurd": (1e12, 10**9)}

COSTS = {
    "usual": {},
    "as if reading by an index were free": {"random_page_cost": "0", "cpu_index_tuple_cost": "0"},
    "as if it cost a fortune": {"random_page_cost": "100000", "cpu_index_tuple_cost": "1000"},
}


@pytest.fixture(scope="module")
def wide(server: Server) -> Iterator[Connection]:
    url = server.new_database()
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(calls.query(FILL))
        conn.execute("CALL gallery_rebuild()")
        conn.execute("VACUUM ANALYZE")
        yield conn
    server.drop_database(url)


@contextmanager
def statistics(conn: Connection, given: tuple[float, int] | None) -> Iterator[None]:
    """The sizes of the tables as the planner believes them to be."""
    if given is not None:
        conn.execute(
            "UPDATE pg_class SET reltuples = %s, relpages = %s"
            " WHERE relname IN ('content_items', 'content_items_auto', 'content_tags')",
            given,
        )
    try:
        yield
    finally:
        conn.execute("ANALYZE content_items, content_items_auto, content_tags")


@pytest.mark.parametrize("planner", ["cost", "rules"])
@pytest.mark.parametrize("costs", COSTS)
@pytest.mark.parametrize("believed", STATISTICS)
def test_nothing_touches_many_times_the_pages_of_the_tables(
    wide: Connection, believed: str, costs: str, planner: str
) -> None:
    (pages,) = wide.execute(
        "SELECT (sum(pg_relation_size(c)) / 8192)::int"
        " FROM unnest(ARRAY['content_items', 'content_items_auto']::regclass[]) c"
    ).fetchone() or (0,)
    wide.execute("SELECT gallery_configure(%s)", [f'{{"planner": "{planner}"}}'])
    for state in ("the index too", "the tables alone"):
        switch = '{"enable_bitmap": %s}' % ("true" if state == "the index too" else "false")
        wide.execute("SELECT gallery_configure(%s)", [switch])
        with statistics(wide, STATISTICS[believed]), calls.settings(wide, **COSTS[costs]):
            touched = {
                name: buffers_of(wide, function, given)
                for name, (function, given) in QUERIES.items()
            }
        # A scan, and twice what is sooner touched by testing items one by one (gallery.patience).
        # Where the sizes of tables are not known, or there is no index, a walk may go through all
        # items and look up a tag of each; never what a plan that believes a statistic may come to,
        # the whole table for each item.
        usual = believed == "as they are" and state == "the index too"
        most = 2 * pages + (8500 if usual else 2 * ITEMS)
        worst = {name: found for name, found in touched.items() if found > most}
        assert worst == {}, f"{worst}, where the items fill {pages} pages, with {state}"
