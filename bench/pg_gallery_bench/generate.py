"""``pg-gallery bench create``: fills a migrated, empty database with the generated gallery.

The rows go in by COPY in one transaction, with the junction's keys and indexes taken off and the
triggers of all tables silent; the keys come back exactly as the migrations made them.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import psycopg
from psycopg.types.json import Jsonb

from . import BenchError, words
from .dataset import Dataset, Size, TagRows

Connection = psycopg.Connection[Any]

T = TypeVar("T")

Progress = Callable[[str, float, float], None]
"""Told of a step's name, how much of it is done, and how much there is."""

_PARTITIONS = {"items": "content_items", "auto": "content_items_auto"}
_LOADED = ("users", "tags", "content_items", "content_items_auto", "content_tags")
_EMPTIED = (*_PARTITIONS.values(), "content_items_more", "content_items_auto_more", "content_tags")
_ITEM_BATCH = 20_000
_ITEM_COLUMNS = (
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
_CONTENT_TYPES = (
    *[("image/png", "png")] * 12,
    *[("image/webp", "webp")] * 5,
    *[("image/jpeg", "jpg")] * 3,
    ("video/mp4", "mp4"),
)
_SIZES = ((1024, 1024), (832, 1216), (1216, 832), (768, 1344), (1536, 640))

_NULL = r"\N"
_BINARY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_BINARY_END = b"\xff\xff"


@dataclass
class Created:
    """What was made: the size, and the seconds that each step took."""

    size: Size
    seed: int
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def total_seconds(self) -> float:
        """All steps together."""
        return sum(self.seconds.values())


def create(
    url: str,
    size: Size | None = None,
    *,
    seed: int = 1,
    rebuild: bool = True,
    maintenance_work_mem_mb: int = 256,
    progress: Progress = lambda step, done, whole: None,
) -> Created:
    """Fill the database at ``url`` with a gallery of ``size`` (default: the real one).

    The database must have been migrated and hold no items, tags or users. Rows, keys and indexes
    are made first, then ``gallery_rebuild()`` derives the statistics and the bitmap index, unless
    ``rebuild`` is false. The junction's two indexes are built at the same time, each with half of
    the memory; more memory makes the sorts no faster, since they leave the processor's cache.

    What was made is also kept in the database, in bench.created. Raises BenchError if the database
    isn't empty.
    """
    created = Created(size or Size.scaled(), seed)
    dataset = Dataset(created.size, seed)

    @contextmanager
    def step(name: str) -> Iterator[None]:
        started = time.perf_counter()
        progress(name, 0, 1)
        yield
        progress(name, 1, 1)
        created.seconds[name] = time.perf_counter() - started

    with psycopg.connect(url, autocommit=True) as connection:
        _require_empty(connection)
        with connection.transaction():
            connection.execute("SET LOCAL synchronous_commit = off")
            with _silent_triggers(connection):
                keys = _JunctionKeys.take_off(connection)
                with step("items"):
                    _copy_users_and_tags(connection, dataset)
                    _copy_items(connection, dataset, progress)
                with step("tag rows"):
                    _copy_tag_rows(connection, dataset, progress)
        with step("indexes"):
            keys.build_indexes(url, maintenance_work_mem_mb)
        with step("foreign keys"):
            keys.add_constraints(connection, maintenance_work_mem_mb)
        with step("statistics"):
            connection.execute("ANALYZE")
        if rebuild:
            with step("gallery_rebuild"):
                connection.execute("CALL gallery_rebuild()")
        with step("vacuum"):
            connection.execute("VACUUM (ANALYZE)")
        _keep(connection, created)
    return created


def how_created(connection: Connection) -> Created:
    """What :func:`create` made of this database. Raises BenchError if it didn't."""
    if connection.execute("SELECT to_regclass('bench.created')").fetchone() == (None,):
        raise BenchError(
            "This gallery wasn't made for benchmarks.",
            hint="Make one with pg-gallery bench create.",
        )
    row = connection.execute("SELECT document FROM bench.created").fetchone()
    assert row is not None
    return Created(Size(**row[0]["size"]), row[0]["seed"], row[0]["seconds"])


def _keep(connection: Connection, created: Created) -> None:
    connection.execute("CREATE SCHEMA IF NOT EXISTS bench")
    connection.execute("CREATE TABLE bench.created (document jsonb)")
    connection.execute("INSERT INTO bench.created VALUES (%s)", [Jsonb(asdict(created))])


def _require_empty(connection: Connection) -> None:
    for table in _LOADED:
        if connection.execute(f"SELECT 1 FROM {table} LIMIT 1".encode()).fetchone():
            raise BenchError(
                f"The database isn't empty: {table} holds rows.",
                hint="Give a new database, with pg-gallery migrate run on it.",
            )


@contextmanager
def _silent_triggers(connection: Connection) -> Iterator[None]:
    """Keeps the tables' own triggers from firing: what they log is rebuilt as a whole.

    Those that fire for what is replicated, alone or too, do so again afterwards.
    """

    def switch(action: str) -> None:
        for table in _LOADED:
            connection.execute(f"ALTER TABLE {table} {action} TRIGGER USER".encode())

    special = connection.execute(
        "SELECT format('ALTER TABLE %s ENABLE %s TRIGGER %I', tgrelid::regclass,"
        "   CASE tgenabled WHEN 'R' THEN 'REPLICA' ELSE 'ALWAYS' END, tgname)"
        " FROM pg_trigger WHERE NOT tgisinternal AND tgenabled IN ('R', 'A')"
    ).fetchall()
    switch("DISABLE")
    yield
    switch("ENABLE")
    for (statement,) in special:
        connection.execute(statement.encode())


@dataclass(frozen=True)
class _JunctionKeys:
    """The junction's constraints and indexes: (quoted name, definition) from the catalogue."""

    primary_key: tuple[str, str]
    foreign_keys: list[tuple[str, str]]
    indexes: list[tuple[str, str]]

    @classmethod
    def take_off(cls, connection: Connection) -> _JunctionKeys:
        """Drops them all, and remembers how they were made."""
        constraints = connection.execute(
            "SELECT contype::text, quote_ident(conname), pg_get_constraintdef(oid)"
            " FROM pg_constraint WHERE conrelid = 'content_tags'::regclass"
            " AND contype IN ('p', 'f') AND conparentid = 0 ORDER BY conname"
        ).fetchall()
        for _, name, _ in constraints:
            _alter_junction(connection, f"DROP CONSTRAINT {name}")
        indexes = connection.execute(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
            " WHERE indrelid = 'content_tags'::regclass ORDER BY indexrelid"
        ).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}".encode())
        (primary_key,) = [(name, text) for kind, name, text in constraints if kind == "p"]
        foreign_keys = [(name, text) for kind, name, text in constraints if kind == "f"]
        return cls(primary_key, foreign_keys, indexes)

    def build_indexes(self, url: str, memory_mb: int) -> None:
        """Builds the indexes, the primary key's among them, each on a connection of its own."""
        name, text = self.primary_key
        columns = text.removeprefix("PRIMARY KEY ")
        statements = [f"CREATE UNIQUE INDEX {name} ON content_tags {columns}"]
        statements += [text for _, text in self.indexes]

        def build(statement: str) -> None:
            with psycopg.connect(url, autocommit=True) as connection:
                _set_memory(connection, memory_mb // len(statements))
                connection.execute("SET max_parallel_maintenance_workers = 1")
                connection.execute(statement.encode())

        with ThreadPoolExecutor(len(statements)) as pool:
            list(pool.map(build, statements))

    def add_constraints(self, connection: Connection, memory_mb: int) -> None:
        """Makes the built index the primary key, and adds the foreign keys, which checks them."""
        name, _ = self.primary_key
        _set_memory(connection, memory_mb)
        _alter_junction(connection, f"ADD CONSTRAINT {name} PRIMARY KEY USING INDEX {name}")
        for name, text in self.foreign_keys:
            _alter_junction(connection, f"ADD CONSTRAINT {name} {text}")


def _alter_junction(connection: Connection, action: str) -> None:
    connection.execute(f"ALTER TABLE content_tags {action}".encode())


def _set_memory(connection: Connection, memory_mb: int) -> None:
    connection.execute("SELECT set_config('maintenance_work_mem', %s, false)", [f"{memory_mb}MB"])


def _copy_users_and_tags(connection: Connection, dataset: Dataset) -> None:
    names = [words.user_name(rank) for rank in range(dataset.size.creators)]
    for statement, ids, texts in (
        (b"COPY users (id, username) FROM STDIN", dataset.user_ids, names),
        (b"COPY tags (id, name) FROM STDIN", dataset.tag_ids, dataset.tag_names),
    ):
        with connection.cursor().copy(statement) as copy:
            for identity, text in zip(_uuid_texts(ids), texts, strict=True):
                copy.write_row((identity, text))


def _copy_items(connection: Connection, dataset: Dataset, progress: Progress) -> None:
    """Empty tables are truncated so that COPY may freeze the rows: no vacuum need touch them."""
    connection.execute(f"TRUNCATE {', '.join(_EMPTIED)}".encode())
    columns = ", ".join(_ITEM_COLUMNS)
    for source, part in dataset.parts.items():
        statement = f"COPY {_PARTITIONS[source]} ({columns}) FROM STDIN (FREEZE)"
        with connection.cursor().copy(statement.encode()) as copy:
            for start in range(part.start, part.stop, _ITEM_BATCH):
                stop = min(start + _ITEM_BATCH, part.stop)
                copy.write(_item_lines(dataset, source, start, stop))
                progress("items", stop, dataset.size.total)
    connection.execute(
        "SELECT setval(pg_get_serial_sequence('content_items_all', 'id'), %s)",
        [int(dataset.items.ids.max())],
    )


def _item_lines(dataset: Dataset, source: str, start: int, stop: int) -> str:
    """COPY's text format for the items from one place to another."""
    items, part = dataset.items, slice(start, stop)
    texts = dataset.texts(start, stop)
    users = [*_uuid_texts(dataset.user_ids), _NULL]  # rank -1 is the last
    created = np.datetime_as_string(items.created_us[part].astype("datetime64[us]"), timezone="UTC")
    lines = []
    for identity, moment, creator, quality, private, title, prompt in zip(
        items.ids[part].tolist(),
        created.tolist(),
        items.creator[part].tolist(),
        items.quality[part].tolist(),
        items.private[part].tolist(),
        texts.titles,
        texts.prompts,
        strict=True,
    ):
        kind, suffix = _CONTENT_TYPES[identity % len(_CONTENT_TYPES)]
        width, height = _SIZES[identity % len(_SIZES)]
        path = f"{source}/{identity % 256:02x}/{identity}"
        fields = (
            str(identity),
            _NULL if title is None else title,
            kind,
            f"{path}.{suffix}",
            f'{{"width": {width}, "height": {height}, "steps": {20 + identity % 20}}}',
            users[creator],
            moment,
            moment,
            _NULL if math.isnan(quality) else str(quality),
            "t" if private else "f",
            f"{path}_thumb.webp",
            f'{{"256": "{path}_256.webp"}}' if identity % 3 else _NULL,
            _NULL if prompt is None else prompt,
        )
        lines.append("\t".join(fields))
    return "\n".join(lines) + "\n"


def _copy_tag_rows(connection: Connection, dataset: Dataset, progress: Progress) -> None:
    """Makes the rows on one thread while the server takes in those made before."""
    done = 0
    statement = (
        b"COPY content_tags (content_id, content_source, tag_id) FROM STDIN (FORMAT BINARY, FREEZE)"
    )
    with connection.cursor().copy(statement) as copy:
        copy.write(_BINARY_HEADER)
        for rows in _ahead(dataset.tag_rows(), 3):
            copy.write(_binary(rows))
            done += len(rows)
            progress("tag rows", done, dataset.size.tag_rows)
        copy.write(_BINARY_END)


def _binary(rows: TagRows) -> memoryview:
    """COPY's binary format: each field behind its length, big-endian."""
    source = rows.source.encode()
    record = np.dtype(
        [
            ("fields", ">i2"),
            ("id_length", ">i4"),
            ("id", ">i8"),
            ("source_length", ">i4"),
            ("source", f"S{len(source)}"),
            ("tag_length", ">i4"),
            ("tag", "V16"),
        ]
    )
    records = np.empty(len(rows), record)
    records["fields"] = 3
    records["id_length"] = 8
    records["id"] = rows.content_id
    records["source_length"] = len(source)
    records["source"] = source
    records["tag_length"] = 16
    records["tag"] = rows.tag_id
    return memoryview(records.view(np.uint8).data)


def _ahead(source: Iterator[T], depth: int) -> Iterator[T]:
    """The same elements, made on another thread up to ``depth`` ahead of their use."""
    with ThreadPoolExecutor(1) as pool:
        ready = deque(pool.submit(next, source, None) for _ in range(depth))
        while (element := ready.popleft().result()) is not None:
            ready.append(pool.submit(next, source, None))
            yield element


def _uuid_texts(ids: npt.NDArray[np.void]) -> list[str]:
    return [identity.hex() for identity in ids.tolist()]
