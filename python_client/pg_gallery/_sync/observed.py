# Made by scripts/unasync.py of _async/observed.py: change that, then run `make sync-client`.
"""Calls of which telemetry is recorded."""

from __future__ import annotations

from typing import TypeVar

from .. import _calls
from .._calls import Call
from ..telemetry import Telemetry
from .executor import Executor

T = TypeVar("T")


class ObservedExecutor:
    """Runs calls by another executor, and has them recorded."""

    def __init__(self, executor: Executor, telemetry: Telemetry) -> None:
        self._executor = executor
        self._telemetry = telemetry

    def run(self, call: Call[T], schema: str | None) -> T:
        with self._telemetry.record(call, schema) as recording:
            result = self._executor.run(call, schema)
            if recording.finish(result):
                recording.choose(self._executor.run(_calls.strategy_of(call), schema))
            return result

    def close(self) -> None:
        self._executor.close()
