"""The obvious ways to ask PostgreSQL: the original four queries, and one query on the parent."""

from __future__ import annotations

from ..query import FACET_LIMIT, PAGE_SIZE, Asked
from ..results import ORIGINAL
from .base import (
    Conditions,
    SqlRival,
    Statement,
    add_item_conditions,
    add_keyset,
    add_search,
    add_tag_exists,
    add_visibility,
    columns,
    order_by,
    split_kind,
)

_TABLES = {"items": "content_items", "auto": "content_items_auto"}
_ALL_KINDS = ("user-regular", "user-auto", "community-regular", "community-auto")

FACETS_END = f" GROUP BY t.tag_id ORDER BY count(*) DESC LIMIT {FACET_LIMIT}"


class Original(SqlRival):
    """The query this project set out to replace."""

    name = ORIGINAL
    about = (
        "A query with EXISTS for each of the four content source types, UNIONed, sorted,"
        " LIMIT and OFFSET."
    )

    def statement(self, asked: Asked) -> Statement:
        statement = Statement()
        if asked.kind == "count":
            statement.add("SELECT count(*) FROM (")
            _add_arms(statement, asked)
            return statement.add(") u")
        if asked.kind == "facets":
            statement.add("SELECT t.tag_id, count(*) FROM (")
            _add_arms(statement, asked)
            statement.add(
                ") u JOIN content_tags t"
                " ON t.content_id = u.id AND t.content_source = u.source_type"
            )
            return statement.add(FACETS_END)
        statement.add("SELECT * FROM (")
        _add_arms(statement, asked)
        statement.add(f") u{order_by(asked, 'u')} LIMIT {PAGE_SIZE}")
        return statement.add(" OFFSET %s", asked.rank) if asked.rank else statement


def _add_arms(statement: Statement, asked: Asked) -> None:
    """The queries of the source types, joined by UNION."""
    viewer = asked.filter.viewer
    kinds = asked.filter.content_source_types or (_ALL_KINDS if viewer else _ALL_KINDS[2:])
    for number, kind in enumerate(kinds):
        own, source = split_kind(kind)
        conditions = Conditions()
        if own:
            conditions.add("i.creator_id = %s", viewer)
        else:
            conditions.add("NOT i.is_private")
            if viewer is not None:
                conditions.add("i.creator_id IS DISTINCT FROM %s", viewer)
        add_tag_exists(conditions, asked.filter, "i")
        add_item_conditions(conditions, asked.filter, "i")
        add_search(conditions, asked.filter, "i")
        statement.add(" UNION " if number else "")
        statement.add(f"SELECT {columns('i')} FROM {_TABLES[source]} i")
        conditions.add_to(statement)


class Exists(SqlRival):
    """One query, with what everybody advises."""

    name = "EXISTS"
    about = (
        "EXISTS for each tag on the partitioned parent, keyset pagination on"
        " (created_at, id, source_type), planned by PostgreSQL."
    )

    def statement(self, asked: Asked) -> Statement:
        statement, conditions = Statement(), Conditions()
        add_tag_exists(conditions, asked.filter, "i")
        add_item_conditions(conditions, asked.filter, "i")
        add_visibility(conditions, asked.filter, "i")
        add_search(conditions, asked.filter, "i")
        if asked.kind == "count":
            statement.add("SELECT count(*) FROM content_items_all i")
            conditions.add_to(statement)
            return statement
        if asked.kind == "facets":
            statement.add(
                "SELECT t.tag_id, count(*) FROM content_items_all i JOIN content_tags t"
                " ON t.content_id = i.id AND t.content_source = i.source_type"
            )
            conditions.add_to(statement)
            return statement.add(FACETS_END)
        add_keyset(conditions, asked, "i")
        statement.add(f"SELECT {columns('i')} FROM content_items_all i")
        conditions.add_to(statement)
        statement.add(f"{order_by(asked, 'i')} LIMIT {PAGE_SIZE}")
        return statement.add(" OFFSET %s", asked.rank) if asked.kind == "jump" else statement
