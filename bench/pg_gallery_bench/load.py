"""Load: pages to several clients at once, while a writer writes and the refresher refreshes.

Every client is a process with a connection of its own that asks for one page after the other, from
the matrix's pages in random order. The clients share the processors with the server.
"""

from __future__ import annotations

import multiprocessing
import random
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing.synchronize import Barrier
from typing import ClassVar

import psycopg

from .query import Asked
from .results import LoadPoint
from .rivals.base import TimedOutError
from .rivals.ours import Ours
from .writing import Writer, WriterPlan

_PATIENCE = 120  # seconds until all processes have started


@dataclass(frozen=True)
class Load:
    """What goes on while pages are served."""

    url: str
    pages: Sequence[Asked]
    new_items: WriterPlan
    seconds: float
    writes_per_second: float = 20
    refresh_every: float = 2  # seconds from the end of one refresh to the next
    timeout_seconds: float = 10

    def with_clients(self, clients: int) -> LoadPoint:
        """Serves so many clients for the time given; what was written is taken back."""
        context = multiprocessing.get_context("spawn")
        start = (context.Barrier(clients + 2),)
        with ProcessPoolExecutor(clients + 2, context, _start_at, start) as pool:
            reading = [pool.submit(_read, self, seed) for seed in range(clients)]
            writing = pool.submit(_write, self)
            refreshing = pool.submit(_refresh, self)
            read = [one.result() for one in reading]
            refreshes = refreshing.result()
            writes = writing.result()
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("CALL gallery_refresh()")
        latencies = sorted(latency for one, _ in read for latency in one)
        at = partial(_percentile, latencies)
        return LoadPoint(
            clients=clients,
            seconds=self.seconds,
            pages=len(latencies),
            errors=sum(errors for _, errors in read),
            p50=at(50),
            p95=at(95),
            p99=at(99),
            writes=writes,
            refreshes=len(refreshes),
            slowest_refresh=max(refreshes, default=0),
        )


class _Start:
    """When all of the processes are ready; each has this one module."""

    barrier: ClassVar[Barrier]


def _start_at(barrier: Barrier) -> None:
    _Start.barrier = barrier


def _together(load: Load) -> float:
    """Waits for the others; when to stop."""
    _Start.barrier.wait(_PATIENCE)
    return time.monotonic() + load.seconds


def _read(load: Load, seed: int) -> tuple[list[float], int]:
    """Latencies in milliseconds, and how many pages weren't had."""
    ours = Ours(load.url, load.timeout_seconds)
    requests = [ours.request(asked) for asked in load.pages]
    chooser = random.Random(seed)
    latencies, errors = [], 0
    end = _together(load)
    while (began := time.monotonic()) < end:
        try:
            chooser.choice(requests).run()
        except TimedOutError:
            errors += 1
        else:
            latencies.append((time.monotonic() - began) * 1000)
    ours.close()
    return latencies, errors


def _write(load: Load) -> int:
    """How many changes were made."""
    with psycopg.connect(load.url, autocommit=True) as connection:
        writer = Writer(connection, load.new_items)
        end = _together(load)
        writes = 0
        while time.monotonic() < end:
            writer.change_something()
            writes += 1
            due = end - load.seconds + writes / load.writes_per_second
            time.sleep(max(0, min(due, end) - time.monotonic()))
        writer.undo()
        return writes


def _refresh(load: Load) -> list[float]:
    """The seconds of each refresh."""
    seconds = []
    with psycopg.connect(load.url, autocommit=True) as connection:
        end = _together(load)
        while (began := time.monotonic()) < end:
            connection.execute("CALL gallery_refresh()")
            seconds.append(time.monotonic() - began)
            time.sleep(max(0, min(load.refresh_every, end - time.monotonic())))
    return seconds


def _percentile(ordered: Sequence[float], percent: int) -> float:
    if len(ordered) < 2:
        return ordered[0] if ordered else 0.0
    return statistics.quantiles(ordered, n=100, method="inclusive")[percent - 1]
