"""How the SQL is written, as its text shows; what the catalogue knows is in test_catalogue.py.

That it is ASCII is tested in test_session_settings.py, beside the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
FOLDERS = ("db/functions", "db/migrations/versions", "tests/sql")
FILES = [path for folder in FOLDERS for path in sorted((REPOSITORY / folder).rglob("*.sql"))]

LONGEST = 181
"""Characters of a line, but for the text of a literal."""

# A comment, or a literal: in quotes, or in dollars where it is prose.
_PIECE = re.compile(r"(?P<comment>--[^\n]*)|'(?:[^']|'')*'|(\$comment\$).*?\2", re.DOTALL)


def test_a_file_begins_with_what_it_is_for() -> None:
    assert len(FILES) > 50
    assert [str(file) for file in FILES if not re.match(r"-- \S", file.read_text())] == []


def test_lines_are_not_too_long_and_have_no_tabs_or_blanks_at_their_end() -> None:
    found = [f"{file}:{fault}" for file in FILES for fault in faults(file.read_text())]
    assert not found, "\n".join(found)


def test_keywords_are_written_small() -> None:
    capitals = re.compile(r"(?<![\w@%$])[A-Z]{2,}\b")
    found = [
        f"{file}: {word}"
        for file in FILES
        for word in capitals.findall(_PIECE.sub("''", file.read_text()))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("select 1;\n", []),
        ("select 1; \n\tselect 2;\n", ["1: a blank at the end", "2: a tab"]),
        ("select 1;", ["1: no end of the line"]),
        (f"-- {'x' * LONGEST}\n", [f"1: {LONGEST + 3} characters"]),
        (f"select 1,\n    '{'x' * LONGEST}'; -- prose\n", []),
    ],
)
def test_faults_are_found(sql: str, found: list[str]) -> None:
    assert list(faults(sql)) == found


def faults(sql: str) -> Iterator[str]:
    """What is wrong with the lines, with their numbers."""
    bare = _PIECE.sub(lambda piece: piece["comment"] or "''" + "\n" * piece[0].count("\n"), sql)
    lines = sql.split("\n")
    for number, (line, code) in enumerate(zip(lines, bare.split("\n"), strict=True), 1):
        if "\t" in line:
            yield f"{number}: a tab"
        if line.endswith(" "):
            yield f"{number}: a blank at the end"
        if len(code) > LONGEST:
            yield f"{number}: {len(code)} characters"
    if lines[-1]:
        yield f"{len(lines)}: no end of the line"
