"""What the results say: who won, by how much, and whether the promises hold."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .cliffs import BUFFERS_FACTOR as CLIFF_FACTOR
from .cliffs import (
    BUFFERS_MORE,
    SCAN_BUFFERS,
    WORDLESS_BUFFERS,
    cliffs,
    most_buffers,
)
from .results import (
    A_TWELFTH,
    CANONICAL,
    DIRTY_ITEMS,
    ORIGINAL,
    OURS,
    QueryResult,
    Results,
    Role,
)

REAL_ITEMS = 1_000_000
"""Speed is promised of galleries from this size on."""
CANONICAL_RATIO = 1000
"""How many times faster than the original the canonical query is."""
SLOWER_FACTOR, SLOWER_MS = 1.5, 0.5
"""How much slower than the best rival a query may be: times the one, plus the other."""
BUFFERS_FACTOR = 2.2
"""How many times the best strategy's buffers the planner's choice may touch."""

# At most so many times an unfiltered page takes.
_UNITS = {"one tag": 4, "two tags": 6, "A and not B": 6, "counts": 20}
_UNITS_OF_TEN = 15
_UNITS_OF_FACETS = 200
_UNITS_OF_DIRT = 4
_UNIT = ("one tag", "no tag at all")

_INDEX_SHARE = 1 / 20  # of the junction and its indexes
_REBUILD_FACTOR = 2  # times building one index of the junction
_TRIGGER_SHARE = 0.10  # of inserting an item with its tags
_REFRESH_SECONDS = 2


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


def contests(results: Results, *roles: Role) -> list[Contest]:
    """Every query that we and a rival answered; among all rivals, or those of the roles given."""
    names = results.names(*(roles or ("rival", "engine")))
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
        for query in (*results.matrix, *results.random)
        for name, measured in query.measured.items()
        if measured.verdict in ("different", "failed")
    ]


def buffers_ratio(query: QueryResult, strategies: Iterable[str]) -> float | None:
    """How many times the buffers of the best strategy our choice touches."""
    ours = query.measured[OURS].plan
    plans = (query.measured[name].plan for name in strategies)
    fewest = min((plan.buffers for plan in plans if plan is not None), default=0)
    return ours.buffers / fewest if ours is not None and fewest else None


def promises(results: Results) -> list[Promise]:
    """What the project promises, each with what was found; of a small gallery only the rows."""
    if not results.matrix:
        return []
    if results.size["items"] + results.size["auto"] < REAL_ITEMS:
        return [_same_rows(results)]
    return [
        _same_rows(results),
        *_canonical(results),
        *(_no_slower_on_average(results, name) for name in results.names("engine")),
        _nowhere_slow(results),
        _few_buffers(results),
        *_no_cliff(results),
        *_in_units(results),
        *_cheap_to_keep(results),
    ]


def _same_rows(results: Results) -> Promise:
    different = disagreements(results)
    queries = (*results.matrix, *results.random)
    answers = sum(m.median is not None for q in queries for m in q.measured.values())
    found = f"{answers} answers compared, {len(different)} differ or failed"
    return Promise("Every rival and every strategy returns our rows.", found, not different)


def _canonical(results: Results) -> Iterator[Promise]:
    query = next(query for query in results.matrix if query.name == CANONICAL)
    ours, original = query.measured[OURS].median, query.measured[ORIGINAL].median
    if ours is None:
        return
    # an original that timed out took at least that long
    theirs = results.timeout_seconds * 1000 if original is None else original
    text = f"The canonical query is at least {CANONICAL_RATIO:,} times faster than the original."
    found = f"{theirs:,.0f} ms to {ours:.2f} ms: {theirs / ours:,.0f} times"
    yield Promise(text, found, theirs >= CANONICAL_RATIO * ours)


def _no_slower_on_average(results: Results, engine: str) -> Promise:
    result = against(results, engine)
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
    among_rows = sum(contest.too_slow for contest in contests(results, "rival"))
    found = (
        f"slower at {len(slow)} of {len(all_contests)} queries;"
        f" beside the rivals that give rows as we do, at {among_rows}"
    )
    return Promise(text, found, not slow)


def _few_buffers(results: Results) -> Promise:
    names = results.names("strategy")
    ratios = [buffers_ratio(query, names) for query in results.matrix if query.kind == "page"]
    known = [ratio for ratio in ratios if ratio is not None]
    worst = max(known, default=0.0)
    text = f"The planner's choice touches at most {BUFFERS_FACTOR} times the best one's buffers."
    above = sum(ratio > BUFFERS_FACTOR for ratio in known)
    found = f"at most {worst:.2g} times; more than promised at {above} of {len(known)} queries"
    return Promise(text, found, worst <= BUFFERS_FACTOR)


def _no_cliff(results: Results) -> Iterator[Promise]:
    """Of queries that were drawn at random."""
    if not results.random:
        return
    found = cliffs(results)
    text = (
        f"No random page touches more than {CLIFF_FACTOR} times the best strategy's buffers"
        f" and {BUFFERS_MORE} more."
    )
    yield Promise(text, f"{len(found)} of {len(results.random)} do", not found)
    for words, most in ((True, SCAN_BUFFERS), (False, WORDLESS_BUFFERS)):
        touched = most_buffers(results, words=words)
        text = f"Random queries with{'' if words else 'out'} words touch at most {most:,} buffers."
        yield Promise(text, f"at most {touched:,}", touched <= most)


def _in_units(results: Results) -> Iterator[Promise]:
    """Times in those of an unfiltered page."""
    ours = {(one.group, one.name): one.measured[OURS].median for one in results.matrix}
    unit = ours.get(_UNIT)
    if unit is None:
        return
    units = {key: median / unit for key, median in ours.items() if median is not None}
    for group, most in _UNITS.items():
        text = f"{group}: at most {most} times an unfiltered page."
        yield _at_most(text, most, {k: v for k, v in units.items() if k[0] == group})
    ten = {k: v for k, v in units.items() if k[0] == "many tags" and k[1].startswith("ten")}
    yield _at_most(
        f"Ten tags: at most {_UNITS_OF_TEN} times an unfiltered page.", _UNITS_OF_TEN, ten
    )
    facets = {key: value for key, value in units.items() if key == ("facets", A_TWELFTH)}
    if facets:
        text = f"Facets of 100,000 items: at most {_UNITS_OF_FACETS} times an unfiltered page."
        yield _at_most(text, _UNITS_OF_FACETS, facets)
    added = {}
    for query in results.dirty:
        key, median = (query.group, query.name), query.measured[OURS].median
        if key in units and median is not None:
            added[key] = median / unit - units[key]
    if added:
        text = f"{DIRTY_ITEMS:,} changed items that wait add at most {_UNITS_OF_DIRT} times that."
        yield _at_most(text, _UNITS_OF_DIRT, added)


def _at_most(text: str, most: float, found: dict[tuple[str, str], float]) -> Promise:
    (_, name), worst = max(found.items(), key=lambda pair: pair[1])
    return Promise(text, f"at most {worst:.2g} times: {name}", worst <= most)


def _cheap_to_keep(results: Results) -> Iterator[Promise]:
    """What the index takes."""
    found = results.upkeep
    if found is None:
        return
    share = found.index_bytes / found.junction_bytes
    text = "The index takes at most a twentieth of the junction and its indexes."
    yield Promise(text, f"{share:.1%}", share <= _INDEX_SHARE)
    if found.rebuild_seconds is not None:
        times = found.rebuild_seconds / found.junction_index_seconds
        text = f"It is built in at most {_REBUILD_FACTOR} times one index of the junction."
        yield Promise(text, f"{times:.2g} times", times <= _REBUILD_FACTOR)
    extra = found.insert_ms / found.insert_untriggered_ms - 1
    text = f"Its triggers cost at most {_TRIGGER_SHARE:.0%} on inserting an item with its tags."
    yield Promise(text, f"{extra:+.0%}", extra <= _TRIGGER_SHARE)
    text = f"A refresh of {found.refresh_new_items:,} new items takes at most {_REFRESH_SECONDS} s."
    yield Promise(text, f"{found.refresh_seconds:.2f} s", found.refresh_seconds <= _REFRESH_SECONDS)


def _best(query: QueryResult, names: Iterable[str]) -> tuple[str, float] | None:
    medians = ((name, query.measured[name].median) for name in names)
    answered = [(name, median) for name, median in medians if median is not None]
    return min(answered, key=lambda pair: pair[1], default=None)
