"""The plans of every statement that a call runs inside its functions, by auto_explain."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg

import calls
from calls import Connection

Node = dict[str, Any]

AUTO_EXPLAIN = {
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_buffers": "on",
    "auto_explain.log_format": "json",
    "auto_explain.log_level": "notice",
}


def plans_of(conn: Connection, function: str, given: Mapping[str, Any]) -> list[Node]:
    """The root of each executed plan, nested statements first, the call itself last."""
    roots: list[Node] = []

    def take(diagnostic: psycopg.errors.Diagnostic) -> None:
        _, found, plan = (diagnostic.message_primary or "").partition("plan:\n")
        if found:
            roots.append(json.loads(plan)["Plan"])

    conn.execute("LOAD 'auto_explain'")
    conn.add_notice_handler(take)
    try:
        with calls.settings(conn, **AUTO_EXPLAIN):
            calls.rows_of(conn, function, **given)
    finally:
        conn.remove_notice_handler(take)
    return roots


def nodes_of(root: Node) -> Iterator[Node]:
    """A plan's nodes, its own first."""
    yield root
    for child in root.get("Plans", ()):
        yield from nodes_of(child)


def executed(root: Node) -> list[Node]:
    """A plan's nodes without those that were never executed."""
    return [node for node in nodes_of(root) if node["Actual Loops"] > 0]


def buffers_of(conn: Connection, function: str, given: Mapping[str, Any]) -> int:
    """The shared buffers that a call touches once it has been called before."""
    statement = calls.query(
        "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON)"
        f" SELECT * FROM {calls.call_text(function, given)}"
    )
    conn.execute(statement, given)
    row = conn.execute(statement, given).fetchone()
    assert row is not None
    plan = row[0][0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
