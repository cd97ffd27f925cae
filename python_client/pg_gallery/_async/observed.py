"""Calls of which telemetry is recorded."""

from __future__ import annotations

from typing import TypeVar

from .. import _calls
from .._calls import Call
from ..telemetry import Telemetry
from .executor import AsyncExecutor

T = TypeVar("T")


class AsyncObservedExecutor:
    """Runs calls by another executor, and has them recorded."""

    def __init__(self, executor: AsyncExecutor, telemetry: Telemetry) -> None:
        self._executor = executor
        self._telemetry = telemetry

    async def run(self, call: Call[T], schema: str | None) -> T:
        with self._telemetry.record(call, schema) as recording:
            result = await self._executor.run(call, schema)
            if recording.finish(result):
                recording.choose(await self._executor.run(_calls.strategy_of(call), schema))
            return result

    async def close(self) -> None:
        await self._executor.close()
