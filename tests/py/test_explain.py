"""gallery_explain and gallery_pick_strategy tell what gallery_page does."""

from __future__ import annotations

from random import Random
from typing import Any

import psycopg
import pytest

import calls
from calls import Connection
from galleries import SOURCE_TYPES, Gallery, random_filter, random_gallery
from index_states import rebuilt
from oracle import SORTS, Filter, Item, matches, moment
from plans import buffers_of
from test_planner import SWITCHES, TAGS, configure
from walks import SEEDS

STRATEGIES = tuple(name for name in calls.STRATEGIES if name is not None)
NEWER, OLDER = TAGS[:2]


@pytest.fixture(scope="module")
def database_url(module_database_url: str) -> str:
    """A database of 2,000 items: the newer half carries one tag, the older half another."""
    halves = [OLDER] * 1000 + [NEWER] * 1000
    items = [
        Item(number, SOURCE_TYPES[number % 2], moment(number), number / 3, tags=frozenset({tag}))
        for number, tag in enumerate(halves)
    ]
    with psycopg.connect(module_database_url, autocommit=True) as conn:
        rebuilt(conn, Random(0), Gallery(items, {NEWER: "newer", OLDER: "older"}, []))
        conn.execute("VACUUM ANALYZE")
    return module_database_url


def explain(conn: Connection, wanted: Filter, **others: Any) -> dict[str, Any]:
    told = calls.value_of(conn, "gallery_explain", **calls.arguments(wanted, **others))
    assert isinstance(told, dict)
    return told


def took(conn: Connection, wanted: Filter, **others: Any) -> dict[str, int]:
    measured = explain(conn, wanted, **others)["took"]
    assert isinstance(measured, dict)
    return measured


@pytest.mark.parametrize(
    "wanted", [Filter(), Filter(tags_all=[NEWER]), Filter(tags_any=[NEWER, OLDER])], ids=str
)
def test_every_strategy_is_told_with_its_estimate_and_why_it_may_be_out_of_the_question(
    conn: Connection, wanted: Filter
) -> None:
    told = {row["strategy"]: row for row in explain(conn, wanted)["estimates"]}
    assert set(told) == set(STRATEGIES)
    for strategy, row in told.items():
        if strategy in SEEDS and not wanted.tags_all:
            assert "tags_all" in row["unable"]
        else:
            assert "unable" not in row
            assert row["cost"] > 0
            assert row["candidates"] > 0
    configure(conn, **{name: False for name in SWITCHES.values() if name != "enable_ordered_walk"})
    for row in explain(conn, wanted)["estimates"]:
        on = SWITCHES[row["strategy"]] == "enable_ordered_walk"
        assert ("is false" in row.get("unable", "")) == (not on)
    configure(conn, performance=None)


@pytest.mark.parametrize("wanted", [Filter(tags_all=[OLDER]), Filter(tags_all=[NEWER]), Filter()])
def test_what_is_told_of_the_choice_is_what_pick_strategy_tells(
    conn: Connection, wanted: Filter
) -> None:
    (picked,) = calls.rows_of(conn, "gallery_pick_strategy", **calls.arguments(wanted))
    told = explain(conn, wanted)
    for name in ("strategy", "reason", "k", "rarest_count"):
        assert told[name] == getattr(picked, name)


def test_a_strategy_that_was_asked_for_is_told_as_such(conn: Connection) -> None:
    for strategy in STRATEGIES:
        told = explain(conn, Filter(tags_all=[NEWER]), strategy=strategy)
        assert told["strategy"] == strategy
        assert "asked" in told["reason"]


def test_what_a_walk_took_are_the_items_that_it_passed(conn: Connection) -> None:
    """The newer half, a page and the item that shows that it goes on; then the page's rows."""
    wanted = Filter(tags_all=[OLDER])
    told = took(conn, wanted, strategy="ordered_walk", page_size=20)
    assert told["rows"] == 20
    assert told["items"] in range(1000 + 21 + 20, 1000 + 21 + 20 + 5)
    assert told["tag_probes"] in range(1000 + 21, 1000 + 21 + 5)
    assert told["containers"] == 0


def test_what_a_list_took_are_the_rows_of_the_list_and_its_items(conn: Connection) -> None:
    told = took(conn, Filter(tags_all=[OLDER]), strategy="self_join", page_size=20)
    assert told["tag_rows"] == 1000
    assert told["tag_probes"] == len(SOURCE_TYPES)
    assert told["items"] >= 1000 + 20


def test_what_the_bitmaps_took_are_containers_and_the_rows_of_the_page(conn: Connection) -> None:
    told = took(conn, Filter(tags_all=[OLDER]), strategy="bitmap", page_size=20)
    assert told["containers"] > 0
    assert told["tag_rows"] == told["tag_probes"] == 0
    assert told["items"] in range(20, 20 + 5)


