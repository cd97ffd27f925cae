"""Plots as SVG text: just the shapes and the scales that the report needs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class LogScale:
    """Maps values to pixels by their logarithms."""

    low: float
    high: float
    start: float
    stop: float

    @classmethod
    def over(cls, values: Iterable[float], start: float, stop: float) -> LogScale:
        """A scale from the power of ten below all values to the one above."""
        positive = [value for value in values if value > 0] or [1.0]
        low = math.floor(math.log10(min(positive)))
        high = max(low + 1, math.ceil(math.log10(max(positive))))
        return cls(10.0**low, 10.0**high, start, stop)

    def at(self, value: float) -> float:
        """The pixel of a value."""
        share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        return self.start + share * (self.stop - self.start)

    def ticks(self) -> list[float]:
        """The powers of ten."""
        count = round(math.log10(self.high / self.low))
        return [self.low * 10.0**n for n in range(count + 1)]


@dataclass(frozen=True)
class LinearScale:
    """Maps values from zero on to pixels."""

    high: float
    start: float
    stop: float

    @classmethod
    def over(cls, values: Iterable[float], start: float, stop: float) -> LinearScale:
        """A scale from zero to a round number above all values."""
        most = max(values, default=0) or 1.0
        unit = 10.0 ** math.floor(math.log10(most))
        return cls(unit * math.ceil(most / unit), start, stop)

    def at(self, value: float) -> float:
        """The pixel of a value."""
        return self.start + value / self.high * (self.stop - self.start)

    def ticks(self) -> list[float]:
        """Zero, the middle and the end."""
        return [0.0, self.high / 2, self.high]


class Drawing:
    """Shapes on a canvas."""

    def __init__(self, width: float, height: float, title: str) -> None:
        self._head = (
            f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(title)}">'
        )
        self._shapes: list[str] = []

    def line(self, start: tuple[float, float], stop: tuple[float, float], css: str) -> None:
        """A straight line."""
        (x1, y1), (x2, y2) = start, stop
        self._shapes.append(
            f'<line class="{css}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'
        )

    def path(self, points: Sequence[tuple[float, float]], color: str) -> None:
        """A line through points."""
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._shapes.append(f'<polyline points="{joined}" fill="none" stroke="{color}"/>')

    def dot(self, center: tuple[float, float], radius: float, color: str, hint: str) -> None:
        """A dot that says what it is when it is pointed at."""
        x, y = center
        self._shapes.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{color}">'
            f"<title>{escape(hint)}</title></circle>"
        )

    def bar(self, corner: tuple[float, float], size: tuple[float, float], color: str) -> None:
        """A rectangle."""
        (x, y), (width, height) = corner, size
        self._shapes.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
            f' fill="{color}"/>'
        )

    def text(self, place: tuple[float, float], text: str, css: str = "", anchor: str = "") -> None:
        """A line of text, from its start unless anchored at the end or middle."""
        x, y = place
        anchored = f' text-anchor="{anchor}"' if anchor else ""
        self._shapes.append(
            f'<text class="{css}" x="{x:.1f}" y="{y:.1f}"{anchored}>{escape(text)}</text>'
        )

    def __str__(self) -> str:
        return f"{self._head}{''.join(self._shapes)}</svg>"


def duration(milliseconds: float) -> str:
    """A time in the unit that suits it."""
    if milliseconds < 1:
        return f"{milliseconds * 1000:.0f} µs"
    if milliseconds < 10:
        return f"{milliseconds:.1f} ms"
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    return f"{milliseconds / 1000:.1f} s"
