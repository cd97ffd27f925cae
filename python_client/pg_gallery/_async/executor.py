"""What runs calls: an executor does the I/O of a `Call` and nothing else."""

from __future__ import annotations

from typing import Protocol, TypeVar

from .._calls import Call

T = TypeVar("T")


class AsyncExecutor(Protocol):
    """Runs calls, of which several may be under way."""

    async def run(self, call: Call[T], schema: str | None) -> T:
        """The call's result; a driver's errors pass as they are."""

    async def close(self) -> None:
        """Closes what the executor opened, and nothing else."""
