"""What the benchmark asks of a rival, and what the rivals that speak SQL have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

import psycopg

from ..query import Answer, Asked, Filter
from ..results import Plan, Role

Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"


class CannotExpressError(Exception):
    """The rival has no way to ask this; the message says why."""


class TimedOutError(Exception):
    """The rival didn't answer in time."""


class Request(ABC):
    """One query in a rival's own language."""

    @abstractmethod
    def run(self) -> Any:
        """What is timed. Raises TimedOutError."""

    @abstractmethod
    def answer(self, result: Any) -> Answer:
        """What :meth:`run` returned, in the common form."""

    def plan(self) -> Plan | None:
        """The plan, where there is one to show. Raises TimedOutError."""
        return None


class Rival(ABC):
    """A way to answer queries."""

    name: str
    role: ClassVar[Role] = "rival"
    about: str
    """A sentence for the report: what it is and how it is set up."""
    settings: ClassVar[Mapping[str, str]] = {}
    """Parameters of its session."""

    @abstractmethod
    def request(self, asked: Asked) -> Request:
        """The query in its own language. Raises CannotExpressError."""

    def size_bytes(self) -> int | None:
        """What it keeps beside the gallery's own tables; None for nothing."""
        return None

    def close(self) -> None:  # noqa: B027 - nothing to let go of, unless a rival says so
        """Lets go of connections and files."""


class Statement:
    """SQL text under construction, with its parameters in order."""

    def __init__(self) -> None:
        self.text = ""
        self.params: list[Any] = []

    def add(self, text: str, *params: Any) -> Statement:
        """Appends text that holds a ``%s`` for every parameter."""
        self.text += text
        self.params += params
        return self


@dataclass
class Conditions:
    """Conditions joined by AND."""

    texts: list[str] = field(default_factory=list)
    params: list[Any] = field(default_factory=list)

    def add(self, text: str, *params: Any) -> None:
        """One more."""
        self.texts.append(text)
        self.params += params

    def add_to(self, statement: Statement) -> None:
        """Appends ``WHERE …``, if there are any."""
        if self.texts:
            statement.add(" WHERE " + " AND ".join(self.texts), *self.params)


