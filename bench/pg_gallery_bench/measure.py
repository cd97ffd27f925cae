"""The core of the measurement: each query at all rivals in turn, until there are enough runs.

Rivals take turns within a query, so that whatever else the machine does hits all of them. The first
run of each warms up and shows the rows, which are compared; the runs after it are timed.

What is measured is warm, and a rival that read a gigabyte leaves nothing of the others' in the
processor's caches: a turn that is over in milliseconds has a few runs, and the last one counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from .query import Answer, Asked
from .results import Measured, Plan
from .rivals.base import CannotExpressError, Request, Rival, TimedOutError


@dataclass(frozen=True)
class Effort:
    """How much to measure."""

    runs: int  # of each rival at each query, at most
    seconds: float  # a rival that has used so much at a query is not run again
    explain_seconds: float = 60  # nor explained, which runs it once more, if it takes longer


_TURN_MILLISECONDS = 20  # a turn is not taken again once it has lasted so long,
_TURN_RUNS = 4  # or has had so many runs


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
        elif not same(answer, expected):
            first.verdict = "different"
    _take_turns(requests, measured, effort)
    if plans:
        for name, request in requests.items():
            if (measured[name].median or 0) <= effort.explain_seconds * 1000:
                measured[name].plan = _plan(request)
    return measured


def _first_run(rival: Rival, asked: Asked) -> tuple[Request | None, Measured, Answer | None]:
    try:
        request = rival.request(asked)
        spent, result = timed(request.run)
    except CannotExpressError as error:
        return None, Measured("cannot express", note=str(error)), None
    except TimedOutError:
        return None, Measured("timed out"), None
    except psycopg.Error as error:  # of one rival at one query: the others go on
        return None, Measured("failed", note=error.diag.message_primary or str(error)), None
    answer = request.answer(result)
    rows = answer if isinstance(answer, int) else len(answer)
    return request, Measured("same", [spent], rows), answer


def _take_turns(
    requests: dict[str, Request], measured: dict[str, Measured], effort: Effort
) -> None:
    """Runs all in turn; the warm-up counts only for those that took all their time for it."""
    budget = effort.seconds * 1000
    left = {name: budget - measured[name].milliseconds[0] for name in requests}
    waiting = [name for name in requests if left[name] > 0]
    for name in waiting:
        measured[name].milliseconds.clear()
    for _ in range(effort.runs):
        for name in waiting:
            try:
                runs = _turn(requests[name])
            except TimedOutError:
                left[name] = 0
                measured[name].note = "one of the runs timed out"
            else:
                left[name] -= sum(runs)
                measured[name].milliseconds.append(runs[-1])
        waiting = [name for name in waiting if left[name] > 0]


def _turn(request: Request) -> list[float]:
    """The milliseconds of each run of a turn."""
    runs: list[float] = []
    while len(runs) < _TURN_RUNS and sum(runs) < _TURN_MILLISECONDS:
        spent, _ = timed(request.run)
        runs.append(spent)
    return runs


def _plan(request: Request) -> Plan | None:
    try:
        return request.plan()
    except TimedOutError:
        return None


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """Milliseconds, and the result."""
    started = time.perf_counter()
    result = run()
    return (time.perf_counter() - started) * 1000, result


def same(answer: Answer, expected: Answer) -> bool:
    """Whether two answers agree; of tags as common as the last of a list any may stand there."""
    if _is_facets(answer) and _is_facets(expected):
        return _settled(answer) == _settled(expected)
    return answer == expected


def _is_facets(answer: Answer) -> bool:
    return isinstance(answer, list) and bool(answer) and not isinstance(answer[0][0], str)


def _settled(facets: Any) -> tuple[list[int], set[tuple[object, int]]]:
    counts = sorted((count for _, count in facets), reverse=True)
    return counts, {(tag, count) for tag, count in facets if count > counts[-1]}
