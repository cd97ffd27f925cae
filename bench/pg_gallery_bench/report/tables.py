"""The tables of the report, as text in cells; the terminal, HTML and Markdown lay them out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..results import DIRTY_ITEMS, OURS, Measured, Results, Upkeep
from ..summary import BUFFERS_FACTOR, Contest, against, buffers_ratio, contests, promises

Tone: TypeAlias = Literal["", "good", "bad", "soft", "best"]


@dataclass(frozen=True)
class Cell:
    """A piece of text, how it is meant, and what there is to say beside it."""

    text: str
    tone: Tone = ""
    hint: str = ""


@dataclass(frozen=True)
class Group:
    """A heading between rows."""

    name: str


Row: TypeAlias = "list[Cell] | Group"


@dataclass(frozen=True)
class Sheet:
    """A table; a sheet without rows is not shown."""

    title: str
    about: str
    columns: Sequence[str]
    rows: list[Row]


def promised(results: Results) -> Sheet:
    """What must hold, and whether it does."""
    rows: list[Row] = [
        [
            Cell(one.text),
            Cell("holds", "good") if one.holds else Cell("fails", "bad"),
            Cell(one.found, "soft"),
        ]
        for one in promises(results)
    ]
    return Sheet("What is promised", "", ("promise", "", "found"), rows)


def rivals(results: Results) -> Sheet:
    """How each does against us, on average."""
    columns = ("rival", "queries", "its mean", "ours", "ratio", "faster at", "time-outs", "can't")
    rows: list[Row] = [
        _cells(
            one.name,
            one.queries,
            f"{one.theirs:.2f} ms",
            f"{one.ours:.2f} ms",
            f"{one.ratio:.2g}",
            one.we_are_faster,
            one.timed_out,
            one.cannot_express,
        )
        for one in (against(results, name) for name in results.names("rival", "engine"))
        if one.queries
    ]
    about = (
        "Geometric means of the times of all queries that both answered; the ratio is how many"
        " times longer the rival takes; at how many queries pg_gallery is faster; how often the"
        " rival was stopped, and how often it can't express the query."
    )
    return Sheet("Against each rival", about, columns, rows)


def every_query(results: Results) -> Sheet:
    """Every figure of pg_gallery and its rivals."""
    names = results.names("ours", "rival", "engine")
    won = {id(contest.query): contest for contest in contests(results)}
    rows: list[Row] = []
    group = None
    for query in results.matrix:
        if query.group != group:
            group = query.group
            rows.append(Group(group))
        ours = query.measured[OURS]
        known = [query.measured[name].median for name in names]
        best = min((median for median in known if median is not None), default=None)
        rows.append(
            [
                *_cells(query.name, ours.rows, ours.plan.buffers if ours.plan else None),
                *(_time(query.measured[name], best) for name in names),
                _ratio(won.get(id(query))),
            ]
        )
    about = (
        "Milliseconds: the median of several turns, the rivals one after the other; the last run of"
        " a turn counts, which is of several where it is short. Buffers are those that"
        " pg_gallery touched. The last column is how many times longer the best rival takes."
        f" A rival that took {results.timeout_seconds:g} s was stopped."
    )
    return Sheet("Every query", about, ("query", "rows", "buffers", *names, "best / ours"), rows)


def strategies(results: Results) -> Sheet:
    """The planner's choice and every strategy forced."""
    names = results.names("strategy")
    rows: list[Row] = []
    for query in results.matrix:
        if query.kind == "page":
            ratio = buffers_ratio(query, names)
            tone: Tone = "bad" if ratio is not None and ratio > BUFFERS_FACTOR else ""
            rows.append(
                [
                    Cell(query.title),
                    *(_time_and_buffers(query.measured[name]) for name in (OURS, *names)),
                    Cell("" if ratio is None else f"{ratio:.2g}", tone),
                ]
            )
    about = (
        "Milliseconds / buffers of the planner's choice, and of each strategy forced. The last"
        " column is how many times the buffers of the best strategy the choice touches."
    )
    columns = ("query", "as chosen", *names, "choice / best")
    return Sheet("Every strategy", about, columns, rows)


def dirty(results: Results) -> Sheet:
    """The same pages while changed items wait for the refresh."""
    clean = {(query.group, query.name): query.measured[OURS] for query in results.matrix}
    rows: list[Row] = []
    for query in results.dirty:
        before = clean.get((query.group, query.name))
        rows.append(
            [
                Cell(query.title),
                Cell("") if before is None else _time_and_buffers(before),
                _time_and_buffers(query.measured[OURS]),
            ]
        )
    about = (
        "Milliseconds / buffers of pg_gallery with no changed items waiting for the refresh, and"
        f" with {DIRTY_ITEMS:,} of them."
    )
    return Sheet("Before the refresh", about, ("query", "refreshed", "waiting"), rows)


def cold(results: Results) -> Sheet:
    """The same on a server that has just started."""
    names = list(results.cold[0].measured) if results.cold else []
    rows: list[Row] = [
        [Cell(query.name), *(_time(query.measured[name], None) for name in names)]
        for query in results.cold
    ]
    about = (
        "Milliseconds of one run, after the server was started anew with nothing of its files in"
        " memory."
    )
    return Sheet("Cold", about, ("query", *names), rows)


