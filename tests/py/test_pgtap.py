"""Runs the pgTAP tests of tests/sql: each file by pg_prove, on a fresh database.

pgTAP stands in a schema of its own, `tap`, at the end of the search path. On a server of one's own,
pgTAP must be installed there and pg_prove on this machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg.pq import Conninfo
from sqlalchemy import make_url

from harness.container import ContainerServer
from harness.program import Finished
from harness.server import Server

SCRIPTS = Path(__file__).parents[1] / "sql"
SCRIPTS_IN_CONTAINER = "/tmp/pgtap"
PG_PROVE = ("pg_prove", "--verbose")

Prove = Callable[[str, str], Finished]
"""Runs pg_prove on the database with this URL and the file of tests/sql with this name."""

pytestmark = pytest.mark.servers("pg15")


@pytest.fixture(scope="session")
def prove(server: Server) -> Prove:
    """pg_prove: in the server's container, or else on this machine."""
    if not server.offers("pgtap"):
        pytest.skip("pgTAP is not installed on this server")
    if isinstance(server, ContainerServer):
        server.copy_into(SCRIPTS, SCRIPTS_IN_CONTAINER)
        return lambda url, script: server.exec(
            *PG_PROVE, f"--dbname={make_url(url).database}", f"{SCRIPTS_IN_CONTAINER}/{script}"
        )
    if shutil.which("pg_prove") is None:
        pytest.skip("pg_prove is not installed on this machine")
    return prove_here


def prove_here(url: str, script: str) -> Finished:
    """pg_prove takes no URL: libpq's variables say the same."""
    command = (*PG_PROVE, str(SCRIPTS / script))
    finished = subprocess.run(
        command,
        check=False,
        env=os.environ | libpq_environment(url),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return Finished(command, finished.returncode, finished.stdout)


def libpq_environment(url: str) -> dict[str, str]:
    return {
        option.envvar.decode(): option.val.decode()
        for option in Conninfo.parse(url.encode())
        if option.envvar and option.val
    }


def install_pgtap(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE SCHEMA tap")
        connection.execute("CREATE EXTENSION pgtap SCHEMA tap")
        connection.execute(
            f"""
            ALTER DATABASE "{connection.info.dbname}" SET search_path = public, tap
        """.encode()
        )


@pytest.mark.parametrize("script", sorted(path.name for path in SCRIPTS.glob("*.sql")))
def test_pgtap_file_passes(prove: Prove, database_url: str, script: str) -> None:
    install_pgtap(database_url)
    finished = prove(database_url, script)
    print(finished.output)
    assert finished.code == 0, f"pg_prove finds failures in {script}: see its output"
