"""What the commands print: results on standard output, everything else on standard error.

Texts of the database are shown as they are: never read as markup, and without control characters,
which could steer the terminal.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime, timezone
from typing import Any
from uuid import UUID

import typer
from psycopg.errors import Diagnostic
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def complain(problem: str, hint: str | None = None, console: Console = err) -> None:
    """One plain sentence on standard error, and what to do about it."""
    console.print(Text.assemble(("Error: ", "bold red"), plain(problem)), soft_wrap=True)
    if hint:
        console.print(Text.assemble(("Hint: ", "bold"), plain(hint)), soft_wrap=True)


def tell_notice(said: Diagnostic) -> None:
    """What the server says beside the result, a WARNING or NOTICE, on standard error."""
    kind = (said.severity_nonlocalized or "NOTICE").capitalize()
    console_text = Text.assemble((f"{kind}: ", "bold yellow"), plain(said.message_primary or ""))
    err.print(console_text, soft_wrap=True)
    if said.message_hint:
        err.print(Text.assemble(("Hint: ", "bold"), plain(said.message_hint)), soft_wrap=True)


def note(text: str) -> None:
    """A line beside the result, such as how to go on; for people only."""
    out.print(Text(plain(text), "dim"), soft_wrap=True)


def print_json(value: Any) -> None:
    """One JSON document on standard output, always UTF-8."""
    text = json.dumps(_jsonable(value), ensure_ascii=False, allow_nan=False, indent=2)
    typer.echo(text.encode())


def print_json_line(value: Any) -> None:
    """One JSON document of many, on a line of its own."""
    typer.echo(json.dumps(_jsonable(value), ensure_ascii=False, allow_nan=False).encode())


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> RenderableType:
    """A table; numbers stand to the right."""
    cells = list(rows)
    made = Table(header_style="bold", border_style="dim")
    for index, name in enumerate(columns):
        numbers = any(isinstance(row[index], int | float) for row in cells)
        made.add_column(name, justify="right" if numbers else "left", overflow="fold")
    for row in cells:
        made.add_row(*(v if isinstance(v, Text) else Text(shown(v)) for v in row))
    return made


def shown(value: Any) -> str:
    """A value as a person likes to read it; times are in UTC."""
    match value:
        case None:
            return ""
        case bool():
            text = "yes" if value else "no"
        case int():
            text = f"{value:,}"
        case float():
            text = f"{value:.4g}"
        case datetime():
            text = value.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M")
        case _:
            text = plain(str(value))
    return text


def plain(text: str) -> str:
    """The text with a mark in the place of every character that does not print."""
    return "".join(_printable(letter) for letter in text)


def _printable(letter: str) -> str:
    if letter.isprintable() or letter == "\n":
        return letter
    return " " if letter.isspace() else "�"


def _jsonable(value: Any) -> Any:
    """The value in terms of JSON."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _jsonable(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): _jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    return _json_scalar(value)


def _json_scalar(value: Any) -> Any:
    """Times are in UTC; NaN and infinity, which JSON lacks, are text, as in PostgreSQL."""
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return {"inf": "Infinity", "-inf": "-Infinity"}.get(str(value), "NaN")
    return value