def load(results: Results) -> Sheet:
    """Many clients at once."""
    columns = (
        "clients",
        "pages a second",
        "P50 ms",
        "P95 ms",
        "P99 ms",
        "time-outs",
        "writes",
        "refreshes",
        "slowest refresh",
    )
    rows: list[Row] = [
        _cells(
            one.clients,
            f"{one.pages_per_second:,.0f}",
            f"{one.p50:.2f}",
            f"{one.p95:.2f}",
            f"{one.p99:.2f}",
            one.errors,
            one.writes,
            one.refreshes,
            f"{one.slowest_refresh:.2f} s",
        )
        for one in results.load
    ]
    about = (
        "Pages of the matrix in random order, to so many clients at once on the same machine,"
        " while a writer adds, retags and deletes items and the refresher runs."
    )
    return Sheet("Under load", about, columns, rows)


def growth(results: Results) -> Sheet:
    """Our times by the size of the gallery."""
    points = results.growth
    rows: list[Row] = [
        _cells("tag rows", *(point.tag_rows for point in points)),
        _cells("made in", *(f"{point.create_seconds:,.0f} s" for point in points)),
        _cells("index", *(size(point.index_bytes) for point in points)),
    ]
    for query in points[0].medians if points else ():
        rows.append(_cells(query, *(_milliseconds(one.medians[query][OURS]) for one in points)))
    columns = ("", *(f"{point.items:,} items" for point in points))
    about = "Milliseconds of pg_gallery, by the number of items."
    return Sheet("As the gallery grows", about, columns, rows if points else [])


def upkeep(results: Results) -> Sheet:
    """Space and time that the index takes."""
    rows: list[Row] = [_cells(*pair) for pair in _upkeep(results.upkeep)]
    return Sheet("What the index takes", "", ("", ""), rows)


def set_up(results: Results) -> list[Sheet]:
    """The machine, the rivals, and how the gallery was made."""
    machine: list[Row] = [_cells(*pair) for pair in results.machine.items()]
    steps: list[Row] = [_cells(name, f"{spent:,.1f} s") for name, spent in results.created.items()]
    who: list[Row] = [
        _cells(
            one.name,
            one.about,
            ", ".join(f"{name} {value}" for name, value in one.settings.items()),
            "" if one.build_seconds is None else f"{one.build_seconds:,.0f} s",
            "" if one.size_bytes is None else size(one.size_bytes),
        )
        for one in results.rivals
    ]
    return [
        Sheet("The machine", "", ("", ""), machine),
        Sheet("Making the gallery", "", ("step", "took"), steps),
        Sheet("Who was measured", "", ("", "what it is", "session", "built in", "takes"), who),
    ]


def size(octets: int) -> str:
    """A size in the unit that suits it."""
    return f"{octets / 2**30:.2f} GiB" if octets >= 2**30 else f"{octets / 2**20:.1f} MiB"


def _upkeep(found: Upkeep | None) -> Iterator[tuple[str, str]]:
    if found is None:
        return
    share = found.index_bytes / found.junction_bytes
    extra = found.insert_ms / found.insert_untriggered_ms - 1
    yield "the junction and its indexes", size(found.junction_bytes)
    yield "everything of pg_gallery's", f"{size(found.index_bytes)}: {share:.1%} of it"
    yield "building one index of the junction", f"{found.junction_index_seconds:,.1f} s"
    if found.rebuild_seconds is not None:
        yield "gallery_rebuild()", f"{found.rebuild_seconds:,.1f} s"
    yield "inserting an item with its tags", f"{found.insert_ms:.2f} ms"
    yield "the same without triggers", f"{found.insert_untriggered_ms:.2f} ms: {extra:+.0%}"
    after = f"gallery_refresh() after {found.refresh_new_items:,} new items"
    yield after, f"{found.refresh_seconds:.2f} s"


def _cells(*values: object) -> list[Cell]:
    return [Cell(_text(value)) for value in values]


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else str(value)


def _milliseconds(value: float | None) -> str:
    return "time-out" if value is None else f"{value:,.2f}"


def _time(measured: Measured, best: float | None) -> Cell:
    if measured.verdict in ("different", "failed"):
        return Cell("other rows" if measured.median else "failed", "bad", measured.note)
    if measured.median is None:
        short = "time-out" if measured.verdict == "timed out" else "-"
        return Cell(short, "soft", measured.note or measured.verdict)
    runs = f"{len(measured.milliseconds)} runs"
    tone: Tone = "best" if measured.median == best else ""
    return Cell(f"{measured.median:,.2f}", tone, f"{runs}, {measured.note}".rstrip(", "))


def _time_and_buffers(measured: Measured) -> Cell:
    time = _time(measured, None)
    if measured.plan is None:
        return time
    return Cell(f"{time.text} / {measured.plan.buffers:,}", time.tone, time.hint)


def _ratio(contest: Contest | None) -> Cell:
    if contest is None:
        return Cell("")
    tone: Tone = "bad" if contest.too_slow else "good" if contest.ratio >= 1 else ""
    return Cell(f"{contest.ratio:.2g}", tone, contest.best_name)
