"""Roles of a test's own, with the grants that it gives them."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from psycopg import sql

import calls
from calls import Connection


@contextmanager
def new_role(conn: Connection, grants: str = "") -> Iterator[str]:
    """A new role, up to the end of the block.

    `grants`: statements to run first, in which {role} stands for its name.
    """
    name = f"gallery_test_{secrets.token_hex(4)}"
    quoted = sql.Identifier(name)
    conn.execute(sql.SQL("CREATE ROLE {}").format(quoted))
    try:
        conn.execute(calls.query(grants.replace("{role}", name)))
        yield name
    finally:
        conn.execute("RESET ROLE")
        conn.execute(sql.SQL("DROP OWNED BY {}").format(quoted))
        conn.execute(sql.SQL("DROP ROLE {}").format(quoted))


@contextmanager
def acting_as(conn: Connection, name: str) -> Iterator[None]:
    """The rest of the block as another role."""
    conn.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(name)))
    try:
        yield
    finally:
        conn.execute("RESET ROLE")


@contextmanager
def role(conn: Connection, *grants: str) -> Iterator[str]:
    """The rest of the block as a new role with these grants, each ending in TO or ON … TO."""
    statements = "; ".join(f"{grant} TO {{role}}" for grant in grants)
    with new_role(conn, statements) as name, acting_as(conn, name):
        yield name


# --- the documented grants ---

SECURITY = Path(__file__).parents[2] / "docs" / "security.md"


def documented_grants(kind: str, *further_sources: str) -> list[list[str]]:
    """The blocks of SQL that docs/security.md has for a reader, a writer or a refresher.

    Each is a list of statements, in which {role} stands for the role. Tables of further sources are
    named beside those of the source auto, as it says.
    """
    text = SECURITY.read_text(encoding="utf-8")
    _, heading, after = text.partition(f"\n### A {kind}\n")
    assert heading, f"docs/security.md says what a {kind} needs"
    section = re.split(r"\n##+ ", after, maxsplit=1)[0]
    for source in further_sources:
        section = re.sub(
            r"content_items_auto(_more)?\b", rf"\g<0>, content_items_{source}\g<1>", section
        )
    blocks = re.findall(r"^```sql\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return [
        [f"{statement};" for statement in named.split(";") if statement.strip()]
        for named in (block.replace(f"gallery_{kind}", "{role}") for block in blocks)
    ]
