"""PgBouncer in transaction mode before a server, where it is installed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
import pytest
from sqlalchemy import URL, make_url

from harness.program import Runner

Address = tuple[str, int]
# Debian installs it where only an administrator's path leads.
FIND = "PATH=$PATH:/usr/sbin:/usr/local/sbin command -v pgbouncer"
WRITE = 'printf %s "$1" > "$2"'
STOP = 'kill "$(cat "$1")" && while [ -e "$1" ]; do sleep 0.02; done'


@dataclass(frozen=True)
class PoolerPlace:
    """Where a pooler may run: `run` runs its program there."""

    run: Runner
    server: Address
    """Where the server is, as seen from there."""
    listen: Address
    reached_at: Address
    """Where the tests find what listens there."""


@contextmanager
def pooled(place: PoolerPlace, url: str, skipped_as: str) -> Iterator[str]:
    """The database's URL through a pooler that has one server connection for all.

    Where there is no PgBouncer the test is skipped, with a reason that begins with `skipped_as`.
    """
    found = place.run("sh", "-c", FIND)
    if found.code != 0:
        pytest.skip(f"{skipped_as}: PgBouncer is not installed where the server runs")
    there = make_url(url)
    folder = place.run("mktemp", "-d").check().strip()
    _configure(place, folder, there)
    place.run(found.output.strip(), "--quiet", "--daemon", f"{folder}/ini").check()
    host, port = place.reached_at
    through = there.set(host=host, port=port).render_as_string(hide_password=False)
    try:
        _wait_for(place, folder, through)
        yield through
    finally:
        place.run("sh", "-c", STOP, "sh", f"{folder}/pid")
        place.run("rm", "-r", folder).check()


def _configure(place: PoolerPlace, folder: str, url: URL) -> None:
    (server, server_port), (address, port) = place.server, place.listen
    settings = (
        f"[databases]\n* = host={server} port={server_port}\n"
        f"[pgbouncer]\nlisten_addr = {address}\nlisten_port = {port}\nauth_type = trust\n"
        f"auth_file = {folder}/users\npool_mode = transaction\ndefault_pool_size = 1\n"
        f"unix_socket_dir =\nlogfile = {folder}/log\npidfile = {folder}/pid\n"
    )
    for name, text in (("ini", settings), ("users", f'"{url.username}" ""\n')):
        place.run("sh", "-c", WRITE, "sh", text, f"{folder}/{name}").check()


def _wait_for(place: PoolerPlace, folder: str, url: str) -> None:
    for _ in range(100):
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError:
            time.sleep(0.05)
    log = place.run("cat", f"{folder}/log").output
    raise TimeoutError(f"PgBouncer does not answer; its log says:\n{log}")
