"""Cold: each query on a server that was just started, with nothing of its files in memory.

Only a server of the benchmark's own can be stopped for that. What is cold is the data: connections
are open and plans and functions known, as in a service that has been up while others used it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from pg_gallery.embedded import EmbeddedServer

from .generate import Progress
from .measure import timed
from .query import Asked
from .results import Measured, QueryResult
from .rivals.base import Rival, TimedOutError

Factory = Callable[[], Rival]


def can_be_cold() -> bool:
    """Whether files can be dropped from memory on this system."""
    return hasattr(os, "posix_fadvise")


def measure_cold(
    server: EmbeddedServer,
    queries: Sequence[Asked],
    factories: Sequence[Factory],
    warm_up: Asked,
    progress: Progress,
) -> list[QueryResult]:
    """One run of each query by each rival. ``warm_up`` touches little of the data."""
    results = []
    for number, asked in enumerate(queries):
        measured = {}
        for factory in factories:
            server.stop()
            _forget(server.home / "data")
            server.start()
            rival = factory()
            try:
                with suppress(TimedOutError):  # by then its plan and its functions are known
                    rival.request(warm_up).run()
                measured[rival.name] = _once(rival, asked)
            finally:
                rival.close()
        query = asked.query
        results.append(QueryResult(query.group, query.name, query.kind, measured))
        progress("cold", number + 1, len(queries))
    return results


def _once(rival: Rival, asked: Asked) -> Measured:
    request = rival.request(asked)
    try:
        spent, result = timed(request.run)
    except TimedOutError:
        return Measured("timed out")
    answer = request.answer(result)
    return Measured("same", [spent], answer if isinstance(answer, int) else len(answer))


def _forget(directory: Path) -> None:
    """Drops the files below from the system's cache; a stopped server has written them all."""
    for path in directory.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)
