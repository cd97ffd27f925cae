"""PgBouncer in transaction mode before a server, where it is installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from harness.embedded import UNPRIVILEGED


@contextmanager
def pooled(url: str) -> Iterator[str]:
    """The database's URL through a pooler that has one server connection for all.

    Where there is no pgbouncer the test is skipped.
    """
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.skip("pgbouncer is not installed")
    there = make_url(url)
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
        probe.close()
        home = Path(folder)
        home.chmod(0o755)
        users = home / "users"
        users.write_text(f'"{there.username}" ""\n')
        settings = home / "pgbouncer.ini"
        settings.write_text(
            f"[databases]\n* = host={there.host} port={there.port}\n"
            f"[pgbouncer]\nlisten_addr = localhost\nlisten_port = {port}\nauth_type = trust\n"
            f"auth_file = {users}\npool_mode = transaction\ndefault_pool_size = 1\n"
            "unix_socket_dir =\n"
        )
        command = [program, "--quiet", str(settings)]
        if os.geteuid() == 0:
            command.append(f"--user={UNPRIVILEGED}")
        with subprocess.Popen(command) as pooler:
            through = there.set(host="localhost", port=port).render_as_string(hide_password=False)
            try:
                _wait_for(through, pooler)
                yield through
            finally:
                pooler.kill()


def _wait_for(url: str, pooler: subprocess.Popen[bytes]) -> None:
    for _ in range(100):
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError:
            assert pooler.poll() is None, "pgbouncer ended"
            time.sleep(0.05)
    raise TimeoutError("pgbouncer does not answer")