def test_the_steps_are_told_with_what_each_found_and_how_it_ended(conn: Connection) -> None:
    """No title holds the word: the walk spends its budget, and the rest is gone through."""
    first, last = explain(conn, Filter(search="absent"))["steps"]
    assert (first["strategy"], last["strategy"]) == ("ordered_walk", "full_scan")
    assert first["budget"] > 0
    assert "budget was spent" in first["ended"]
    assert "budget" not in last
    assert "all there are" in last["ended"]
    for step in (first, last):
        assert step["found"] == 0
        assert step["estimate"] > 0
        assert step["ms"] > 0


def test_steps_that_were_not_needed_are_told_as_such(conn: Connection) -> None:
    first, last = explain(conn, Filter(min_quality=0.5))["steps"]
    assert first["found"] == 26  # one more than the page has
    assert "all that was wanted" in first["ended"]
    assert "not needed" in last["ended"]
    assert "found" not in last


def test_no_step_takes_what_is_switched_off(conn: Connection) -> None:
    """Whatever else is on, in either sort, with conditions that have keys and that have none."""
    filters = [Filter(tags_all=[OLDER]), Filter(tags_all=[OLDER], search="a"), Filter(search="a")]
    try:
        for off in sorted(set(SWITCHES.values())):
            configure(conn, **{name: name != off for name in SWITCHES.values()})
            for wanted in filters:
                if off == "enable_ordered_walk" and not wanted.tags_all:
                    continue
                for sort in ("created_at", "quality_score"):
                    steps = explain(conn, wanted, sort_field=sort)["steps"]
                    assert steps
                    assert off not in {SWITCHES[step["strategy"]] for step in steps}
    finally:
        configure(conn, performance=None)


def test_the_buffers_told_are_those_of_the_page(conn: Connection) -> None:
    """At the least: any run may have to read the catalogs anew, after another's ANALYZE."""
    for wanted in (Filter(), Filter(tags_all=[OLDER])):
        for strategy in (None, "ordered_walk"):
            given = calls.arguments(wanted, strategy=strategy)
            told = took(conn, wanted, strategy=strategy)
            seen = [took(conn, wanted, strategy=strategy)["shared_buffers"] for _ in range(3)]
            real = [buffers_of(conn, "gallery_page", given) for _ in range(3)]
            assert min(seen) == pytest.approx(min(real), rel=0.05, abs=5)
            assert told["ms"] > 0
            assert 0 <= told["read_from_disk"] <= told["shared_buffers"]


def test_explain_takes_every_argument_of_a_page(conn: Connection) -> None:
    wanted = Filter(tags_all=[NEWER], created_before=moment(1500), min_quality=1.0)
    given: dict[str, Any] = {"sort_field": "quality_score", "sort_order": "asc", "page_size": 300}
    first = calls.page(conn, wanted, **given)
    assert took(conn, wanted, **given)["rows"] == 300
    second = took(conn, wanted, **given, cursor=first.next_cursor)
    assert second["rows"] == 200


@pytest.mark.parametrize(
    ("others", "sqlstate"),
    [
        ({"cursor": "x"}, "TG001"),
        ({"page_size": 0}, "TG004"),
        ({"strategy": "none"}, "TG004"),
        ({"strategy": "self_join"}, "TG005"),
    ],
    ids=str,
)
def test_explain_refuses_what_a_page_refuses(
    conn: Connection, others: dict[str, Any], sqlstate: str
) -> None:
    for function in (explain, calls.page):
        with pytest.raises(psycopg.Error) as refusal:
            function(conn, Filter(), **others)
        assert refusal.value.sqlstate == sqlstate


def test_both_run_in_a_read_only_transaction(conn: Connection) -> None:
    conn.execute("BEGIN READ ONLY")
    explain(conn, Filter(tags_all=[OLDER]))
    calls.rows_of(conn, "gallery_pick_strategy", tags_all=[OLDER])
    conn.execute("COMMIT")


def test_any_query_is_explained(conn: Connection, server: Any) -> None:
    random = Random(7)
    gallery = random_gallery(random, 60)
    with psycopg.connect(server.new_database(), autocommit=True) as other:
        rebuilt(other, random, gallery)
        for _ in range(60):
            wanted, sort = random_filter(random, gallery), random.choice(SORTS)
            told = explain(
                other, wanted, sort_field=sort.field, sort_order=sort.order, page_size=500
            )
            assert told["took"]["rows"] == sum(matches(item, wanted) for item in gallery.items)
            picked = calls.rows_of(other, "gallery_pick_strategy", **calls.arguments(wanted))
            assert picked[0].reason
