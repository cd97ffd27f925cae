"""Strategies that compete give the oracle's page, wherever one of them hands over to the other.

The planner is rigged: it always lets the two compete, on budgets that change from page to page.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import calls
from calls import Connection
from galleries import (
    SEARCHES,
    Gallery,
    random_filter,
    random_gallery,
    random_quality,
    seeds,
    sizes,
)
from index_states import State, dirty, rebuilt, refreshed, shrink_index
from oracle import SORTS, Filter, Sort, ordered
from walks import check_walk, keys_of

FILTERS_A_GALLERY = 15

PLANS = {
    "walk": ["ordered_walk"],
    "walk_or_bitmap": ["ordered_walk", "bitmap"],
    "join_or_bitmap": ["self_join", "bitmap"],
    "bitmap_or_join": ["bitmap", "self_join"],
    "bitmap_or_scan": ["bitmap", "full_scan"],
    "walk_or_scan": ["ordered_walk", "full_scan"],
    "in_turn": ["ordered_walk", "self_join"] * 4,
    "listed": ["bitmap", "ordered_walk", "bitmap", "ordered_walk", "bitmap"],
    "listed_by_tags": ["self_join", "ordered_walk", "self_join", "ordered_walk", "self_join"],
}

# A filter without a list to start from is left to those who need none.
RIGGED = """
CREATE OR REPLACE FUNCTION gallery.choose_by_cost(
    s gallery.scan, estimates gallery.estimate[], in_force gallery.settings_in_force,
    choice gallery.choice)
RETURNS gallery.choice LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_steps text[] := '{steps}';
BEGIN
    IF (s.figures).narrowings[1].carried IS NOT TRUE THEN
        v_steps := array_replace(v_steps, 'self_join', 'ordered_walk');
    END IF;
    choice.strategy := v_steps[1];
    choice.steps := array(
        SELECT row(u.name, CASE WHEN u.n < cardinality(v_steps) THEN 10 ^ (4 * random() - 2) END,
                   10 ^ (4 * random() - 1))::gallery.step
        FROM unnest(v_steps) WITH ORDINALITY u (name, n) ORDER BY u.n);
    choice.figures.walk_step := 10 ^ (4 * random() - 2);
    choice.figures.item_probe := 10 ^ (4 * random() - 2);
    choice.figures.tag_probe := 10 ^ (4 * random() - 2);
    choice.figures.list_row := 10 ^ (4 * random() - 2);
    choice.figures.item_pages := 10 ^ (4 * random() - 1);
    choice.figures.seed_cost := CASE
        WHEN (s.figures).narrowings[1].carried AND cardinality((s.figures).narrowings[1].tags) = 1
             AND s.by_quality AND random() < 0.5
        THEN 10 ^ (4 * random() - 2) END;
    RETURN choice;
END $$
"""

# Without it the usual case is told without the planner that is rigged.
NEVER_TOLD = """
CREATE OR REPLACE FUNCTION gallery.bitmap_is_least(
    bitmap gallery.estimate, f gallery.filter, s gallery.scan, in_force gallery.settings_in_force)
RETURNS boolean LANGUAGE sql IMMUTABLE RETURN false
"""


@pytest.fixture(params=PLANS)
def rigged(request: pytest.FixtureRequest, conn: Connection) -> Connection:
    """A database with tiny blocks, in which these steps follow each other on every page.

    Each walk tests the rarest tag by its list on some pages, and by probes on the others.
    """
    shrink_index(conn)
    conn.execute(calls.query(RIGGED.format(steps="{" + ",".join(PLANS[request.param]) + "}")))
    conn.execute(calls.query(NEVER_TOLD))
    return conn


@pytest.fixture
def shrunk(conn: Connection) -> Connection:
    """A database with tiny blocks, in which a walk that meets few matches is soon a far one."""
    shrink_index(conn)
    return conn


@given(seed=seeds(), size=sizes(), state=st.sampled_from((rebuilt, dirty, refreshed)))
@settings(
    max_examples=12,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_page_is_the_oracles_wherever_one_hands_over_to_the_other(
    rigged: Connection, seed: int, size: int, state: State
) -> None:
    random = Random(seed)
    gallery = random_gallery(random, size)
    state(rigged, random, gallery)
    for _ in range(FILTERS_A_GALLERY):
        wanted, sort = random_filter(random, gallery), random.choice(SORTS)
        expected = keys_of(ordered(gallery.items, wanted, sort))
        check_walk(rigged, wanted, sort, 1 + len(expected) // random.randint(1, 6), expected)


@pytest.mark.parametrize("rigged", ["listed", "walk_or_bitmap"], indirect=True)
@given(seed=seeds(), state=st.sampled_from((rebuilt, dirty, refreshed)))
@settings(
    max_examples=12,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_page_by_quality_is_the_oracles_where_most_matches_have_none(
    rigged: Connection, seed: int, state: State
) -> None:
    random = Random(seed)
    gallery = random_gallery(random, 300)
    most = list(gallery.tags)[:3]  # each carried by half of the items, or nearly all
    lower_quality(random, gallery, random.choice(most))
    state(rigged, random, gallery)
    for _ in range(FILTERS_A_GALLERY):
        wanted = Filter(tags_all=[random.choice(most)], viewer=random.choice(gallery.users))
        sort = Sort("quality_score", random.choice(("desc", "asc")))
        expected = keys_of(ordered(gallery.items, wanted, sort))
        check_walk(rigged, wanted, sort, 1 + len(expected) // random.randint(1, 12), expected)


def lower_quality(random: Random, gallery: Gallery, tag: UUID) -> None:
    """Take the quality from nearly all items that carry a tag, and give one to most others."""
    for number, item in enumerate(gallery.items):
        quality = item.quality_score
        if random.random() < 0.95:
            quality = None if tag in item.tags else random_quality(random)
        gallery.items[number] = replace(item, quality_score=quality)


@given(seed=seeds(), analyzed=st.booleans())
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_search_is_the_oracles_wherever_the_walk_leaves_the_rest_to_a_scan(
    shrunk: Connection, seed: int, analyzed: bool
) -> None:
    random = Random(seed)
    gallery = random_gallery(random, random.randint(0, 120))
    for number, item in enumerate(gallery.items):
        title = random.choice((item.title, item.title, "a", "a\x01b"))
        prompt = random.choice((item.prompt, item.prompt, "b"))
        gallery.items[number] = replace(item, title=title, prompt=prompt)
    calls.store(shrunk, gallery)
    if analyzed:
        shrunk.execute("ANALYZE content_items, content_items_auto")
    for search in (*SEARCHES, "b\x01", '"a\x01b"', "\x01", '"%"', "_"):
        for sort in SORTS:
            wanted = Filter(search=search, viewer=random.choice([None, *gallery.users]))
            expected = keys_of(ordered(gallery.items, wanted, sort))
            check_walk(shrunk, wanted, sort, 1 + len(expected) // random.randint(1, 6), expected)


def test_a_plan_that_ends_before_the_page_is_full_is_an_error_and_no_short_page(
    shrunk: Connection,
) -> None:
    calls.store(shrunk, random_gallery(Random(1), 60))
    shrunk.execute(calls.query(RIGGED.format(steps="{ordered_walk}").replace("u.n < ", "u.n <= ")))
    shrunk.execute(calls.query(NEVER_TOLD))
    with pytest.raises(psycopg.Error, match="ended before the page was full") as raised:
        calls.page(shrunk, Filter(tags_none=[UUID(int=1)]), page_size=500)
    assert "report" in (raised.value.diag.message_hint or "")
