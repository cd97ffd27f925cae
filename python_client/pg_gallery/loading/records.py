"""From files to records: what may be loaded, and how each line is checked.

Two kinds of file are read, both UTF-8, either of them also gzipped:

- JSON lines: an object a line. Its keys are columns of ``content_items_all``, and beside them
  ``tags`` (a list of names) and ``creator`` (a username).
- CSV with a header line of the same names. An empty cell is a value that is not given; ``tags`` are
  separated by ``;`` or written as a JSON list, jsonb columns are written as JSON.

``source_type`` and ``content_type`` must be given. Every other value may be left out or be null,
and is then the column's default. A JSON object with the key ``svg`` is a picture of an icon set, as
in data/icons.jsonl.gz, and is turned into the form above.

Whatever is wrong raises `LoadError`, which names the line.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal, cast
from uuid import UUID

from .._text import is_storable
from ..errors import GalleryError

Format = Literal["jsonl", "csv"]


class LoadError(GalleryError):
    """What was to be loaded is not right.

    ``line`` is the number of the line, where one is known; ``committed`` is how many items had
    been committed before.
    """

    committed = 0

    def __init__(
        self,
        problem: str,
        line: int | None = None,
        *,
        hint: str | None = None,
        sqlstate: str | None = None,
    ) -> None:
        where = "" if line is None else f"Line {line}: "
        super().__init__(f"{where}{problem}", hint=hint, sqlstate=sqlstate)
        self.line = line


@dataclass(frozen=True)
class Record:
    """One item to be loaded: its columns as COPY takes them, its tags and creator by name."""

    line: int
    columns: Mapping[str, Any]
    tags: tuple[str, ...]
    creator: str | None


def read_records(file: BinaryIO, kind: Format) -> Iterator[Record]:
    """The records of a file, one at a time; gzip is recognised by its first bytes."""
    buffered = file if isinstance(file, io.BufferedReader) else io.BufferedReader(cast(Any, file))
    zipped = buffered.peek(2)[:2] == b"\x1f\x8b"
    plain = gzip.GzipFile(fileobj=buffered) if zipped else buffered
    lines = _lines(plain)
    return _from_csv(lines) if kind == "csv" else _from_jsonl(lines)


def _lines(file: Iterable[bytes]) -> Iterator[str]:
    number = 0
    try:
        for number, line in enumerate(file, 1):
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise LoadError("This is not UTF-8.", number) from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise LoadError(f"After line {number} the file is not whole: {error}.") from error


def _from_jsonl(lines: Iterator[str]) -> Iterator[Record]:
    for number, line in enumerate(lines, 1):
        if line.isspace():
            continue
        try:
            value = json.loads(line, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise LoadError(f"This is not JSON: {_fault(error)}.", number) from error
        if not isinstance(value, dict):
            raise LoadError("A JSON object is wanted, a record a line.", number)
        yield _record(number, _native(value) if "svg" in value else value)


def _from_csv(lines: Iterator[str]) -> Iterator[Record]:
    reader = csv.DictReader(lines, strict=True)
    try:
        for row in reader:
            if None in row:
                raise LoadError("There are more cells than the header has names.", reader.line_num)
            yield _record(reader.line_num, _typed(reader.line_num, row))
    except csv.Error as error:
        raise LoadError(f"This is not CSV: {error}.", reader.reader.line_num) from error


def _fault(error: Exception) -> str:
    """What is wrong with a piece of JSON, in the words of its parser."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg[0].lower()}{error.msg[1:]} at column {error.colno}"
    return "it is nested too deep" if isinstance(error, RecursionError) else str(error)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a value of JSON")


# --- shapes ---

_ICON_KEYS = frozenset(
    {"set", "source", "name", "author", "version", "tags", "svg", "paint", "created_at"}
)


