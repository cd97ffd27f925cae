"""The whole benchmark: the gallery, the rivals, and one measurement after the other.

The results are handed out after every step, so that a long run that is broken off has not been for
nothing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import psycopg

from pg_gallery import migrate
from pg_gallery.embedded import EmbeddedServer

from . import cold, generate, machine
from .dataset import Size
from .explain import explain_strategies
from .generate import Progress
from .growth import grow
from .load import Load
from .matrix import Catalog, matrix
from .measure import Effort, measure, timed
from .query import Asked, Query
from .results import CANONICAL, DIRTY_ITEMS, Measured, QueryResult, Results, RivalInfo
from .rivals import arrays
from .rivals.arrays import ArrayByIndex, ArrayByWalk
from .rivals.base import Rival
from .rivals.engine import SearchEngine
from .rivals.obvious import Exists, Original
from .rivals.ours import STRATEGIES, OneStrategy, Ours
from .shapes import random_queries
from .upkeep import changed_items, measure_upkeep
from .writing import WriterPlan

Keep: TypeAlias = "Callable[[Results], None]"
"""Told of the results after every step."""

_SQL_RIVALS = (Original, Exists, ArrayByIndex, ArrayByWalk)
_ONCE = Effort(runs=1, seconds=0.1)
_STRATEGY_SECONDS = 2  # a forced strategy that takes longer is not the best one
_EXPLAINED = "old_only and anime: old and popular"
_HARD_TAGS = ("one tag", "two tags", "A and not B", "many tags")
_COLD = (CANONICAL, "count_16044", "count_40", "half_a and half_b: disjoint halves")


@dataclass(frozen=True)
class Preset:
    """How large a run is."""

    name: str
    size: Size
    effort: Effort
    timeout_seconds: float
    clients: tuple[int, ...]
    load_seconds: float
    growth: tuple[int, ...]
    random: int  # queries of each shape


PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            "small",
            size=Size.of(60_000, 40),
            effort=Effort(runs=7, seconds=0.15),
            timeout_seconds=10,
            clients=(1, 2, 4, 8),
            load_seconds=5,
            growth=(5_000, 15_000, 50_000),
            random=10,
        ),
        Preset(
            "full",
            size=Size.scaled(),
            effort=Effort(runs=9, seconds=1.5, explain_seconds=1),
            timeout_seconds=10,
            clients=(1, 2, 4, 8),
            load_seconds=30,
            growth=(100_000, 300_000, 1_169_293, 3_500_000, 11_692_930),
            random=20,
        ),
    )
}


def create_and_run(
    preset: Preset,
    progress: Progress,
    keep: Keep,
    steps: Collection[str] | None = None,
    seed: int = 1,
) -> Results:
    """The benchmark on a server of its own, from nothing to the results."""
    with EmbeddedServer.temporary(machine.server_settings()) as server:
        migrate.upgrade(server.url)
        generate.create(server.url, preset.size, progress=progress)
        return run(server.url, preset, progress, keep, steps=steps, seed=seed, server=server)


def run(
    url: str,
    preset: Preset,
    progress: Progress,
    keep: Keep,
    *,
    steps: Collection[str] | None = None,
    seed: int = 1,
    server: EmbeddedServer | None = None,
) -> Results:
    """The benchmark on a gallery that the generator made.

    Only a ``server`` of the benchmark's own can be measured cold; without one that step is left
    out. ``steps`` are those of STEPS to take; None for all. ``seed`` draws the random queries.
    """
    with ExitStack() as stack:
        at, results = _prepare(url, preset, progress, stack)
        results.seed = seed
        for name, step in _WARM_STEPS.items():
            if steps is None or name in steps:
                step(at, results)
                keep(results)
    if (steps is None or "cold" in steps) and server is not None and cold.can_be_cold():
        _cold(at, results, server)
        keep(results)
    return results


@dataclass(frozen=True)
class _Gallery:
    """What is measured, and by whom."""

    url: str
    preset: Preset
    progress: Progress
    catalog: Catalog
    queries: list[Asked]
    ours: Ours
    rivals: list[Rival]

    def query(self, name: str) -> Asked:
        """The matrix's first query of that name."""
        return next(asked for asked in self.queries if asked.query.name == name)


def _prepare(
    url: str, preset: Preset, progress: Progress, stack: ExitStack
) -> tuple[_Gallery, Results]:
    """Builds the rivals, to be closed with the stack, and finds where the queries' pages begin."""
    with psycopg.connect(url, autocommit=True) as connection:
        catalog = Catalog.read(connection)
        created = generate.how_created(connection)
        results = Results(
            preset=preset.name,
            machine=machine.describe(connection),
            size=asdict(created.size),
            created=created.seconds,
            rivals=[],
            timeout_seconds=preset.timeout_seconds,
        )
    ours = Ours(url, preset.timeout_seconds)
    rivals: list[Rival] = []
    for rival, seconds in _built(ours, url, preset, stack, progress):
        stack.callback(rival.close)
        rivals.append(rival)
        results.rivals.append(
            RivalInfo(
                rival.name,
                rival.role,
                rival.about,
                dict(rival.settings),
                seconds,
                rival.size_bytes(),
            )
        )
    queries = [ours.locate(query) for query in matrix(catalog)]
    return _Gallery(url, preset, progress, catalog, queries, ours, rivals), results


