"""The core of the measurement: each query, round robin over the rivals, until there are enough runs.

Rivals take turns within a query, so that whatever else the machine does hits all of them. The first
run of each warms up and shows the rows, which are compared; the runs after it are timed.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from pg_gallery.bench.query import Answer, Asked
from pg_gallery.bench.rivals.base import CannotExpressError, Plan, Request, Rival, TimedOutError

Verdict: TypeAlias = Literal["same", "different", "timed out", "cannot express"]


@dataclass(frozen=True)
class Effort:
    """How much to measure."""

    runs: int = 7  # of each rival at each query, at most
    seconds: float = 1.0  # a rival that has used so much at a query is not run again


@dataclass
class Measured:
    """What one rival did with one query."""

    verdict: Verdict
    milliseconds: list[float] = field(default_factory=list)
    rows: int | None = None
    plan: Plan | None = None
    note: str = ""

    @property
    def median(self) -> float | None:
        """The median of the runs, in milliseconds; None where there is no answer."""
        return statistics.median(self.milliseconds) if self.milliseconds else None


def measure(
    asked: Asked, rivals: Sequence[Rival], effort: Effort, *, plans: bool = True
) -> dict[str, Measured]:
    """All rivals at one query; the first one's rows are what the others' are compared with."""
    measured: dict[str, Measured] = {}
    requests: dict[str, Request] = {}
    expected: Answer | None = None
    for rival in rivals:
        request, first, answer = _first_run(rival, asked)
        measured[rival.name] = first
        if request is None or answer is None:
            continue
        requests[rival.name] = request
        if expected is None:
            expected = answer
        if not same(asked, answer, expected):
            first.verdict = "different"
    _take_turns(requests, measured, effort)
    if plans:
        for name, request in requests.items():
            measured[name].plan = _plan(request)
    return measured


def _first_run(rival: Rival, asked: Asked) -> tuple[Request | None, Measured, Answer | None]:
    try:
        request = rival.request(asked)
        spent, result = _timed(request.run)
    except CannotExpressError as error:
        return None, Measured("cannot express", note=str(error)), None
    except TimedOutError:
        return None, Measured("timed out"), None
    answer = request.answer(result)
    rows = answer if isinstance(answer, int) else len(answer)
    return request, Measured("same", [spent], rows), answer


def _take_turns(
    requests: dict[str, Request], measured: dict[str, Measured], effort: Effort
) -> None:
    """Runs all in turn; the first, cold run counts only for those too slow for another one."""
    spent = {name: measured[name].milliseconds[0] for name in requests}
    waiting = [name for name in requests if spent[name] < effort.seconds * 1000]
    for name in waiting:
        measured[name].milliseconds.clear()
    for _ in range(effort.runs):
        for name in waiting:
            try:
                milliseconds, _ = _timed(requests[name].run)
            except TimedOutError:
                milliseconds = effort.seconds * 1000
                measured[name].note = "timed out once"
            measured[name].milliseconds.append(milliseconds)
            spent[name] += milliseconds
        waiting = [name for name in waiting if spent[name] < effort.seconds * 1000]


def _plan(request: Request) -> Plan | None:
    try:
        return request.plan()
    except TimedOutError:
        return None


def _timed(run: Callable[[], object]) -> tuple[float, object]:
    started = time.perf_counter()
    result = run()
    return (time.perf_counter() - started) * 1000, result


def same(asked: Asked, answer: Answer, expected: Answer) -> bool:
    """Whether two answers agree; tags that share the last place of facets may be any of them."""
    if asked.kind != "facets" or not (isinstance(answer, list) and isinstance(expected, list)):
        return answer == expected
    return _settled(answer) == _settled(expected)


def _settled(facets: Sequence[tuple[object, int]]) -> tuple[list[int], set[tuple[object, int]]]:
    counts = sorted((count for _, count in facets), reverse=True)
    return counts, {(tag, count) for tag, count in facets if count > counts[-1]}
