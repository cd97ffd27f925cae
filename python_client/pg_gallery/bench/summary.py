"""What the results say: who won, by how much, and whether the promises hold."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from .results import CANONICAL, ORIGINAL, OURS, QueryResult, Results

CANONICAL_RATIO = 1000
"""How many times faster than the original the canonical query must be."""
SLOWER_FACTOR, SLOWER_MS = 1.5, 0.5
"""How much slower than the best rival a query may be: times the one, plus the other."""


@dataclass(frozen=True)
class Contest:
    """One query: pg_gallery and the best of its rivals."""

    query: QueryResult
    ours: float
    best_name: str
    best: float

    @property
    def ratio(self) -> float:
        """Times that the best rival takes what we take; below 1 where it is faster."""
        return self.best / self.ours

    @property
    def too_slow(self) -> bool:
        """Whether we are slower than promised."""
        return self.ours > SLOWER_FACTOR * self.best + SLOWER_MS


@dataclass(frozen=True)
class Against:
    """One rival over all queries that both answered."""

    name: str
    queries: int
    ours: float  # geometric means, in milliseconds
    theirs: float
    we_are_faster: int
    timed_out: int
    cannot_express: int

    @property
    def ratio(self) -> float:
        """Times that the rival takes what we take."""
        return self.theirs / self.ours


@dataclass(frozen=True)
class Promise:
    """Something that must hold, and whether it does."""

    text: str
    found: str
    holds: bool


def geometric_mean(values: Iterable[float]) -> float:
    """The geometric mean; NaN of nothing."""
    logarithms = [math.log(value) for value in values]
    return math.exp(sum(logarithms) / len(logarithms)) if logarithms else math.nan


def contests(results: Results) -> list[Contest]:
    """Every query that we and a rival answered."""
    names = results.names("rival", "engine")
    found = []
    for query in results.matrix:
        ours = query.measured[OURS].median
        best = _best(query, names)
        if ours is not None and best is not None:
            found.append(Contest(query, ours, *best))
    return found


def against(results: Results, name: str) -> Against:
    """How we do against one rival."""
    pairs = []
    for query in results.matrix:
        ours, theirs = query.measured[OURS].median, query.measured[name].median
        if ours is not None and theirs is not None:
            pairs.append((ours, theirs))
    verdicts = [query.measured[name].verdict for query in results.matrix]
    return Against(
        name=name,
        queries=len(pairs),
        ours=geometric_mean(ours for ours, _ in pairs),
        theirs=geometric_mean(theirs for _, theirs in pairs),
        we_are_faster=sum(ours < theirs for ours, theirs in pairs),
        timed_out=verdicts.count("timed out"),
        cannot_express=verdicts.count("cannot express"),
    )


def disagreements(results: Results) -> list[tuple[QueryResult, str]]:
    """Queries at which a rival or strategy failed, or gave other rows than we did."""
    return [
        (query, name)
        for query in results.matrix
        for name, measured in query.measured.items()
        if measured.verdict in ("different", "failed")
    ]


def promises(results: Results) -> list[Promise]:
    """What the project promises of its speed, each with what was found."""
    return [
        promise
        for promise in (
            _same_rows(results),
            _canonical(results),
            *(_no_slower_on_average(results, name) for name in results.names("engine")),
            _nowhere_slow(results),
        )
        if promise is not None
    ]


def _same_rows(results: Results) -> Promise:
    different = disagreements(results)
    answers = sum(m.median is not None for q in results.matrix for m in q.measured.values())
    found = f"{answers} answers compared, {len(different)} differ or failed"
    return Promise("Every rival and every strategy returns our rows.", found, not different)


def _canonical(results: Results) -> Promise | None:
    query = next((query for query in results.matrix if query.name == CANONICAL), None)
    if query is None:
        return None
    ours, original = query.measured[OURS].median, query.measured[ORIGINAL].median
    if ours is None:
        return None
    # an original that timed out took at least that long
    theirs = results.timeout_seconds * 1000 if original is None else original
    text = f"The canonical query is at least {CANONICAL_RATIO:,} times faster than the original."
    found = f"{theirs:,.0f} ms to {ours:.2f} ms: {theirs / ours:,.0f} times"
    return Promise(text, found, theirs >= CANONICAL_RATIO * ours)


def _no_slower_on_average(results: Results, engine: str) -> Promise | None:
    result = against(results, engine)
    if not result.queries:
        return None
    text = "Over the matrix we, with rows, take no longer than the search engine for ids alone."
    found = (
        f"geometric mean of {result.queries} queries: {result.ours:.2f} ms to"
        f" {result.theirs:.2f} ms"
    )
    return Promise(text, found, result.ours <= result.theirs)


def _nowhere_slow(results: Results) -> Promise:
    all_contests = contests(results)
    slow = [contest for contest in all_contests if contest.too_slow]
    text = f"Nowhere slower than {SLOWER_FACTOR} times the best rival plus {SLOWER_MS} ms."
    return Promise(text, f"slower at {len(slow)} of {len(all_contests)} queries", not slow)


def _best(query: QueryResult, names: Iterable[str]) -> tuple[str, float] | None:
    medians = ((name, query.measured[name].median) for name in names)
    answered = [(name, median) for name, median in medians if median is not None]
    return min(answered, key=lambda pair: pair[1], default=None)
