"""The plots of the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..results import OURS, QueryResult, Results
from ..summary import Against
from .svg import Drawing, LinearScale, LogScale, duration

_COLORS = ("#00875a", "#8993a4", "#de350b", "#2684ff", "#6554c0", "#ff991f", "#00a3bf", "#bf2600")
_WIDTH = 960.0
_LABELS = 330.0
_ROW = 15.0
_SMALL_WIDTH, _SMALL_HEIGHT = 310.0, 210.0


def colors(results: Results) -> dict[str, str]:
    """A color for each rival; ours is the first."""
    return dict(zip(results.names("ours", "rival", "engine"), _COLORS, strict=False))


def averages(rivals: Sequence[Against], palette: Mapping[str, str]) -> str:
    """A bar a rival: how many times longer it takes than we do."""
    scale = LogScale.over([1.0, *(one.ratio for one in rivals)], _LABELS, _WIDTH - 220)
    drawing = Drawing(_WIDTH, 30.0 * len(rivals) + 10, "How many times longer each rival takes")
    one_time = scale.at(1.0)
    for number, rival in enumerate(rivals):
        y = 8.0 + 30 * number
        end = scale.at(rival.ratio)
        drawing.text((_LABELS - 8, y + 15), rival.name, anchor="end")
        drawing.bar((min(one_time, end), y), (abs(end - one_time), 20), palette[rival.name])
        said = f"{rival.ratio:.2g} times ours, over {rival.queries} queries"
        drawing.text((max(one_time, end) + 8, y + 15), said, "soft")
    drawing.line((one_time, 0), (one_time, 30.0 * len(rivals) + 10), "axis")
    return str(drawing)


def every_query(queries: Sequence[QueryResult], palette: Mapping[str, str]) -> str:
    """A row a query, a dot a rival: the farther left the faster."""
    answers = [one.median for query in queries for one in query.measured.values()]
    top, groups = 26.0, {query.group for query in queries}
    height = top + _ROW * (len(queries) + 1.6 * len(groups)) + 10
    scale = LogScale.over([one for one in answers if one is not None], _LABELS, _WIDTH - 20)
    drawing = Drawing(_WIDTH, height, "The time of every query at every rival")
    for tick in scale.ticks():
        x = scale.at(tick)
        drawing.line((x, top - 8), (x, height), "grid")
        drawing.text((x, top - 12), duration(tick), "soft", "middle")
    y, group = top, ""
    for query in queries:
        if query.group != group:
            group = query.group
            y += 1.6 * _ROW
            drawing.text((4, y - 2), group, "strong")
        y += _ROW
        drawing.text((_LABELS - 8, y), query.name, "small", "end")
        _dots(drawing, scale, y - 4, query, palette)
    return str(drawing)


def _dots(
    drawing: Drawing, scale: LogScale, y: float, query: QueryResult, palette: Mapping[str, str]
) -> None:
    """Ours last, so that it stands before the others, and larger."""
    medians = {name: query.measured[name].median for name in reversed(list(palette))}
    answered = {name: median for name, median in medians.items() if median is not None}
    if answered:
        ends = [scale.at(end(answered.values())) for end in (min, max)]
        drawing.line((ends[0], y), (ends[1], y), "grid")
    for name, median in answered.items():
        radius = 5.0 if name == OURS else 3.5
        hint = f"{query.name}\n{name}: {duration(median)}"
        drawing.dot((scale.at(median), y), radius, palette[name], hint)


@dataclass(frozen=True)
class Line:
    """One line of a small plot: a value for each place on the x axis, None for none."""

    name: str
    color: str
    values: Sequence[float | None]


def lines(
    title: str,
    places: Sequence[str],
    drawn: Sequence[Line],
    said: Callable[[float], str],
    *,
    logarithmic: bool,
) -> str:
    """A small plot of lines over the same places; ``said`` puts a value into words."""
    left, top, bottom = 58.0, 30.0, _SMALL_HEIGHT - 24
    values = [value for line in drawn for value in line.values if value is not None]
    scale = (LogScale if logarithmic else LinearScale).over(values, bottom, top)
    drawing = Drawing(_SMALL_WIDTH, _SMALL_HEIGHT, title)
    drawing.text((4, 14), title, "strong")
    for tick in scale.ticks():
        y = scale.at(tick)
        drawing.line((left, y), (_SMALL_WIDTH - 10, y), "grid")
        drawing.text((left - 6, y + 4), said(tick), "soft", "end")
    step = (_SMALL_WIDTH - left - 50) / max(1, len(places) - 1)
    across = [left + 20 + step * number for number in range(len(places))]
    for x, place in zip(across, places, strict=True):
        drawing.text((x, _SMALL_HEIGHT - 6), place, "soft", "middle")
    for line in reversed(drawn):
        at = zip(across, places, line.values, strict=True)
        known = [(x, place, value) for x, place, value in at if value is not None]
        drawing.path([(x, scale.at(value)) for x, _, value in known], line.color)
        for x, place, value in known:
            drawing.dot(
                (x, scale.at(value)), 3.5, line.color, f"{line.name}, {place}: {said(value)}"
            )
    return str(drawing)
