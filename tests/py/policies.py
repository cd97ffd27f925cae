"""Row level security on the tables of a gallery: policies, as somebody may have them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import calls
from calls import Connection

SECURED = ("content_items_all", "content_items", "content_items_auto", "content_tags", "tags")
DROP_ALL = """
    SELECT format('DROP POLICY %%I ON %%s', polname, polrelid::regclass) FROM pg_policy
    WHERE polrelid = ANY (%s::regclass[])
    UNION ALL
    SELECT format('ALTER TABLE %%s DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY', t)
    FROM unnest(%s::regclass[]) t
"""


@dataclass(frozen=True)
class Policies:
    """Conditions on the rows that may be seen, by table; None: no row may."""

    conditions: Sequence[tuple[str, str | None]]
    also: str = ""  # statements that they need

    @property
    def hides_items_or_rows_of_tags(self) -> bool:
        """Whether what is seen through content_items_all and content_tags is less than all."""
        return any(table in ("content_items_all", "content_tags") for table, _ in self.conditions)

    def statements(self) -> Iterator[str]:
        if self.also:
            yield self.also
        for n, (table, condition) in enumerate(self.conditions):
            yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
            if condition is not None:
                yield f"CREATE POLICY own_policy_{n} ON {table} {condition}"


SOME_ITEMS = ("content_items_all", "FOR SELECT USING (source_type = 'items' OR id % 3 <> 0)")
SOME_ROWS = ("content_tags", "FOR SELECT USING (content_id % 4 <> 1)")
SOME_TAGS = ("tags", "FOR SELECT USING (right(name, 1) NOT IN ('1', '4', '7'))")
# As Supabase has it: who is looking stands in a setting that the server made of a signed token.
CLAIMS = "request.jwt.claims"
BY_CLAIMS = (
    "content_items_all",
    "FOR SELECT USING (NOT is_private OR creator_id ="
    f" (nullif(current_setting('{CLAIMS}', true), '')::jsonb ->> 'sub')::uuid)",
)

POLICIES = {
    "some items": Policies([SOME_ITEMS]),
    "few items": Policies([("content_items_all", "USING (id BETWEEN 1 AND 9)")]),
    "no items": Policies([("content_items_all", None)]),
    "a source": Policies([("content_items_all", "USING (source_type = 'auto')")]),
    "by claims": Policies([BY_CLAIMS]),
    "two that must both hold": Policies(
        [SOME_ITEMS, ("content_items_all", "AS RESTRICTIVE USING (quality_score IS NOT NULL)")]
    ),
    "items of a team": Policies(
        [("content_items_all", "USING (creator_id IN (SELECT t.user_id FROM own.team t))")],
        "CREATE SCHEMA IF NOT EXISTS own; GRANT USAGE ON SCHEMA own TO PUBLIC;"
        " CREATE OR REPLACE VIEW own.team AS SELECT id AS user_id FROM users WHERE"
        " username < '8'; GRANT SELECT ON own.team TO PUBLIC",
    ),
    "some rows of tags": Policies([SOME_ROWS]),
    "rows of some tags": Policies([("content_tags", "USING (tag_id::text < '9')")]),
    "no rows of tags": Policies([("content_tags", None)]),
    "some tags": Policies([SOME_TAGS]),
    "no tags": Policies([("tags", None)]),
    "items and rows of tags": Policies([SOME_ITEMS, SOME_ROWS]),
    "items, rows of tags, and tags": Policies([SOME_ITEMS, SOME_ROWS, SOME_TAGS]),
    "a partition": Policies([("content_items", "USING (id % 2 = 0)")]),
    "both partitions": Policies([("content_items", None), ("content_items_auto", None)]),
    "items and a partition": Policies([SOME_ITEMS, ("content_items_auto", "USING (id % 5 = 0)")]),
}


@contextmanager
def in_force(conn: Connection, policies: Policies) -> Iterator[None]:
    """The policies, up to the end of the block."""
    try:
        for statement in policies.statements():
            conn.execute(calls.query(statement))
        yield
    finally:
        tables = list(SECURED)
        for (statement,) in conn.execute(DROP_ALL, (tables, tables)).fetchall():
            conn.execute(calls.query(statement))
