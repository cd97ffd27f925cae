"""Running programs where a server stands, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Finished:
    """A program that has ended: its exit code and what it said on both outputs."""

    command: tuple[str, ...]
    code: int
    output: str

    def check(self) -> str:
        """The output; raises RuntimeError if the program failed."""
        if self.code != 0:
            raise RuntimeError(f"{' '.join(self.command)} exited {self.code}:\n{self.output}")
        return self.output


class Runner(Protocol):
    """Runs a program, PostgreSQL's own being on its path: `run("pg_ctl", "--pgdata=…", "stop")`."""

    def __call__(self, *command: str) -> Finished: ...
