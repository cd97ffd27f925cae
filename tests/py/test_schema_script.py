"""scripts/schema.py, which stands behind `make dump-schema` and `make schema-diff`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from harness.server import Server
from pg_gallery import migrate

SCRIPT = Path(__file__).parents[2] / "scripts" / "schema.py"


def schema(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def alter(url: str, statement: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode())


@pytest.fixture
def other_url(server: Server) -> Iterator[str]:
    """A second database, migrated to head by itself: no clone of what the first is cloned from."""
    url = server.empty_database()
    migrate.upgrade(url)
    yield url
    server.drop_database(url)


def test_two_databases_migrated_alike_do_not_differ(database_url: str, other_url: str) -> None:
    compared = schema("diff", database_url, other_url)
    assert (compared.returncode, compared.stdout) == (0, "")


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ("ALTER TABLE tags ADD COLUMN colour text", "+    colour text"),
        ("ALTER TABLE tags ALTER name SET (n_distinct = -1)", "SET (n_distinct=-1)"),
        ("CREATE INDEX tags_by_age ON tags (created_at)", "+CREATE INDEX tags_by_age"),
        ("REVOKE EXECUTE ON FUNCTION gallery_version() FROM PUBLIC", "FUNCTION gallery_version()"),
    ],
)
def test_a_difference_is_shown(
    database_url: str, other_url: str, statement: str, line: str
) -> None:
    alter(other_url, statement)
    compared = schema("diff", database_url, other_url)
    assert compared.returncode == 1
    assert line in compared.stdout


def test_order_in_which_objects_were_made_is_no_difference(
    database_url: str, other_url: str
) -> None:
    statements = ["CREATE TABLE one (a int)", "CREATE FUNCTION f() RETURNS int RETURN 1"]
    for url, order in ((database_url, statements), (other_url, statements[::-1])):
        for statement in order:
            alter(url, statement)
    assert schema("diff", database_url, other_url).stdout == ""


def test_dump_is_the_same_each_time(database_url: str) -> None:
    first, second = schema("dump", database_url), schema("dump", database_url)
    assert "CREATE TABLE public.tags" in first.stdout
    assert first.stdout == second.stdout


def test_dump_makes_the_same_schema_again(database_url: str, empty_url: str) -> None:
    alter(empty_url, schema("dump", database_url).stdout)
    assert schema("diff", database_url, empty_url).stdout == ""


def test_unreachable_database_is_an_error_in_words() -> None:
    dumped = schema("dump", "postgresql://localhost:1/nowhere")
    assert dumped.returncode == 1
    assert "Connection refused" in dumped.stderr
    assert "Traceback" not in dumped.stderr
