"""plpgsql_check finds nothing to say about any PL/pgSQL function of ours, with all warnings on.

An exception is made in the function's own source, by a pragma of plpgsql_check.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

import calls
import worlds
from harness.server import Server

pytestmark = pytest.mark.servers("pg15")

# Every function once; a trigger function once for each trigger that calls it, whose table and
# transition tables it is checked with.
FUNCTIONS = """
SELECT function.oid::regprocedure::text, trigger.tgrelid::regclass::text,
       trigger.tgoldtable, trigger.tgnewtable
FROM pg_proc AS function
JOIN pg_language AS language ON language.oid = function.prolang AND language.lanname = 'plpgsql'
LEFT JOIN pg_trigger AS trigger ON trigger.tgfoid = function.oid AND NOT trigger.tgisinternal
WHERE function.pronamespace = 'gallery'::regnamespace
   OR (function.pronamespace = 'public'::regnamespace AND function.proname LIKE 'gallery\\_%')
ORDER BY 1, 2
"""

CHECK = """
SELECT concat_ws(' | ', lineno, statement, level, message, detail, hint)
FROM plpgsql_check_function_tb(
  %s::regprocedure,
  coalesce(%s::regclass, 0),
  oldtable => %s,
  newtable => %s,
  fatal_errors => false,
  other_warnings => true,
  extra_warnings => true,
  performance_warnings => true,
  security_warnings => true
)
"""


@pytest.fixture
def checkable(server: Server, conn: psycopg.Connection) -> psycopg.Connection:
    """A fresh database in which plpgsql_check can be called."""
    if not server.offers("plpgsql_check"):
        pytest.skip("plpgsql_check is not installed on this server")
    conn.execute("CREATE SCHEMA lint")
    conn.execute("CREATE EXTENSION plpgsql_check SCHEMA lint")
    conn.execute("SET search_path = public, lint")
    return conn


def complaints(connection: psycopg.Connection) -> Iterator[str]:
    for function, *trigger in connection.execute(FUNCTIONS).fetchall():
        for (complaint,) in connection.execute(CHECK, [function, *trigger]):
            yield f"{function} | {complaint}"


def test_no_function_gives_a_warning(checkable: psycopg.Connection) -> None:
    assert checkable.execute(FUNCTIONS).rowcount > 0
    found = list(complaints(checkable))
    assert not found, "\n".join(found)


def test_a_users_own_columns_are_never_taken_for_names_of_ours(
    checkable: psycopg.Connection,
) -> None:
    """They are of a type that fits nowhere: what is taken for something else is an error."""
    for statement in worlds.confusing_columns(checkable, "box"):
        checkable.execute(calls.query(statement))
    calls.install_all(checkable)  # functions in SQL are looked at when they are created
    errors = [complaint for complaint in complaints(checkable) if "| error |" in complaint]
    assert not errors, "\n".join(errors)


def test_a_careless_function_gives_a_warning(checkable: psycopg.Connection) -> None:
    checkable.execute("""
        CREATE FUNCTION gallery_careless(name text) RETURNS bigint LANGUAGE plpgsql AS $$
        BEGIN
          RETURN (SELECT count(*) FROM tags WHERE tags.name = gallery_careless.nome);
        END $$
    """)
    assert any("gallery_careless" in complaint for complaint in complaints(checkable))
