"""Running programs where a server stands, and what came of it."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
from dataclasses import dataclass
from typing import Protocol

UNPRIVILEGED = "nobody"
"""Whom programs run as where the tests run as root, which PostgreSQL and PgBouncer refuse."""


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


def unprivileged_user() -> str | None:
    """Whom the programs on this machine run as, if that is somebody else than we are."""
    return UNPRIVILEGED if os.geteuid() == 0 else None


def run_here(*command: str, folder: str = "/", path: str = os.environ["PATH"]) -> Finished:
    """Runs a program on this machine, in `folder`, and never as root."""
    user = unprivileged_user()
    finished = subprocess.run(
        command,
        check=False,
        cwd=folder,
        env={**os.environ, "PATH": path},
        extra_groups=None if user is None else [],
        group=None if user is None else pwd.getpwnam(user).pw_gid,
        user=user,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return Finished(command, finished.returncode, finished.stdout)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port: int = probe.getsockname()[1]
        return port
