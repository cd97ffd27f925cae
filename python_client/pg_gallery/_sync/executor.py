# Made by scripts/unasync.py of _async/executor.py: change that, then run `make sync-client`.
"""What runs calls: an executor does the I/O of a `Call` and nothing else."""

from __future__ import annotations

from typing import Protocol, TypeVar

from .._calls import Call

T = TypeVar("T")


class Executor(Protocol):
    """Runs calls, of which several may be under way."""

    def run(self, call: Call[T], schema: str | None) -> T:
        """The call's result; a driver's errors pass as they are."""

    def close(self) -> None:
        """Closes what the executor opened, and nothing else."""
