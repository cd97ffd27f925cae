"""Loading items into a gallery's tables from JSON lines or CSV.

    with psycopg.connect(url, autocommit=True) as connection, open("items.jsonl.gz", "rb") as file:
        report = loading.load(connection, file)

The file is streamed: memory does not grow with it. What a record may hold stands in `records`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Any, BinaryIO

from psycopg import Connection

from .records import Format, LoadError, Record, read_records
from .writer import LoadReport, Writer

__all__ = ["Format", "LoadError", "LoadReport", "load"]

_CHUNK = 2_000  # records held in memory and written by one COPY


def load(
    connection: Connection[Any],
    file: BinaryIO,
    kind: Format = "jsonl",
    *,
    schema: str | None = None,
    batch: int | None = None,
    on_progress: Callable[[LoadReport], None] = lambda _: None,
) -> LoadReport:
    """Load a file's records, in one transaction or a transaction every ``batch`` records.

    On a connection that is not in autocommit mode the records become part of the caller's
    transaction, and ``batch`` can't be asked for. ``on_progress`` is told now and then what has
    been written. The tables are analyzed at the end.

    Raises LoadError for what is wrong with a record, and for what the tables refuse; its
    ``committed`` says how many items had been committed before. Raises psycopg.Error for
    everything else.
    """
    if batch is not None and not connection.autocommit:
        raise ValueError("batch needs a connection in autocommit mode")
    writer = Writer(connection, schema)
    committed = LoadReport()
    try:
        for records in _batches(read_records(file, kind), batch):
            with connection.transaction():
                _write(writer, records, on_progress)
            committed = writer.report()
    except LoadError as error:
        error.committed = committed.items
        raise
    writer.analyze()
    return committed


def _write(
    writer: Writer, records: Iterator[Record], on_progress: Callable[[LoadReport], None]
) -> None:
    writer.start()
    while chunk := list(islice(records, _CHUNK)):
        writer.write(chunk)
        on_progress(writer.report())
    writer.finish()


def _batches(records: Iterator[Record], size: int | None) -> Iterator[Iterator[Record]]:
    """The records in runs of that many, or all in one."""
    if size is None:
        yield records
        return
    for first in records:
        yield chain([first], islice(records, size - 1))
