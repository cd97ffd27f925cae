"""How the functions are written, as the catalogue knows it.

What plpgsql_check finds in them is tested in test_plpgsql_check.py.
"""

from __future__ import annotations

import psycopg
import pytest

import calls

pytestmark = pytest.mark.servers("pg18")

_EVERY_FUNCTION_OF_OURS = """
pronamespace = 'gallery'::regnamespace
OR (pronamespace = 'public'::regnamespace AND proname LIKE 'gallery\\_%')
"""

# An aggregate has no body, and a procedure that commits can't have a setting of its own. A body in
# standard SQL (prosqlbody) has found what it names when it was created.
UNPINNED = f"""
SELECT oid::regprocedure::text FROM pg_proc
WHERE ({_EVERY_FUNCTION_OF_OURS})
  AND prosqlbody IS NULL AND prokind <> 'a' AND NOT (prokind = 'p' AND proname = 'gallery_rebuild')
  AND proname <> 'sort_entries'  -- put in line; it names tables in full, and no operator
  AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false)
"""

WITHOUT_COMMENT = f"""
SELECT oid::regprocedure::text FROM pg_proc
WHERE ({_EVERY_FUNCTION_OF_OURS}) AND obj_description(oid, 'pg_proc') IS NULL
UNION ALL
SELECT oid::regclass::text FROM pg_class
WHERE relnamespace = 'gallery'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
  AND obj_description(oid, 'pg_class') IS NULL
UNION ALL
SELECT t.oid::regtype::text FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
WHERE t.typnamespace = 'gallery'::regnamespace AND (t.typtype IN ('d', 'e') OR c.relkind = 'c')
  AND obj_description(t.oid, 'pg_type') IS NULL
"""


def test_every_function_finds_what_it_names_on_no_search_path_of_its_callers(
    conn: psycopg.Connection,
) -> None:
    assert conn.execute(calls.query(UNPINNED)).fetchall() == []


def test_every_function_table_and_type_says_what_it_is(conn: psycopg.Connection) -> None:
    assert conn.execute(calls.query(WITHOUT_COMMENT)).fetchall() == []
