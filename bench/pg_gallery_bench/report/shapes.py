"""The tables of the random queries."""

from __future__ import annotations

from ..cliffs import BUFFERS_FACTOR, BUFFERS_MORE, Figures, cliffs, spreads
from ..results import Results
from .tables import Cell, Row, Sheet


def random(results: Results) -> Sheet:
    """What each shape took, in the middle and at worst."""
    rows: list[Row] = [
        [
            Cell(one.shape),
            Cell(str(one.queries)),
            *_figures(one.milliseconds, "{:,.2f}"),
            *_figures(one.buffers, "{:,.0f}"),
            Cell(one.worst, "soft"),
        ]
        for one in spreads(results)
    ]
    about = (
        f"Queries drawn with seed {results.seed}: tags by rank over all orders of magnitude, words"
        " that many, few or no items have. Milliseconds of pg_gallery, then the buffers that it"
        " touched, and the query that touched most."
    )
    names = ("P50", "P95", "worst")
    columns = (
        "shape",
        "queries",
        *(f"{name} ms" for name in names),
        *(f"{name} buffers" for name in names),
        "the worst",
    )
    return Sheet("Random queries", about, columns, rows)


def found_cliffs(results: Results) -> Sheet:
    """Pages at which the planner's choice went wrong."""
    rows: list[Row] = [
        [
            Cell(one.query.title),
            Cell("time-out" if one.buffers is None else f"{one.buffers:,}", "bad"),
            Cell(f"{one.best:,}"),
            Cell(one.strategy),
        ]
        for one in cliffs(results)
    ]
    about = (
        f"Random pages that touch more than {BUFFERS_FACTOR} times the buffers of the best strategy"
        f" and {BUFFERS_MORE} more."
    )
    return Sheet("Cliffs", about, ("query", "buffers", "the best's", "the best"), rows)


def _figures(figures: Figures | None, form: str) -> list[Cell]:
    if figures is None:
        return [Cell("")] * 3
    return [Cell(form.format(value)) for value in (figures.p50, figures.p95, figures.worst)]
