"""What the random queries say: how slow a shape gets at worst, and where there is a cliff.

A cliff is a page that touches far more than the best strategy would have: the planner was wrong,
and nothing stopped what it had chosen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from .results import OURS, QueryResult, Results
from .shapes import SHAPES

BUFFERS_FACTOR, BUFFERS_MORE = 2, 500
"""A page may touch so many times the best strategy's buffers, and so many more."""
SCAN_BUFFERS = 60_000
"""What a scan of all items touches at the real size, and the most that a query may touch."""
WORDLESS_BUFFERS = 3_000
"""The most that a query without words may touch there."""

_WITH_WORDS = {shape.name for shape in SHAPES if shape.words or shape.absent}


@dataclass(frozen=True)
class Figures:
    """The middle, all but a twentieth, and the worst."""

    p50: float
    p95: float
    worst: float


@dataclass(frozen=True)
class Spread:
    """What the queries of one shape took; a time-out counts as all the time that it had."""

    shape: str
    queries: int
    milliseconds: Figures
    buffers: Figures | None
    worst: str  # the name of the query that touched most, or took longest where none is known


@dataclass(frozen=True)
class Cliff:
    """A page that touches more than it may, beside the best strategy; None for a time-out."""

    query: QueryResult
    buffers: int | None
    best: int
    strategy: str


def spreads(results: Results) -> list[Spread]:
    """Each shape, in the order in which they were asked."""
    return [
        _spread(shape, list(queries), results.timeout_seconds * 1000)
        for shape, queries in groupby(results.random, lambda query: query.group)
    ]


def cliffs(results: Results) -> list[Cliff]:
    """Every page that touches more than twice the best strategy's buffers and some."""
    found = []
    for query in results.random:
        ours = query.measured[OURS].plan
        others = [
            (measured.plan.buffers, name)
            for name, measured in query.measured.items()
            if name != OURS and measured.plan is not None
        ]
        if query.kind != "page" or not others:
            continue
        best, strategy = min(others)
        if ours is None or ours.buffers > BUFFERS_FACTOR * best + BUFFERS_MORE:
            found.append(Cliff(query, ours.buffers if ours else None, best, strategy))
    return found


def most_buffers(results: Results, *, words: bool) -> int:
    """The most that a random query touched, of those with words or of those without."""
    plans = [
        query.measured[OURS].plan
        for query in results.random
        if (query.group in _WITH_WORDS) == words
    ]
    return max((plan.buffers for plan in plans if plan is not None), default=0)


def _spread(shape: str, queries: Sequence[QueryResult], timeout: float) -> Spread:
    times = [_or(query.measured[OURS].median, timeout) for query in queries]
    plans = [(query.measured[OURS].plan, query.name) for query in queries]
    buffers = [(plan.buffers, name) for plan, name in plans if plan is not None]
    slowest = max(zip(times, (query.name for query in queries), strict=True))
    return Spread(
        shape,
        len(queries),
        _figures(times),
        _figures([touched for touched, _ in buffers]) if buffers else None,
        (max(buffers) if buffers else slowest)[1],
    )


def _or(median: float | None, timeout: float) -> float:
    return timeout if median is None else median


def _figures(values: Sequence[float]) -> Figures:
    ordered = sorted(values)
    p50, p95 = (ordered[math.ceil(len(ordered) * share) - 1] for share in (0.5, 0.95))
    return Figures(p50, p95, ordered[-1])
