"""The benchmark's random queries: what is drawn, and what is said of what they took."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random
from uuid import UUID

import pytest
from typer.testing import CliRunner

from pg_gallery.cli import app
from pg_gallery_bench import run
from pg_gallery_bench.cliffs import Figures, cliffs, most_buffers, spreads
from pg_gallery_bench.matrix import Catalog
from pg_gallery_bench.report.chapter import chapter
from pg_gallery_bench.report.page import page
from pg_gallery_bench.results import OURS, Measured, Plan, QueryResult, Results, RivalInfo
from pg_gallery_bench.shapes import SHAPES, Shape, random_queries

NAMES = [f"tag {rank}" for rank in range(10_000)]
CATALOG = Catalog({name: UUID(int=rank) for rank, name in enumerate(NAMES)}, {}, NAMES, [], [])


def took(
    name: str, milliseconds: float | None, buffers: int | None, *others: int, kind: str = "page"
) -> QueryResult:
    """What a random query took, and the buffers of some strategies."""
    measured = {OURS: measure(milliseconds, buffers)}
    measured |= {f"strategy {n}": measure(1.0, touched) for n, touched in enumerate(others)}
    return QueryResult("one tag", name, kind, measured)


def measure(milliseconds: float | None, buffers: int | None) -> Measured:
    if milliseconds is None:
        return Measured("timed out")
    plan = None if buffers is None else Plan(buffers, "")
    return Measured("same", [milliseconds], 25, plan)


def results_of(*random: QueryResult) -> Results:
    machine = {"date": "2025-01-01", "PostgreSQL": "18", "processor": "one", "memory": "1"}
    size = {"items": 1, "auto": 1, "tag_rows": 3, "tags": 4, "creators": 5}
    ours = RivalInfo(OURS, "ours", "", {})
    return Results("small", machine, size, {}, [ours], timeout_seconds=10, random=list(random))


# --- what is drawn ---


def test_a_seed_always_draws_the_same_queries_some_of_each_shape() -> None:
    drawn = random_queries(CATALOG, 3, seed=1)
    assert drawn == random_queries(CATALOG, 3, seed=1)
    assert drawn != random_queries(CATALOG, 3, seed=2)
    assert [query.group for query in drawn[::3]] == [shape.name for shape in SHAPES]
    assert len({(query.group, query.name) for query in drawn}) == len(drawn)


def test_tags_are_drawn_over_all_orders_of_magnitude() -> None:
    drawn = [query for query in random_queries(CATALOG, 400, seed=1) if query.group == "one tag"]
    ranks = [CATALOG.general.index(query.name.partition(": ")[2]) + 1 for query in drawn]
    for least in (1, 10, 100, 1000):
        of_the_magnitude = sum(least <= rank < 10 * least for rank in ranks)
        assert 60 < of_the_magnitude < 140, least


def test_a_query_asks_for_what_its_shape_says() -> None:
    shape = Shape("all at once", (2, 2), 3, 1, words=1, absent=True, best_first=True, deep=True)
    query = shape.draw(CATALOG, Random(1), "1")
    wanted = query.filter
    assert [len(tags) for tags in (wanted.tags_all, wanted.tags_any, wanted.tags_none)] == [2, 3, 1]
    assert len({*wanted.tags_all, *wanted.tags_any, *wanted.tags_none}) == 6
    assert len(wanted.search.split()) == 2
    assert query.rank > 0 and query.sort_field == "quality_score"


# --- what is said of it ---


def test_a_spread_is_the_middle_all_but_a_twentieth_and_the_worst() -> None:
    results = results_of(*(took(f"query {n}", float(n), 10 * n) for n in range(1, 101)))
    (spread,) = spreads(results)
    assert spread.milliseconds == Figures(50.0, 95.0, 100.0)
    assert spread.buffers == Figures(500, 950, 1000)
    assert (spread.queries, spread.worst) == (100, "query 100")


def test_a_time_out_counts_as_all_the_time_that_it_had() -> None:
    (spread,) = spreads(results_of(took("slow", None, None)))
    assert (spread.milliseconds.worst, spread.buffers, spread.worst) == (10_000, None, "slow")


@pytest.mark.parametrize(
    ("query", "cliff"),
    [
        (took("as much as it may", 1.0, 700, 900, 100), False),
        (took("one more", 1.0, 701, 900, 100), True),
        (took("never done", None, None, 100), True),
        (took("nobody else was done", None, None), False),
        (took("not of pages", 1.0, 701, 100, kind="count"), False),
    ],
    ids=lambda value: value.name if isinstance(value, QueryResult) else "",
)
def test_a_cliff_is_more_than_twice_the_best_strategys_buffers_and_500(
    query: QueryResult, cliff: bool
) -> None:
    assert [found.query for found in cliffs(results_of(query))] == [query] * cliff


def test_a_cliff_names_the_best_strategy() -> None:
    (cliff,) = cliffs(results_of(took("x", 1.0, 5_000, 900, 100)))
    assert (cliff.buffers, cliff.best, cliff.strategy) == (5_000, 100, "strategy 1")


def test_queries_with_words_and_without_are_bounded_apart() -> None:
    with_a_word = replace(took("x", 1.0, 50), group="a word and a tag")
    results = results_of(took("y", 1.0, 7), with_a_word)
    assert most_buffers(results, words=True) == 50
    assert most_buffers(results, words=False) == 7


def test_reports_show_every_shape_and_every_cliff() -> None:
    results = results_of(took("the worst of them", 1.0, 7_001, 100))
    for text in (chapter(results), page(results)):
        assert text.count("the worst of them") == 2
        assert text.count("7,001") >= 2


@pytest.mark.parametrize(
    ("arguments", "buffers", "code"),
    [((), 7_001, 0), (("--check",), 7_001, 1), (("--check",), 700, 0)],
)
def test_the_command_fails_at_a_cliff_where_it_is_asked_to(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: tuple[str, ...],
    buffers: int,
    code: int,
) -> None:
    results = results_of(took("x", 1.0, buffers, 100))
    monkeypatch.setattr(run, "create_and_run", lambda *_, **__: results)
    monkeypatch.delenv("PG_GALLERY_URL", raising=False)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    command = ["bench", "run", "--only", "random", "--to", str(tmp_path), *arguments]
    ended = CliRunner().invoke(app, command)
    assert ended.exit_code == code, ended.output
    assert "Random queries" in ended.output
