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

import psycopg

from .query import Asked
from .results import LoadPoint
from .rivals.base import TimedOutError
from .rivals.ours import Ours
from .writing import Writer, WriterPlan


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
        end = time.time() + 2 + self.seconds  # all are connected by then
        start = end - self.seconds
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(clients + 2, mp_context=context) as pool:
            reading = [pool.submit(_read, self, start, end, seed) for seed in range(clients)]
            writing = pool.submit(_write, self, start, end)
            refreshing = pool.submit(_refresh, self, start, end)
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


def _read(load: Load, start: float, end: float, seed: int) -> tuple[list[float], int]:
    """Latencies in milliseconds, and how many pages weren't had."""
    ours = Ours(load.url, load.timeout_seconds)
    requests = [ours.request(asked) for asked in load.pages]
    chooser = random.Random(seed)
    latencies, errors = [], 0
    _wait_until(start)
    while (began := time.time()) < end:
        try:
            chooser.choice(requests).run()
        except TimedOutError:
            errors += 1
        else:
            latencies.append((time.time() - began) * 1000)
    ours.close()
    return latencies, errors


def _write(load: Load, start: float, end: float) -> int:
    """How many changes were made."""
    with psycopg.connect(load.url, autocommit=True) as connection:
        writer = Writer(connection, load.new_items)
        _wait_until(start)
        writes = 0
        while time.time() < end:
            writer.change_something()
            writes += 1
            _wait_until(min(end, start + writes / load.writes_per_second))
        writer.undo()
        return writes


def _refresh(load: Load, start: float, end: float) -> list[float]:
    """The seconds of each refresh."""
    seconds = []
    with psycopg.connect(load.url, autocommit=True) as connection:
        _wait_until(start)
        while (began := time.time()) < end:
            connection.execute("CALL gallery_refresh()")
            seconds.append(time.time() - began)
            time.sleep(load.refresh_every)
    return seconds


def _wait_until(moment: float) -> None:
    time.sleep(max(0, moment - time.time()))


def _percentile(ordered: Sequence[float], percent: int) -> float:
    if len(ordered) < 2:
        return ordered[0] if ordered else 0.0
    return statistics.quantiles(ordered, n=100, method="inclusive")[percent - 1]