class SqlRequest(Request):
    """A statement on a connection of the rival's own."""

    def __init__(self, connection: Connection, asked: Asked, statement: Statement) -> None:
        self._connection = connection
        self._asked = asked
        self._statement = statement.text.encode()
        self._params = statement.params

    def run(self) -> list[tuple[Any, ...]]:
        return self._fetch(self._statement)

    def answer(self, result: Any) -> Answer:
        if self._asked.kind == "count":
            return int(result[0][0])
        return [(row[0], row[1]) for row in result]

    def plan(self) -> Plan:
        ((tree,),) = self._fetch(b"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + self._statement)
        top = tree[0]["Plan"]
        buffers = top["Shared Hit Blocks"] + top["Shared Read Blocks"]
        return Plan(buffers, "\n".join(_plan_lines(top, 0)))

    def _fetch(self, statement: bytes) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(statement, self._params, prepare=True).fetchall()
        except psycopg.errors.QueryCanceled as error:
            raise TimedOutError from error


TUNED = {
    "jit": "off",
    "work_mem": "256MB",
    "random_page_cost": "1.1",
    "effective_cache_size": "16GB",
    "plan_cache_mode": "force_custom_plan",  # a plan for these very tags
}
"""What suits a hand-written query on a warm database."""


class SqlRival(Rival):
    """A rival that asks the database, on a connection with settings of its own."""

    settings: ClassVar[Mapping[str, str]] = TUNED

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self.connection: Connection = psycopg.connect(url, autocommit=True)
        timeout = {"statement_timeout": f"{round(timeout_seconds * 1000)}ms"}
        for name, value in {**self.settings, **timeout}.items():
            self.connection.execute("SELECT set_config(%s, %s, false)", [name, value])

    def request(self, asked: Asked) -> Request:
        return SqlRequest(self.connection, asked, self.statement(asked))

    @abstractmethod
    def statement(self, asked: Asked) -> Statement:
        """The query in SQL; the first two columns are the answer's."""

    def close(self) -> None:
        self.connection.close()


ITEM_COLUMNS: Sequence[str] = (
    "source_type",
    "id",
    "title",
    "content_type",
    "content_data",
    "item_metadata",
    "creator_id",
    "created_at",
    "updated_at",
    "quality_score",
    "is_private",
    "path_thumb",
    "path_thumbs_alt_res",
    "prompt",
)


def columns(alias: str) -> str:
    """A whole item's columns."""
    return ", ".join(f"{alias}.{column}" for column in ITEM_COLUMNS)


def order_by(asked: Asked, alias: str) -> str:
    """The page order."""
    way = asked.query.sort_order.upper()
    nulls = " NULLS LAST" if asked.query.sort_field == "quality_score" else ""
    return (
        f" ORDER BY {alias}.{asked.query.sort_field} {way}{nulls},"
        f" {alias}.id {way}, {alias}.source_type {way}"
    )


def add_keyset(conditions: Conditions, asked: Asked, alias: str) -> None:
    """Begins behind the page before, by one row comparison."""
    if asked.after is None:
        return
    after, field_name = asked.after, f"{alias}.{asked.query.sort_field}"
    sign = "<" if asked.query.sort_order == "desc" else ">"
    if after.sort_value is None:
        key = f"({alias}.id, {alias}.source_type) {sign} (%s, %s)"
        conditions.add(f"{field_name} IS NULL AND {key}", after.id, after.source)
        return
    key = f"({field_name}, {alias}.id, {alias}.source_type) {sign} (%s, %s, %s)"
    if asked.query.sort_field == "quality_score":
        key = f"({key} OR {field_name} IS NULL)"
    conditions.add(key, after.sort_value, after.id, after.source)


def add_item_conditions(conditions: Conditions, wanted: Filter, alias: str) -> None:
    """All conditions on the item's own columns but sources, viewer and search."""
    if wanted.creators:
        conditions.add(f"{alias}.creator_id = ANY (%s)", list(wanted.creators))
    if wanted.content_types:
        conditions.add(f"{alias}.content_type = ANY (%s)", list(wanted.content_types))
    if wanted.created_from is not None:
        conditions.add(f"{alias}.created_at >= %s", wanted.created_from)
    if wanted.created_before is not None:
        conditions.add(f"{alias}.created_at < %s", wanted.created_before)
    if wanted.min_quality is not None:
        conditions.add(f"{alias}.quality_score >= %s", wanted.min_quality)


def add_visibility(conditions: Conditions, wanted: Filter, alias: str) -> None:
    """Sources and privacy, for the rivals that ask all sources at once."""
    kinds = wanted.content_source_types
    if kinds and len(kinds) < 4:
        texts, params = [], []
        for kind in kinds:
            own, source = split_kind(kind)
            text = f"{alias}.source_type = '{source}'"
            if wanted.viewer is not None:
                text += f" AND {alias}.creator_id IS {'NOT ' if own else ''}DISTINCT FROM %s"
                params.append(wanted.viewer)
            texts.append(f"({text})")
        conditions.add(f"({' OR '.join(texts)})", *params)
    if wanted.viewer is None:
        conditions.add(f"NOT {alias}.is_private")
    else:
        conditions.add(f"(NOT {alias}.is_private OR {alias}.creator_id = %s)", wanted.viewer)


def split_kind(kind: str) -> tuple[bool, str]:
    """Whether a content source type is the viewer's own, and the source that it means."""
    owner, _, regularity = kind.partition("-")
    return owner == "user", "items" if regularity == "regular" else "auto"


def add_search(conditions: Conditions, wanted: Filter, alias: str) -> None:
    """Every word and every quoted phrase occurs in title or prompt, whatever the case."""
    for place, piece in enumerate(wanted.search.lower().split('"')):
        for term in [piece] if place % 2 else piece.split():
            conditions.add(
                f"(strpos(lower({alias}.title), %s) > 0 OR strpos(lower({alias}.prompt), %s) > 0)",
                term,
                term,
            )


def add_tag_exists(conditions: Conditions, wanted: Filter, alias: str) -> None:
    """Tag conditions by EXISTS on the junction, as they are written first."""
    junction = (
        "EXISTS (SELECT FROM content_tags t WHERE t.content_id = {alias}.id"
        " AND t.content_source = {alias}.source_type AND t.tag_id {test})"
    )
    for tag in wanted.tags_all:
        conditions.add(junction.format(alias=alias, test="= %s"), tag)
    if wanted.tags_any:
        conditions.add(junction.format(alias=alias, test="= ANY (%s)"), list(wanted.tags_any))
    for tag in wanted.tags_none:
        conditions.add("NOT " + junction.format(alias=alias, test="= %s"), tag)


def _plan_lines(node: dict[str, Any], depth: int) -> list[str]:
    """A plan in few words: a line a node, with what it cost."""
    name = node["Node Type"]
    for key in ("Relation Name", "Index Name", "Function Name"):
        if key in node:
            name += f" {node[key]}"
    buffers = node.get("Shared Hit Blocks", 0) + node.get("Shared Read Blocks", 0)
    lines = [
        f"{'  ' * depth}{name}: {node['Actual Rows']:g} rows x {node['Actual Loops']:g},"
        f" {node['Actual Total Time']:.3f} ms, {buffers} buffers"
    ]
    for child in node.get("Plans", ()):
        lines += _plan_lines(child, depth + 1)
    return lines
