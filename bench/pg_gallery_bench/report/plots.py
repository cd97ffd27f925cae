"""The plots of the report, drawn by matplotlib: images that stand inside of the page."""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from html import escape
from io import BytesIO
from itertools import groupby

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..results import OURS, QueryResult, Results
from ..summary import Against

_WIDTH = 9.6  # inches
_ROW = 0.2
_SMALL = (3.1, 2.1)


def colors(results: Results) -> dict[str, str]:
    """A color for each rival; ours is the first."""
    names = results.names("ours", "rival", "engine")
    return {name: f"C{number}" for number, name in enumerate(names)}


def averages(rivals: Sequence[Against], palette: Mapping[str, str]) -> str:
    """A bar a rival: how many times longer it takes than we do."""
    figure, axes = _canvas((_WIDTH, 2 * _ROW * (len(rivals) + 1)))
    axes.barh(
        [f"{one.name}: {one.ratio:.2g} times, {one.queries} queries" for one in rivals],
        [one.ratio - 1 for one in rivals],
        left=1,
        log=True,
        color=[palette[one.name] for one in rivals],
    )
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")
    axes.invert_yaxis()
    return _image(figure, "How many times longer each rival takes")


def every_query(queries: Sequence[QueryResult], palette: Mapping[str, str]) -> str:
    """A row a query under its group's name, a dot a rival: the farther left the faster."""
    rows: list[QueryResult | str] = []
    for group, members in groupby(queries, lambda query: query.group):
        rows += [group, *members]
    figure, axes = _canvas((_WIDTH, _ROW * (len(rows) + 4)))
    for name in reversed(list(palette)):  # ours last, so that it stands before the others
        medians = [math.nan if isinstance(row, str) else _median(row, name) for row in rows]
        size = 8 if name == OURS else 6
        axes.plot(medians, range(len(rows)), "o", color=palette[name], label=name, markersize=size)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: duration(value))
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(rows)), [row if isinstance(row, str) else row.name for row in rows])
    for label, row in zip(axes.get_yticklabels(), rows, strict=True):
        label.set_fontweight("bold" if isinstance(row, str) else "normal")
    axes.set_ylim(len(rows), -1)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside upper center", ncols=len(palette), reverse=True)
    return _image(figure, "The time of every query at every rival")


def lines(
    title: str,
    places: Sequence[str],
    drawn: Mapping[str, Sequence[float | None]],
    said: Callable[[float], str],
    palette: Mapping[str, str] | None = None,
) -> str:
    """A small plot of lines over the same places; ``said`` puts a value into words.

    Rivals, who come with their palette, differ by orders of magnitude: their scale is logarithmic.
    """
    figure, axes = _canvas(_SMALL)
    for name, values in drawn.items():
        known = [math.nan if value is None else value for value in values]
        color = palette[name] if palette else None
        axes.plot(places, known, "o-", color=color, label=name, markersize=4)
    axes.set_title(title, loc="left", fontsize="medium", fontweight="bold")
    if palette:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(lambda value, _: said(value))
    axes.grid(axis="y", alpha=0.3)
    axes.legend(fontsize="x-small")
    return _image(figure, title)


def duration(milliseconds: float) -> str:
    """A time in the unit that suits it."""
    if milliseconds < 1:
        return f"{milliseconds * 1000:.0f} µs"
    if milliseconds < 10:
        return f"{milliseconds:.1f} ms"
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    return f"{milliseconds / 1000:.1f} s"


def _median(query: QueryResult, name: str) -> float:
    median = query.measured[name].median
    return math.nan if median is None else median


def _canvas(size: tuple[float, float]) -> tuple[Figure, Axes]:
    figure = Figure(size, layout="constrained")
    axes = figure.subplots()
    axes.tick_params(labelsize="small")
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _image(figure: Figure, title: str) -> str:
    """The figure as an image that needs no file beside the page."""
    drawn = BytesIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None})
    data = b64encode(drawn.getvalue()).decode()
    return f'<img alt="{escape(title)}" src="data:image/svg+xml;base64,{data}">'
