"""From records to tables: COPY into items and junction, tags and users made where they are missing.

This is the one place of the client that reads or writes tables itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import psycopg
from psycopg import Connection, Cursor, sql
from psycopg.rows import tuple_row

from ..errors import NotInstalled
from .records import LoadError, Record

_UNIQUE_VIOLATION = "23505"
_COPY_LINE = re.compile(r"COPY \w+, line (\d+)")
_REMEMBERED_NAMES = 200_000  # more are forgotten and looked up again, to bound the memory


@dataclass(frozen=True)
class LoadReport:
    """What was loaded: items, junction rows, and the tags and users that were new."""

    items: int = 0
    item_tags: int = 0
    new_tags: int = 0
    new_users: int = 0


class Writer:
    """Writes records, a chunk at a time, into the tables of one schema, and counts them."""

    def __init__(self, connection: Connection[Any], schema: str | None) -> None:
        self._cursor = connection.cursor(row_factory=tuple_row)
        self._schema = schema
        self._tags = _Names(self._cursor, self._table("tags"), "name")
        self._users = _Names(self._cursor, self._table("users"), "username")
        self._sequence = self._find_sequence()
        self._greatest_given_id = 0
        self._items = 0
        self._item_tags = 0

    def report(self) -> LoadReport:
        """What has been written so far."""
        return LoadReport(self._items, self._item_tags, self._tags.added, self._users.added)

    def write(self, records: Sequence[Record]) -> None:
        """Write a chunk. Raises LoadError, with the line, for what the tables refuse."""
        try:
            self._write(records)
        except NameTooLong as error:
            raise _too_long(error, records) from error
        except psycopg.errors.SequenceGeneratorLimitExceeded as error:
            raise LoadError(
                "There is no id left to be drawn.",
                next(record.line for record in records if "id" not in record.columns),
                hint=f"Give every record an id, or set the sequence {self._sequence} back"
                " with setval().",
                sqlstate=error.sqlstate,
            ) from error
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            raise LoadError(
                f"Lines {records[0].line} to {records[-1].line}: {_said(error)}",
                sqlstate=error.sqlstate,
            ) from error

    def start(self) -> None:
        """Prepare a transaction.

        PostgreSQL plans the check of the junction's foreign key anew for every row, as long as it
        believes that to be cheaper for a partitioned table; it takes six times as long.
        """
        self._cursor.execute("SELECT current_setting('plan_cache_mode')")
        (self._plan_cache_mode,) = self._cursor.fetchone() or ()
        self._set_plan_cache_mode("force_generic_plan")

    def finish(self) -> None:
        """Finish a transaction, and leave no given id in the way of those that will be drawn."""
        self._set_plan_cache_mode(self._plan_cache_mode)
        if self._greatest_given_id > 0:
            self._cursor.execute(
                "SELECT setval(%(sequence)s::regclass, %(id)s)"
                " WHERE coalesce(pg_sequence_last_value(%(sequence)s::regclass), 0) < %(id)s",
                {"sequence": self._sequence, "id": self._greatest_given_id},
            )

    def analyze(self) -> None:
        """Tell PostgreSQL's planner what has changed."""
        tables = map(self._table, ("content_items_all", "content_tags", "tags", "users"))
        self._cursor.execute(sql.SQL("ANALYZE {}").format(sql.SQL(", ").join(tables)))

    def _set_plan_cache_mode(self, mode: str) -> None:
        self._cursor.execute("SELECT set_config('plan_cache_mode', %s, true)", (mode,))

    def _write(self, records: Sequence[Record]) -> None:
        tags = self._tags.ids({name for record in records for name in record.tags})
        users = self._users.ids({record.creator for record in records if record.creator})
        records = [_with_creator(record, users) for record in self._numbered(records)]
        for columns, group in _by_columns(records).items():
            self._copy_items(columns, group)
        self._copy(
            "content_tags",
            ("content_id", "content_source", "tag_id"),
            (
                (record.columns["id"], record.columns["source_type"], tags[name])
                for record in records
                for name in record.tags
            ),
        )
        self._items += len(records)
        self._item_tags += sum(len(record.tags) for record in records)

    def _numbered(self, records: Sequence[Record]) -> list[Record]:
        """The records, each with an id: its own, or the next one of the sequence."""
        given = [record.columns["id"] for record in records if "id" in record.columns]
        self._greatest_given_id = max([self._greatest_given_id, *given])
        drawn = self._cursor.execute(
            "SELECT nextval(%s) FROM generate_series(1, %s)",
            (self._sequence, len(records) - len(given)),
            prepare=False,
        )
        ids = iter(drawn.fetchall())
        return [
            record
            if "id" in record.columns
            else replace(record, columns={"id": next(ids)[0], **record.columns})
            for record in records
        ]

    def _copy_items(self, columns: Sequence[str], records: Sequence[Record]) -> None:
        try:
            self._copy("content_items_all", columns, (item.columns.values() for item in records))
        except psycopg.Error as error:
            raise _refusal(error, records) from error

    def _copy(self, table: str, columns: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
            self._table(table), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        with self._cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(tuple(row))

    def _table(self, name: str) -> sql.Identifier:
        return sql.Identifier(name) if self._schema is None else sql.Identifier(self._schema, name)

    def _find_sequence(self) -> str:
        """The quoted name of the sequence that numbers the items."""
        table = self._table("content_items_all").as_string()
        try:
            self._cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", (table,), prepare=False)
        except psycopg.errors.UndefinedTable as error:
            raise NotInstalled(
                f"There is no table {table} on the search_path of this role.",
                sqlstate=error.sqlstate,
                hint="Run pg-gallery migrate on the database; where pg_gallery stands in a schema"
                " that is not on the search_path, name the schema (schema=, or --schema).",
            ) from error
        row = self._cursor.fetchone()
        if row is None or row[0] is None:
            raise LoadError("The ids of content_items_all are drawn from no sequence of its own.")
        return str(row[0])


class NameTooLong(Exception):
    """A name that does not compress into an entry of the index that keeps names apart."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class _Names:
    """The ids of tags or users by name; those that are missing are made."""

    def __init__(self, cursor: Cursor[Any], table: sql.Identifier, column: str) -> None:
        self._cursor = cursor
        self._known: dict[str, UUID] = {}
        self.added = 0
        # Both statements take parameters, so a % in the schema's name must not look like one.
        plain_table = sql.SQL(table.as_string().replace("%", "%%"))
        names = {"table": plain_table, "column": sql.Identifier(column)}
        self._select = sql.SQL(
            "SELECT {column}, id FROM {table} WHERE {column} = ANY (%s::text[])"
        ).format(**names)
        self._insert = sql.SQL(
            "INSERT INTO {table} ({column}) SELECT unnest(%s::text[])"
            " ON CONFLICT DO NOTHING RETURNING {column}, id"
        ).format(**names)

    def ids(self, names: Set[str]) -> Mapping[str, UUID]:
        """The id of each name. New ones are made in one order, lest two loads deadlock."""
        if len(self._known) > _REMEMBERED_NAMES:
            self._known.clear()
        self._look_up(names)
        missing = sorted(names - self._known.keys())
        if missing:
            made = self._make(missing)
            self.added += len(made)
            self._known.update(made)
            self._look_up(names)
        return self._known

    def _make(self, names: list[str]) -> list[Any]:
        """Make the names, or raise NameTooLong for one of them that no index can hold."""
        try:
            with self._cursor.connection.transaction():
                return self._cursor.execute(self._insert, (names,), prepare=False).fetchall()
        except psycopg.errors.ProgramLimitExceeded as error:
            if len(names) == 1:
                raise NameTooLong(names[0]) from error
        half = len(names) // 2
        return self._make(names[:half]) + self._make(names[half:])

    def _look_up(self, names: Set[str]) -> None:
        missing = list(names - self._known.keys())
        if missing:
            found = self._cursor.execute(self._select, (missing,), prepare=False)
            self._known.update(found.fetchall())


def _too_long(error: NameTooLong, records: Sequence[Record]) -> LoadError:
    record = next(one for one in records if error.name in (*one.tags, one.creator))
    what = "creator" if error.name == record.creator else "a tag's name"
    return LoadError(
        f"{what} of {len(error.name.encode()):,} bytes is too long: {error.name[:40]}...",
        record.line,
        hint="Names of up to 2,600 bytes always fit; longer ones where they compress well.",
        sqlstate="54000",
    )


def _with_creator(record: Record, users: Mapping[str, UUID]) -> Record:
    if record.creator is None:
        return record
    return replace(record, columns={**record.columns, "creator_id": users[record.creator]})


def _by_columns(records: Iterable[Record]) -> dict[tuple[str, ...], list[Record]]:
    """The records by the columns that they give, so that the others keep the table's defaults."""
    groups: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        groups.setdefault(tuple(record.columns), []).append(record)
    return groups


def _refusal(error: psycopg.Error, records: Sequence[Record]) -> Exception:
    """What the tables refused, said of the line that it was about, where the server tells it."""
    place = _COPY_LINE.search(error.diag.context or "")
    if place is None:
        return error
    record = records[int(place[1]) - 1]
    if error.sqlstate == _UNIQUE_VIOLATION:
        return LoadError(
            f"Item {record.columns['id']} of {record.columns['source_type']} exists already.",
            record.line,
            hint="Leave its id out to have a new one drawn.",
            sqlstate=error.sqlstate,
        )
    return LoadError(_said(error), record.line, sqlstate=error.sqlstate)


def _said(error: psycopg.Error) -> str:
    """The server's message and detail, a sentence each."""
    parts = [error.diag.message_primary or str(error), error.diag.message_detail]
    return " ".join(f"{part[0].upper()}{part[1:].rstrip('.')}." for part in parts if part)
