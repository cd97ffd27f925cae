"""What a server offers to the tests; a server of one's own offers no more than fresh databases."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from itertools import count
from typing import NoReturn

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from harness.disk import SmallDisk
from harness.pooler import PoolerPlace, pooled
from harness.program import Finished, free_port, run_here
from harness.standby import Standby
from pg_gallery import migrate


def database_name(url: str) -> str:
    """The database that a URL names."""
    name = make_url(url).database
    assert name is not None
    return name


class Server:
    """A PostgreSQL server under test, here one's own: its role must be allowed to create databases.

    A test that asks for what its server can't do is skipped, with the reason. `name` is what the
    marker `servers` calls the server.
    """

    name = "own"

    def __init__(self, maintenance_url: str) -> None:
        """`maintenance_url` names the database to connect to for making and dropping others."""
        self._maintenance_url = maintenance_url
        self._prefix = f"pg_gallery_test_{secrets.token_hex(3)}"
        self._numbers = count(1)
        self._databases: set[str] = set()

    def url(self, database: str) -> str:
        """The URL of one of the server's databases."""
        url = make_url(self._maintenance_url).set(database=database)
        return url.render_as_string(hide_password=False)

    @cached_property
    def version(self) -> int:
        """The major version, say 15."""
        return int(self._value("SHOW server_version_num")) // 10000

    @cached_property
    def superuser(self) -> bool:
        """Whether the tests' role is a superuser."""
        return self._value("SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == "True"

    def offers(self, extension: str) -> bool:
        """Whether the extension can be created on this server."""
        query = "SELECT count(*) FROM pg_available_extensions WHERE name = %s"
        return self._value(query, extension) == "1"

    def new_database(self) -> str:
        """Makes a database migrated to head, a clone of a template; returns its URL."""
        return self._create(self._next_name(), template=self._template)

    def cloned_database(self, url: str) -> str:
        """Makes a copy of a database to which nobody is connected; returns its URL."""
        return self._create(self._next_name(), template=database_name(url))

    def empty_database(self, *, encoding: str | None = None) -> str:
        """Makes a database with nothing in it; returns its URL. An encoding means locale C."""
        return self._create(self._next_name(), template="template0", encoding=encoding)

    def cron_database(self) -> str:
        """Makes the one database that pg_cron works in anew, migrated to head; returns its URL.

        The server is restarted for it.
        """
        self._unsupported("pg_cron works in a database that we may not choose, or is not there")

    def restored_dump(self, url: str) -> str:
        """Makes a database from a dump of another; returns its URL."""
        self._unsupported("the programs of a server of one's own are out of reach")

    def restored_data(self, url: str, *dumps: Sequence[str]) -> str:
        """Makes a migrated database with the rows of another; returns its URL.

        `dumps`: the options of pg_dump, besides --data-only, for each of the dumps to restore.
        """
        self._unsupported("the programs of a server of one's own are out of reach")

    def drop_database(self, url: str) -> None:
        """Drops a database made here, whoever is connected."""
        self._drop(database_name(url))

    def restart(self, *, kill: bool = False) -> None:
        """Stops the server and starts it again, with `kill` as after a crash; ends connections."""
        self._unsupported("a server of one's own is not restarted")

    def make_standby(self) -> Standby:
        """Makes a hot standby that streams from this server; the caller closes it."""
        self._unsupported("a server of one's own gets no standby")

    def small_disk(self) -> SmallDisk:
        """A file system of a few megabytes on the server's machine, always the same one."""
        self._unsupported("nothing can be mounted for a server of one's own")

    def pooled(self, url: str) -> AbstractContextManager[str]:
        """The database's URL through PgBouncer in transaction mode, with one connection for all."""
        return pooled(self._pooler_place(), url, self.name)

    def read_log(self) -> str:
        """What the server has logged since it was made."""
        self._unsupported("the log of a server of one's own is out of reach")

    def exec(self, *command: str) -> Finished:
        """Runs a program in the server's container."""
        self._unsupported("the server stands in no container")

    def close(self) -> None:
        """Drops the databases made here and lets go of the server."""
        for name in sorted(self._databases):
            self._drop(name)

    def _pooler_place(self) -> PoolerPlace:
        """Where PgBouncer may run before this server: on this machine, if it is not overridden."""
        url, here = make_url(self._maintenance_url), ("localhost", free_port())
        return PoolerPlace(run_here, (url.host or "localhost", url.port or 5432), here, here)

    @cached_property
    def _template(self) -> str:
        """The database that others are cloned from: migrated once, closed to connections."""
        name = f"{self._prefix}_template"
        url = self._create(name, template="template0")
        try:
            migrate.upgrade(url)
        except Exception:
            self._drop(name)
            raise
        self._maintain("ALTER DATABASE {} ALLOW_CONNECTIONS false", name)
        return name

    def _next_name(self) -> str:
        return f"{self._prefix}_{next(self._numbers)}"

    def _create(self, name: str, *, template: str, encoding: str | None = None) -> str:
        if encoding is None:
            # Files are copied in half of the time that it takes to log each of their pages.
            self._maintain("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", name, template)
        else:
            options = "LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'"
            statement = f"CREATE DATABASE {{}} TEMPLATE {{}} ENCODING {{}} {options}"
            self._maintain(statement, name, template, encoding)
        self._databases.add(name)
        return self.url(name)

    def _drop(self, name: str) -> None:
        self._maintain("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
        self._databases.discard(name)

    def _maintain(self, statement: str, *names: str) -> None:
        query = sql.SQL(statement).format(*map(sql.Identifier, names))
        with psycopg.connect(self._maintenance_url, autocommit=True) as connection:
            connection.execute(query)

    def _value(self, query: str, *parameters: str) -> str:
        with psycopg.connect(self._maintenance_url) as connection:
            row = connection.execute(query.encode(), parameters).fetchone()
        assert row is not None
        return str(row[0])

    def _unsupported(self, reason: str) -> NoReturn:
        pytest.skip(f"{self.name}: {reason}")
