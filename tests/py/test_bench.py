"""The benchmark: its galleries are what they are said to be, and its rivals answer right.

Nothing here asserts a time.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
import pytest
from typer.testing import CliRunner

import calls
import oracle
from harness.server import Server
from pg_gallery.cli import app
from pg_gallery_bench import BenchError, run
from pg_gallery_bench.cold import can_be_cold, measure_cold
from pg_gallery_bench.dataset import FULL_TOTAL, Dataset, Size
from pg_gallery_bench.generate import create, how_created
from pg_gallery_bench.growth import grow
from pg_gallery_bench.load import Load
from pg_gallery_bench.matrix import SPECIAL_TAGS, Catalog, matrix
from pg_gallery_bench.measure import Effort, measure, same
from pg_gallery_bench.query import FACET_LIMIT, PAGE_SIZE, Answer, Asked, Filter, Query
from pg_gallery_bench.report.chapter import chapter
from pg_gallery_bench.report.page import page
from pg_gallery_bench.report.terminal import report
from pg_gallery_bench.results import (
    A_TWELFTH,
    CANONICAL,
    ORIGINAL,
    OURS,
    GrowthPoint,
    LoadPoint,
    Measured,
    Plan,
    QueryResult,
    Results,
    RivalInfo,
    Upkeep,
)
from pg_gallery_bench.rivals import arrays
from pg_gallery_bench.rivals.arrays import ArrayByIndex, ArrayByWalk
from pg_gallery_bench.rivals.base import CannotExpressError, Request, Rival, TimedOutError
from pg_gallery_bench.rivals.engine import SearchEngine
from pg_gallery_bench.rivals.obvious import Exists, Original
from pg_gallery_bench.rivals.ours import STRATEGIES, OneStrategy, Ours
from pg_gallery_bench.shapes import SHAPES, random_queries
from pg_gallery_bench.summary import Promise, disagreements, promises
from pg_gallery_bench.upkeep import measure_upkeep
from pg_gallery_bench.writing import WriterPlan

TINY = Size.of(600, 30)
TIMEOUT = 30.0


# --- the gallery ---


def test_the_real_size_is_the_real_galleries() -> None:
    size = Size.scaled()
    assert (size.items, size.auto, size.tag_rows) == (65_204, 1_104_089, 88_146_610)
    assert (size.tags, size.creators) == (20_000, 2_000)


def test_a_seed_and_a_size_always_make_the_same_gallery() -> None:
    assert digest(Dataset(TINY, 1)) == digest(Dataset(TINY, 1))
    assert digest(Dataset(TINY, 1)) != digest(Dataset(TINY, 2))


@pytest.mark.parametrize("size", [Size.of(100), TINY, Size.of(20_000, 8), Size.of(40_000, 100)])
def test_tag_rows_are_as_many_as_said_sorted_and_distinct(size: Size) -> None:
    total = 0
    last = ("items", b"")
    for rows in Dataset(size).tag_rows():
        keys = [
            identity.to_bytes(8, "big") + tag
            for identity, tag in zip(rows.content_id.tolist(), rows.tag_id.tolist(), strict=True)
        ]
        assert all(one < other for one, other in pairwise(keys))
        assert rows.source != last[0] or last[1] < keys[0]
        last = (rows.source, keys[-1])
        total += len(rows)
    assert total == size.tag_rows


def test_every_special_tag_is_as_it_is_named_at_the_real_size() -> None:
    dataset = Dataset(Size.scaled())
    places = {name: set(array.tolist()) for name, array in dataset.specials.items()}
    assert places.keys() == set(SPECIAL_TAGS)
    assert {name: len(carriers) for name, carriers in places.items()} == {
        "anime": 870_885,
        "half_a": FULL_TOTAL // 2,
        "half_b": FULL_TOTAL - FULL_TOTAL // 2,
        "superset_300k": 300_000,
        "subset_200k": 200_000,
        "pair_50k_a": 50_000,
        "pair_50k_b": 50_000,
        "old_only": 30_000,
        "count_16044": 16_044,
        "count_5000": 5_000,
        "count_40": 40,
        "count_1": 1,
    }
    assert sum(place < dataset.items.first_auto for place in places["anime"]) == 48_085
    assert places["half_a"].isdisjoint(places["half_b"])
    assert places["pair_50k_a"].isdisjoint(places["pair_50k_b"])
    assert places["subset_200k"] < places["superset_300k"]
    assert places["old_only"] <= set(dataset.items.oldest_first()[: FULL_TOTAL // 10].tolist())


def test_items_share_moments_and_ids_and_some_lack_what_may_be_lacking() -> None:
    items = Dataset(Size.of(20_000)).items
    assert len(np.unique(items.created_us)) < 0.7 * len(items.created_us)
    assert set(items.ids[: items.first_auto].tolist()) & set(items.ids[items.first_auto :].tolist())
    assert 0.02 < items.private.mean() < 0.04
    assert not (items.private & (items.creator < 0)).any()
    assert 0.03 < np.isnan(items.quality).mean() < 0.07
    assert (items.creator < 0).any()


def test_a_few_tags_and_creators_are_on_most_items() -> None:
    size = Size.of(20_000, 50)
    dataset = Dataset(size)
    carried = Counter(tag for rows in dataset.tag_rows() for tag in rows.tag_id.tolist())
    general = [carried[tag] for tag in dataset.tag_ids[: size.tags].tolist()]
    assert general[0] > size.total / 3
    assert general[len(general) // 2] < size.total / 50
    made = np.bincount(dataset.items.creator[dataset.items.creator >= 0])
    assert made[: len(made) // 10].sum() > 0.4 * size.total


@pytest.mark.parametrize(("total", "tags_per_item"), [(99, None), (1000, 3), (1000, 101)])
def test_sizes_that_can_not_be_made_are_refused(total: int, tags_per_item: float | None) -> None:
    with pytest.raises(BenchError):
        Size.of(total, tags_per_item)


# --- in a database ---


@pytest.fixture(scope="module")
def gallery_url(server: Server) -> Iterator[str]:
    """The URL of a tiny gallery, for tests that leave it as it is."""
    url = server.new_database()
    create(url, TINY)
    arrays.build(url)
    yield url
    server.drop_database(url)


@pytest.fixture
def gallery(gallery_url: str) -> Iterator[calls.Connection]:
    with psycopg.connect(gallery_url, autocommit=True) as connection:
        yield connection


def test_a_created_gallery_holds_what_was_asked_for(gallery: calls.Connection) -> None:
    counts = (
        ("SELECT count(*) FROM content_items", TINY.items),
        ("SELECT count(*) FROM content_items_auto", TINY.auto),
        ("SELECT count(*) FROM content_tags", TINY.tag_rows),
        ("SELECT count(*) FROM tags", TINY.tags + len(SPECIAL_TAGS)),
        ("SELECT count(*) FROM users", TINY.creators),
        ("SELECT sum(cardinality) FROM tag_cardinality_stats", TINY.tag_rows),
    )
    for query, expected in counts:
        assert calls_value(gallery, query) == expected, query
    assert calls.rows_of(gallery, "gallery_verify") == []
    assert how_created(gallery).size == TINY


def test_a_created_gallery_has_its_keys_and_triggers_again(
    gallery: calls.Connection, conn: calls.Connection
) -> None:
    for query in (
        "SELECT conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint"
        " WHERE conrelid = 'content_tags'::regclass ORDER BY conname",
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid), indisvalid FROM pg_index"
        " WHERE indrelid = 'content_tags'::regclass ORDER BY 1",
        "SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger"
        " WHERE NOT tgisinternal ORDER BY 1, 2",
    ):
        made = gallery.execute(calls.query(query)).fetchall()
        assert made == conn.execute(calls.query(query)).fetchall()
        assert made


def test_a_new_item_gets_an_id_that_no_created_one_has(gallery: calls.Connection) -> None:
    highest = calls_value(gallery, "SELECT max(id) FROM content_items_all")
    assert calls_value(gallery, "SELECT nextval('content_items_id_seq')") > highest


def test_a_database_that_holds_rows_is_left_alone(gallery_url: str) -> None:
    with pytest.raises(BenchError, match="isn't empty"):
        create(gallery_url, TINY)


def test_a_gallery_that_was_not_created_is_not_measured(conn: calls.Connection) -> None:
    with pytest.raises(BenchError, match="wasn't made"):
        how_created(conn)


def test_every_rival_and_strategy_gives_the_oracles_answer_to_every_query(
    gallery_url: str, gallery: calls.Connection, tmp_path: Path
) -> None:
    items = calls.read_items(gallery)
    names = {tag: name for name, tag in Catalog.read(gallery).tags.items()}
    ours = Ours(gallery_url, TIMEOUT)
    rivals: list[Rival] = [
        ours,
        *(rival(gallery_url, TIMEOUT) for rival in (Original, Exists, ArrayByIndex, ArrayByWalk)),
        SearchEngine(gallery_url, tmp_path),
        *(OneStrategy(gallery_url, TIMEOUT, strategy) for strategy in STRATEGIES),
    ]
    answered: Counter[str] = Counter()
    catalog = Catalog.read(gallery)
    for query in (*matrix(catalog), *random_queries(catalog, 5, seed=1)):
        asked = ours.locate(query)
        expected = answer_of_oracle(items, names, asked)
        for rival in rivals:
            try:
                request = rival.request(asked)
            except CannotExpressError:
                continue
            answer = request.answer(request.run())
            assert same(answer, expected), (rival.name, query, answer, expected)
            answered[rival.name] += 1
    for rival in rivals:
        assert answered[rival.name] > 20, rival.name
        rival.close()


def test_the_matrix_asks_no_query_twice(gallery: calls.Connection) -> None:
    queries = matrix(Catalog.read(gallery))
    titles = Counter((query.group, query.name) for query in queries)
    assert max(titles.values()) == 1
    assert any(query.name == CANONICAL for query in queries)


def test_growth_asks_the_same_at_every_size(database_url: str) -> None:
    points = grow(database_url, [200, 400], Effort(1, 1), TIMEOUT, quiet)
    assert [point.items for point in points] == [200, 400]
    assert points[0].medians.keys() == points[1].medians.keys()
    assert all(median for query in points[1].medians.values() for median in query.values())


def test_load_serves_pages_and_leaves_the_gallery_as_it_was(
    gallery_url: str, gallery: calls.Connection
) -> None:
    before = calls.read_items(gallery)
    catalog = Catalog.read(gallery)
    pages = [Asked(query) for query in matrix(catalog) if query.group == "two tags"]
    load = Load(gallery_url, pages, new_items(catalog), seconds=1.5, writes_per_second=100)
    point = load.with_clients(2)
    assert point.pages > 0
    assert point.errors == 0
    assert point.writes > 0
    assert point.refreshes > 0
    assert by_key(calls.read_items(gallery)) == by_key(before)
    assert calls.rows_of(gallery, "gallery_verify") == []


def test_upkeep_leaves_the_gallery_as_it_was(gallery_url: str, gallery: calls.Connection) -> None:
    before = calls.read_items(gallery)
    found = measure_upkeep(gallery_url, new_items(Catalog.read(gallery)), 1.0)
    assert found.index_bytes > 0
    assert found.junction_bytes > 0
    assert by_key(calls.read_items(gallery)) == by_key(before)
    assert calls.rows_of(gallery, "gallery_verify") == []


@pytest.mark.skipif(not can_be_cold(), reason="files can't be dropped from memory here")
def test_cold_runs_find_the_rows_after_every_restart() -> None:
    from pg_gallery import migrate  # noqa: PLC0415 - slow to import, seldom needed
    from pg_gallery.embedded import EmbeddedServer  # noqa: PLC0415 - not for every platform

    with EmbeddedServer.temporary() as server:
        migrate.upgrade(server.url)
        create(server.url, TINY)
        with psycopg.connect(server.url) as connection:
            tag = Catalog.read(connection).ids("count_5000")
        asked = Asked(Query("g", "q", Filter(tags_all=tag)))
        rivals = [partial(rival, server.url, TIMEOUT) for rival in (Ours, Exists)]
        (result,) = measure_cold(server, [asked], rivals, asked, quiet)
    rows = {name: one.rows for name, one in result.measured.items()}
    assert rows.keys() == {OURS, "EXISTS"}
    assert rows[OURS] == rows["EXISTS"] != 0


@pytest.mark.skipif(not can_be_cold(), reason="files can't be dropped from memory here")
def test_a_rival_that_times_out_on_its_way_to_a_cold_run_is_measured_all_the_same() -> None:
    from pg_gallery.embedded import EmbeddedServer  # noqa: PLC0415 - not for every platform

    asked = Asked(Query("g", "q", kind="count"))
    with EmbeddedServer.temporary() as server:
        (result,) = measure_cold(
            server, [asked], [lambda: FakeRival("a", TimedOutError(), [])], asked, quiet
        )
    assert result.measured["a"].verdict == "timed out"


# --- the measurement ---


class FakeRival(Rival):
    """Answers what it is told to, and notes its turn."""

    about = "a fake"

    def __init__(self, name: str, answer: Answer | Exception, turns: list[str]) -> None:
        self.name = name
        self._answer = answer
        self._turns = turns

    def request(self, asked: Asked) -> Request:
        if isinstance(self._answer, CannotExpressError):
            raise self._answer
        return FakeRequest(self.name, self._answer, self._turns)


class FakeRequest(Request):
    """A query to a fake rival."""

    def __init__(self, name: str, answer: Answer | Exception, turns: list[str]) -> None:
        self._name, self._answer, self._turns = name, answer, turns

    def run(self) -> Any:
        self._turns.append(self._name)
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer

    def answer(self, result: Any) -> Answer:
        return result  # type: ignore[no-any-return]

    def plan(self) -> Plan:
        return Plan(3, "a plan")


def test_rivals_take_turns_and_the_last_run_of_a_short_turn_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns: list[str] = []
    spent = iter(range(1000))
    monkeypatch.setattr("pg_gallery_bench.measure.timed", lambda run: (next(spent) / 1000, run()))
    rivals = [FakeRival(name, 5, turns) for name in ("a", "b")]
    measured = measure(Asked(Query("g", "q", kind="count")), rivals, Effort(3, 60))
    assert turns == ["a", "b"] + [*"aaaa", *"bbbb"] * 3
    assert measured["a"].milliseconds == [0.005, 0.013, 0.021]
    assert measured["a"].plan == Plan(3, "a plan")


def test_a_long_turn_is_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[str] = []
    monkeypatch.setattr("pg_gallery_bench.measure.timed", lambda run: (20.0, run()))
    rivals = [FakeRival(name, 5, turns) for name in ("a", "b")]
    measure(Asked(Query("g", "q", kind="count")), rivals, Effort(2, 60))
    assert turns == ["a", "b"] * 3


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (5, "same"),
        (6, "different"),
        (TimedOutError(), "timed out"),
        (CannotExpressError("no words for it"), "cannot express"),
        (psycopg.errors.UndefinedFunction("gone"), "failed"),
    ],
)
def test_a_rival_is_told_by_what_it_did(answer: Answer | Exception, verdict: str) -> None:
    rivals = [FakeRival(OURS, 5, []), FakeRival("b", answer, [])]
    measured = measure(Asked(Query("g", "q", kind="count")), rivals, Effort(1, 1))
    assert measured[OURS].verdict == "same"
    assert measured["b"].verdict == verdict
    assert (measured["b"].median is None) == (verdict not in ("same", "different"))


def test_a_rival_that_has_used_its_time_is_not_run_again() -> None:
    turns: list[str] = []
    measured = measure(Asked(Query("g", "q")), [FakeRival("a", 5, turns)], Effort(9, 0))
    assert turns == ["a"]
    assert len(measured["a"].milliseconds) == 1


def test_a_rival_that_takes_too_long_to_run_once_more_is_not_explained() -> None:
    rivals = [FakeRival("a", 5, [])]
    asked = Asked(Query("g", "q"))
    assert measure(asked, rivals, Effort(1, 1))["a"].plan == Plan(3, "a plan")
    assert measure(asked, rivals, Effort(1, 1, explain_seconds=0))["a"].plan is None


def test_answers_are_the_same_but_for_the_order_of_the_last_facets() -> None:
    a, b, c = Dataset(TINY).items.ids[:3].tolist()
    assert same([("auto", a), ("items", a)], [("auto", a), ("items", a)])
    assert not same([("auto", a), ("items", a)], [("items", a), ("auto", a)])
    tags = {n: UUID(int=n) for n in (a, b, c)}
    assert same([(tags[a], 9), (tags[b], 5)], [(tags[a], 9), (tags[c], 5)])
    assert not same([(tags[a], 9), (tags[b], 5)], [(tags[c], 9), (tags[b], 5)])
    assert not same([(tags[a], 9), (tags[b], 5)], [(tags[a], 9), (tags[b], 4)])


# --- what the results say ---


def results_of(**medians: float | None) -> Results:
    """The results of the canonical query alone, in milliseconds; None for a time-out."""
    names = {OURS: "ours", ORIGINAL: "rival", "engine": "engine"}
    measured = {
        name: Measured("timed out") if median is None else Measured("same", [median], 25)
        for name, median in medians.items()
    }
    return Results(
        preset="small",
        machine={"date": "2025-01-01", "PostgreSQL": "18", "processor": "<one>", "memory": "1"},
        size={"items": 1, "auto": 1_000_000, "tag_rows": 3, "tags": 4, "creators": 5},
        created={"items": 1.0},
        rivals=[RivalInfo(name, names[name], "", {}) for name in medians],  # type: ignore[arg-type]
        timeout_seconds=60,
        matrix=[QueryResult("the group", CANONICAL, "page", measured)],
        load=[LoadPoint(n, 1.0, 100 * n, 0, 1.0, 2.0, 3.0, 4, 1, 0.1) for n in (1, 2)],
    )


@pytest.mark.parametrize(
    ("ours", "original", "engine", "holding"),
    [
        (1.0, 2000.0, 2.0, (True, True, True, True)),
        (1.0, 900.0, 2.0, (True, False, True, True)),
        (1.0, None, 2.0, (True, True, True, True)),  # the time-out itself is 60,000 times ours
        (1.0, 2000.0, 0.5, (True, True, False, True)),  # within 1.5 times and half a millisecond
        (1.0, 2000.0, 0.3, (True, True, False, False)),
    ],
)
def test_promises_hold_or_fail_by_the_figures(
    ours: float, original: float | None, engine: float, holding: tuple[bool, ...]
) -> None:
    results = results_of(**{OURS: ours, ORIGINAL: original, "engine": engine})
    assert tuple(promise.holds for promise in promises(results)[:4]) == holding


def test_of_a_small_gallery_nothing_but_the_rows_is_promised() -> None:
    results = results_of(**{OURS: 9.0, ORIGINAL: 9.0, "engine": 0.1})
    results.size["auto"] = 999_000
    assert [promise.holds for promise in promises(results)] == [True]


@pytest.mark.parametrize(("buffers", "holds"), [(220, True), (221, False)])
def test_the_choice_is_compared_with_the_strategy_that_touches_least(
    buffers: int, holds: bool
) -> None:
    results = results_of(**{OURS: 1.0, ORIGINAL: 2000.0})
    measured = results.matrix[0].measured
    measured[OURS].plan = Plan(buffers, "")
    for name, fewest in (("bitmap", 500), ("self_join", 100)):
        results.rivals.append(RivalInfo(name, "strategy", "", {}))
        measured[name] = Measured("same", [1.0], 25, Plan(fewest, ""))
    assert promise_about(results, "buffers").holds == holds


@pytest.mark.parametrize(
    ("group", "name", "most"),
    [
        ("one tag", "count_40", 4),
        ("two tags", "disjoint", 6),
        ("A and not B", "inside", 6),
        ("many tags", "ten mixed", 15),
        ("counts", "anime", 20),
        ("facets", A_TWELFTH, 200),
    ],
)
def test_times_are_promised_in_those_of_an_unfiltered_page(
    group: str, name: str, most: float
) -> None:
    about = {"many tags": "Ten tags", "facets": "Facets"}.get(group, group)
    for median, holds in ((2.0 * most, True), (2.1 * most, False)):
        results = results_in_units()
        results.matrix.append(query_of(group, name, median=median))
        assert promise_about(results, about).holds == holds


@pytest.mark.parametrize(("waiting", "holds"), [(12.0, True), (12.2, False)])
def test_what_waiting_items_add_is_told_in_pages_too(waiting: float, holds: bool) -> None:
    results = results_in_units()
    results.matrix.append(query_of("one tag", "count_40", median=4.0))
    results.dirty = [query_of("one tag", "count_40", median=waiting)]
    assert promise_about(results, "wait").holds == holds


@pytest.mark.parametrize(
    ("change", "about", "holds"),
    [
        ({}, "a twentieth", True),
        ({"index_bytes": 51}, "a twentieth", False),
        ({}, "It is built", True),
        ({"rebuild_seconds": 21.0}, "It is built", False),
        ({}, "triggers", True),
        ({"insert_ms": 1.2}, "triggers", False),
        ({}, "refresh", True),
        ({"refresh_seconds": 2.1}, "refresh", False),
    ],
)
def test_what_the_index_takes_is_compared_with_what_is_promised(
    change: dict[str, Any], about: str, holds: bool
) -> None:
    results = results_of(**{OURS: 1.0, ORIGINAL: 2000.0})
    kept = Upkeep(
        junction_bytes=1000,
        index_bytes=50,
        junction_index_seconds=10.0,
        rebuild_seconds=20.0,
        insert_ms=1.09,
        insert_untriggered_ms=1.0,
        refresh_new_items=1000,
        refresh_seconds=2.0,
    )
    results.upkeep = replace(kept, **change)
    assert promise_about(results, about).holds == holds


@pytest.mark.parametrize("verdict", ["different", "failed"])
def test_other_rows_or_a_failure_are_found(verdict: Any) -> None:
    results = results_of(**{OURS: 1.0, ORIGINAL: 2000.0, "engine": 2.0})
    assert disagreements(results) == []
    results.matrix[0].measured["engine"] = Measured(verdict, note="why")
    assert disagreements(results) == [(results.matrix[0], "engine")]
    assert not promises(results)[0].holds


def test_results_are_the_same_after_json() -> None:
    results = results_of(**{OURS: 1.0, ORIGINAL: None, "engine": 2.0})
    results.matrix[0].measured[OURS].plan = Plan(7, "a plan")
    assert Results.from_json(json.loads(json.dumps(results.as_json()))) == results


def test_every_report_shows_every_query_and_needs_nothing_from_elsewhere() -> None:
    results = results_of(**{OURS: 1.0, ORIGINAL: 2000.0, "engine": 2.0})
    medians = {CANONICAL: {OURS: 1.0, ORIGINAL: None}}
    results.growth = [GrowthPoint(items, 1, 1.0, 1, medians) for items in (1, 2)]
    html, markdown = page(results), chapter(results)
    for text in (html, markdown):
        assert CANONICAL in text
        assert "2,000.00" in text
    assert "http" not in html
    assert "<one>" not in html, "what comes from the machine is escaped"
    plots = re.findall(r'<img alt="([^"]+)" src="data:image/svg\+xml;base64,', html)
    assert plots == [
        "How many times longer each rival takes",
        "The time of every query at every rival",
        "pages a second",
        "latency",
        CANONICAL,
    ]
    assert html.count("<img") == len(plots)
    assert report(results) is not None


def test_the_chapter_says_which_steps_its_run_left_out() -> None:
    results = results_of(**{OURS: 1.0, ORIGINAL: 2000.0})
    assert "matrix" not in results.left_out()
    results.growth, results.cold = [], []
    assert results.left_out()[-2:] == ["growth", "cold"]
    assert f"Not measured in this run: {', '.join(results.left_out())}." in chapter(results)


# --- the commands ---


def test_the_command_creates_and_says_what_it_made(database_url: str) -> None:
    arguments = ["bench", "create", "--url", database_url, "--items", "300", "--json"]
    ended = CliRunner().invoke(app, [*arguments, "--tags-per-item", "20"])
    assert ended.exit_code == 0, ended.output
    made = json.loads(ended.stdout)
    assert made["size"]["tag_rows"] == 6000
    assert made["seconds"].keys() >= {"items", "tag rows", "indexes", "gallery_rebuild"}
    again = CliRunner().invoke(app, arguments)
    assert again.exit_code == 1
    assert "isn't empty" in again.stderr


def test_the_command_measures_writes_its_results_and_reports_them_again(
    gallery_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    preset = replace(run.PRESETS["small"], size=TINY, effort=Effort(1, 0.1), random=1)
    monkeypatch.setitem(run.PRESETS, "small", preset)
    monkeypatch.setattr(run, "matrix", some_queries)
    steps = ("--only", "matrix", "--only", "random", "--only", "plans")
    arguments = ["bench", "run", "--url", gallery_url, *steps]
    ended = CliRunner().invoke(app, [*arguments, "--to", str(tmp_path), "--json"])
    assert ended.exit_code == 0, ended.output
    written = tmp_path / "results.json"
    results = Results.from_json(json.loads(written.read_text()))
    assert results == Results.from_json(json.loads(ended.stdout))
    assert disagreements(results) == []
    assert [query.group for query in results.random] == [shape.name for shape in SHAPES]
    assert all(query.measured[OURS].plan for query in results.random)
    assert results.explained.keys() == set(STRATEGIES)
    assert CANONICAL in (tmp_path / "report.html").read_text()
    again = CliRunner().invoke(
        app, ["bench", "report", str(written), "--markdown", str(tmp_path / "performance.md")]
    )
    assert again.exit_code == 0, again.output
    assert CANONICAL in (tmp_path / "performance.md").read_text()


def test_a_file_that_holds_no_results_is_told(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    file.write_text("{}")
    ended = CliRunner().invoke(app, ["bench", "report", str(file)])
    assert ended.exit_code == 1
    assert "doesn't hold the results" in ended.stderr


# --- helpers ---


def digest(dataset: Dataset) -> str:
    """A digest of every row."""
    everything = sha256()
    for rows in dataset.tag_rows():
        everything.update(rows.content_id.tobytes() + rows.tag_id.tobytes())
    items = dataset.items
    for column in (items.ids, items.created_us, items.creator, items.quality, items.private):
        everything.update(column.tobytes())
    everything.update(dataset.tag_ids.tobytes() + dataset.user_ids.tobytes())
    everything.update(repr(dataset.texts(0, dataset.size.total)).encode())
    return everything.hexdigest()


def answer_of_oracle(items: list[oracle.Item], names: dict[Any, str], asked: Asked) -> Answer:
    """What the answer must be, by brute force."""
    query = asked.query
    wanted = oracle.Filter(
        **{
            name: as_oracle(value)
            for name, value in vars(query.filter).items()
            if value not in ((), "", None)
        }
    )
    if query.kind == "facets":
        found = oracle.facets(items, wanted, names, FACET_LIMIT)
        return [(tag, count) for tag, _, count in found]
    result = oracle.ordered(items, wanted, oracle.Sort(query.sort_field, query.sort_order))
    if query.kind == "count":
        return len(result)
    return [(item.source_type, item.id) for item in result[asked.rank : asked.rank + PAGE_SIZE]]


def as_oracle(value: Any) -> Any:
    """A value of a filter as the oracle takes it."""
    if not hasattr(value, "isoformat"):
        return value
    since = value - oracle.EPOCH
    return oracle.moment((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)


def results_in_units() -> Results:
    """Results in which an unfiltered page, and one query of each kind, takes two milliseconds."""
    results = results_of(**{OURS: 1.0, ORIGINAL: 2000.0})
    for group, name in (
        ("one tag", "no tag at all"),
        ("two tags", "any"),
        ("A and not B", "any"),
        ("many tags", "ten middling"),
        ("counts", "any"),
    ):
        results.matrix.append(query_of(group, name, median=2.0))
    return results


def query_of(group: str, name: str, *, median: float) -> QueryResult:
    """Ours, and the original that took a minute."""
    measured = {OURS: median, ORIGINAL: 60_000.0}
    return QueryResult(
        group, name, "page", {who: Measured("same", [took], 25) for who, took in measured.items()}
    )


def promise_about(results: Results, words: str) -> Promise:
    """The one promise that has these words in it."""
    (found,) = [promise for promise in promises(results) if words in promise.text]
    return found


def by_key(items: list[oracle.Item]) -> dict[oracle.Key, oracle.Item]:
    return {item.key: item for item in items}


def some_queries(catalog: Catalog) -> list[Query]:
    """A part of the matrix."""
    return [one for one in matrix(catalog) if one.group in ("the original failure", "two tags")]


def new_items(catalog: Catalog) -> WriterPlan:
    return WriterPlan(catalog.ids(*catalog.general), list(catalog.users.values()), 30)


def calls_value(connection: calls.Connection, query: str) -> Any:
    row = connection.execute(calls.query(query)).fetchone()
    return row and row[0]


def quiet(step: str, done: float, whole: float) -> None:
    """No progress is shown."""