def _native(icon: Mapping[str, Any]) -> dict[str, Any]:
    """A picture of an icon set, in the form of the table. Keys that it can't have stay as they are,
    to be refused like every unknown key."""
    item: dict[str, Any] = {key: icon[key] for key in icon.keys() - _ICON_KEYS}
    return item | {
        "source_type": icon.get("source"),
        "title": icon.get("name"),
        "content_type": "image/svg+xml",
        "content_data": icon["svg"],
        "item_metadata": {key: icon.get(key) for key in ("set", "version", "paint")},
        "created_at": icon.get("created_at"),
        "creator": icon.get("author"),
        "tags": icon.get("tags"),
    }


def _record(line: int, given: Mapping[str, Any]) -> Record:
    """The record, if every key is known and every value is what its column takes."""
    values: dict[str, Any] = {}
    for key, value in given.items():
        check = _CHECKS.get(key)
        if check is None:
            known = ", ".join(_CHECKS)
            raise LoadError(f"Unknown key {key!r}.", line, hint=f"Known are {known}.")
        if value is None:
            continue
        try:
            values[key] = check(value)
        except ValueError as error:
            raise LoadError(f"{key} {error}.", line) from error
    for key in ("source_type", "content_type"):
        if key not in values:
            raise LoadError(f"{key} is missing.", line)
    tags = values.pop("tags", ())
    creator = values.pop("creator", None)
    if creator is not None and "creator_id" in values:
        raise LoadError("Give creator (a username) or creator_id, not both.", line)
    return Record(line, values, tags, creator)


# --- values ---
#
# Pydantic was tried here: it takes as many lines, since its messages must be put into these words.


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")
    if not is_storable(value):
        raise ValueError("holds a character that text in PostgreSQL can't have")
    return value


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("must be a whole number")
    return value


def _id(value: Any) -> int:
    if _integer(value) == _LAST_ID:
        raise ValueError(
            f"must be less than {_LAST_ID}: after it no further id could be drawn."
            " Give a smaller one, or none to have one drawn"
        )
    return int(value)


_LAST_ID = 2**63 - 1


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("must be a number")
    try:
        return float(value)
    except (ValueError, OverflowError):
        raise ValueError("must be a number") from None


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _uuid(value: Any) -> str:
    try:
        return str(UUID(value))
    except (ValueError, AttributeError, TypeError):
        raise ValueError("must be a uuid") from None


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError("must be a list of names")
    return tuple(dict.fromkeys(map(_name, value)))


def _name(value: Any) -> str:
    if not _text(value):
        raise ValueError("holds an empty name")
    return str(value)


_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "id": _id,
    "source_type": _text,
    "title": _text,
    "content_type": _text,
    "content_data": _text,
    "item_metadata": json.dumps,
    "creator_id": _uuid,
    "created_at": _text,
    "updated_at": _text,
    "quality_score": _number,
    "is_private": _boolean,
    "path_thumb": _text,
    "path_thumbs_alt_res": json.dumps,
    "prompt": _text,
    "tags": _names,
    "creator": _name,
}

_CSV_BOOLEANS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}


def _typed(line: int, row: Mapping[str, str | None]) -> dict[str, Any]:
    """The cells of a CSV row as JSON would have them; an empty one is not given."""
    values: dict[str, Any] = {}
    for key, cell in row.items():
        try:
            values[key] = _CSV_READERS.get(key, str)(cell) if cell else None
        except json.JSONDecodeError as error:
            raise LoadError(f"{key} is not JSON: {_fault(error)}.", line) from error
    return values


def _csv_names(cell: str) -> Any:
    if cell.startswith("["):
        return json.loads(cell)
    return [name for part in cell.split(";") if (name := part.strip())]


def _csv_boolean(cell: str) -> bool | str:
    return _CSV_BOOLEANS.get(cell.lower(), cell)


def _csv_integer(cell: str) -> int | str:
    return int(cell) if cell.isascii() and cell.lstrip("-").isdigit() else cell


_CSV_READERS: Mapping[str, Callable[[str], Any]] = {
    "id": _csv_integer,
    "is_private": _csv_boolean,
    "item_metadata": json.loads,
    "path_thumbs_alt_res": json.loads,
    "tags": _csv_names,
}