def _built(
    ours: Ours, url: str, preset: Preset, stack: ExitStack, progress: Progress
) -> Iterator[tuple[Rival, float | None]]:
    """Every rival, and the seconds that it took to build what it needs."""
    timeout = preset.timeout_seconds
    yield ours, None
    yield Original(url, timeout), None
    yield Exists(url, timeout), None
    progress("rivals", 0, 2)
    milliseconds, _ = timed(lambda: arrays.build(url))
    for array in (ArrayByIndex, ArrayByWalk):
        yield array(url, timeout), milliseconds / 1000
    progress("rivals", 1, 2)
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pg_gallery-bench-")))
    milliseconds, engine = timed(lambda: SearchEngine(url, directory))
    yield engine, milliseconds / 1000
    progress("rivals", 2, 2)
    for strategy in STRATEGIES:
        yield OneStrategy(url, timeout, strategy), None


def _matrix(at: _Gallery, results: Results) -> None:
    for number, asked in enumerate(at.queries):
        query = asked.query
        measured = measure(asked, at.rivals, at.preset.effort)
        results.matrix.append(QueryResult(query.group, query.name, query.kind, measured))
        at.progress("matrix", number + 1, len(at.queries))


def _random(at: _Gallery, results: Results) -> None:
    queries = random_queries(at.catalog, at.preset.random, results.seed)
    timeout = min(_STRATEGY_SECONDS, at.preset.timeout_seconds)
    with ExitStack() as stack:
        strategies = [OneStrategy(at.url, timeout, strategy) for strategy in STRATEGIES]
        for strategy in strategies:
            stack.callback(strategy.close)
        for number, query in enumerate(queries):
            measured = _measure_drawn(at, query, [at.ours, *strategies])
            results.random.append(QueryResult(query.group, query.name, query.kind, measured))
            at.progress("random", number + 1, len(queries))


def _measure_drawn(at: _Gallery, query: Query, rivals: Sequence[Rival]) -> dict[str, Measured]:
    try:
        asked = at.ours.locate(query)
    except psycopg.errors.QueryCanceled:
        return {at.ours.name: Measured("timed out", note="the place of the page was not found")}
    return measure(asked, rivals, _ONCE)


def _plans(at: _Gallery, results: Results) -> None:
    asked = at.query(_EXPLAINED)
    results.explained = explain_strategies(at.url, asked, at.preset.timeout_seconds)


def _dirty(at: _Gallery, results: Results) -> None:
    with changed_items(at.url, _writer(at, results), DIRTY_ITEMS):
        for asked in at.queries:
            if asked.query.group in _HARD_TAGS and asked.rank == 0:
                query = asked.query
                measured = measure(asked, [at.ours], at.preset.effort)
                results.dirty.append(QueryResult(query.group, query.name, query.kind, measured))


def _upkeep(at: _Gallery, results: Results) -> None:
    rebuild_seconds = results.created.get("gallery_rebuild")
    results.upkeep = measure_upkeep(at.url, _writer(at, results), rebuild_seconds)


def _load(at: _Gallery, results: Results) -> None:
    pages = [asked for asked in at.queries if asked.query.group in _HARD_TAGS]
    load = Load(at.url, pages, _writer(at, results), at.preset.load_seconds)
    for number, clients in enumerate(at.preset.clients):
        results.load.append(load.with_clients(clients))
        at.progress("load", number + 1, len(at.preset.clients))


def _growth(at: _Gallery, results: Results) -> None:
    preset = at.preset
    results.growth = grow(at.url, preset.growth, preset.effort, preset.timeout_seconds, at.progress)


def _cold(at: _Gallery, results: Results, server: EmbeddedServer) -> None:
    timeout = at.preset.timeout_seconds
    results.cold = cold.measure_cold(
        server,
        [at.query(name) for name in _COLD],
        [partial(rival, at.url, timeout) for rival in (Ours, *_SQL_RIVALS)],
        at.query("count_1"),
        at.progress,
    )


_WARM_STEPS: dict[str, Callable[[_Gallery, Results], None]] = {
    "matrix": _matrix,
    "random": _random,
    "plans": _plans,
    "upkeep": _upkeep,
    "dirty": _dirty,
    "load": _load,
    "growth": _growth,
}
STEPS = (*_WARM_STEPS, "cold")


def _writer(at: _Gallery, results: Results) -> WriterPlan:
    return WriterPlan(
        tags=at.catalog.ids(*at.catalog.general),
        creators=list(at.catalog.users.values()),
        tags_per_item=round(
            results.size["tag_rows"] / (results.size["items"] + results.size["auto"])
        ),
    )
