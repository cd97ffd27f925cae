"""Answers depend on nothing but the data: not on settings, indexes, statistics, triggers."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from uuid import UUID

import psycopg
import pytest
from hypothesis import Phase, given, note, settings

import calls
from answers import Asker
from calls import Connection
from galleries import THREE_SOURCES, Gallery, examples, random_gallery, random_uuid, seeds
from index_states import STATES, State, rebuilt, refreshed
from oracle import SORTS, Filter, ordered
from walks import check_walk, keys_of
from worlds import MARK, POPULAR_TAG_INDEXES, World, random_settings

GALLERIES = 4
ROUNDS = 3
FILTERS = 3
UP_TO_DATE = (rebuilt, refreshed)  # with these the counts of tags are those of the tables


@pytest.fixture(scope="module")
def database_url(small_index_url: str) -> str:
    return small_index_url


@given(seed=seeds())
@settings(examples(3), phases=(Phase.reuse, Phase.generate))  # a world has no smaller ones
def test_answers_depend_on_nothing_but_the_data(database_url: str, seed: int) -> None:
    """One session, whose cached plans outlive the settings under which they were made."""
    random = Random(seed)
    with psycopg.connect(database_url, autocommit=True) as conn:
        for _ in range(GALLERIES):
            world = World(conn, random)
            try:
                world.arise()
                check_gallery(conn, random, world, random.choice(STATES))
            finally:
                world.leave()


def check_gallery(conn: Connection, random: Random, world: World, state: State) -> None:
    """A gallery comes into a state under some settings, and is asked of under others."""
    gallery = random_gallery(random, random.choice((3, 30, 150, 300)), sources=THREE_SOURCES)
    gallery.tags[random_uuid(random)] = MARK
    session = random_settings(conn, random)
    note(f"{state.__name__}, filled under {session}")
    with calls.settings(conn, **session | {"array_nulls": "on"}):  # the test passes nulls
        state(conn, random, gallery)
    names: dict[UUID, str] = dict(conn.execute("SELECT id, name FROM tags").fetchall())
    stored = replace(gallery, items=calls.read_items(conn), tags=names)
    for _ in range(ROUNDS):
        world.age()
        session = random_settings(conn, random)
        note(f"asked under {session}")
        with calls.settings(conn, **session):
            Asker(conn, random, stored).ask(FILTERS, tags=state in UP_TO_DATE)


@pytest.mark.parametrize("index", [*POPULAR_TAG_INDEXES, None], ids=lambda index: str(index)[13:])
def test_a_tags_pages_by_quality_are_right_whichever_index_lists_its_items(
    conn: Connection, index: str | None
) -> None:
    """Or none does: for a plan that was made with index scans off, and is cached since."""
    random = Random(26)
    gallery = random_gallery(random, 300, sources=THREE_SOURCES)
    conn.execute("DROP INDEX IF EXISTS own_index")
    rebuilt(conn, random, gallery)
    conn.execute("VACUUM ANALYZE")
    if index is not None:
        conn.execute(calls.query(index.replace("INDEX", "INDEX own_index", 1)))
    planned = {"enable_indexscan": "off", "enable_indexonlyscan": "off"} if index is None else {}
    with calls.settings(conn, **planned):
        check_pages_by_quality(conn, gallery)
    check_pages_by_quality(conn, gallery)


def check_pages_by_quality(conn: Connection, gallery: Gallery) -> None:
    for tag in gallery.tags:
        wanted = Filter(tags_all=[tag])
        for sort in SORTS:
            if sort.field == "quality_score":
                expected = keys_of(ordered(gallery.items, wanted, sort))
                check_walk(conn, wanted, sort, 60, expected)
                check_walk(conn, wanted, sort, 500, expected, strategy="ordered_walk")
