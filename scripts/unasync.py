"""Makes the sync client of the async one: pg_gallery/_sync of pg_gallery/_async.

The code is written once, to be awaited. What is left when ``await`` and its kin are taken away, and
the names are those of the blocking world, is the sync client, to the comment.

Usage: python scripts/unasync.py [--check]; with --check nothing is written, and the exit code is 1
where a file is not what it would be made.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "python_client" / "pg_gallery"
ASYNC, SYNC = PACKAGE / "_async", PACKAGE / "_sync"

HEAD = "# Made by scripts/unasync.py of _async/{}: change that, then run `make sync-client`.\n"

# Pieces of code that have no counterpart word by word.
PHRASES = {
    "from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, "
    "async_scoped_session": "from sqlalchemy import Connection, Engine\n"
    "from sqlalchemy.orm import Session, scoped_session",
    "AsyncEngine(self._session.get_bind().engine)": "self._session.get_bind().engine",
    "Awaitable[AsyncPage[RowT]]": "Page[RowT]",
}

# Words and what stands in their place. A name that begins with Async loses that beginning.
WORDS = {
    r"async (?=def|for|with)": "",
    r"await ": "",
    r"__a(enter|exit)__": r"__\1__",
    r"asyncio\.Lock": "threading.Lock",
    r"import asyncio": "import threading",
    r"asynccontextmanager": "contextmanager",
    r"async_scoped_session": "scoped_session",
    r"connect_async": "connect",
    r"sqlalchemy\.ext\.asyncio": "sqlalchemy",
    r"Async(?=[A-Z])": "",
}


def sync(code: str) -> str:
    """The code without its waiting, as the formatter leaves it."""
    for phrase, plain in PHRASES.items():
        code = code.replace(phrase, plain)
    for word, plain in WORDS.items():
        code = re.sub(rf"(?<!\w){word}", plain, code)
    for command in (("check", "--fix-only", "--quiet"), ("format", "--quiet")):
        code = ruff(*command, code=code)
    return code


def ruff(*command: str, code: str) -> str:
    """The code as ruff gives it back."""
    program = [
        sys.executable,
        "-m",
        "ruff",
        *command,
        "--stdin-filename",
        str(SYNC / "code.py"),
        "-",
    ]
    return subprocess.run(program, input=code, capture_output=True, check=True, text=True).stdout


def made() -> dict[Path, str]:
    """Every file of the sync client, and what it must hold."""
    return {
        SYNC / source.name: HEAD.format(source.name) + sync(source.read_text())
        for source in sorted(ASYNC.glob("*.py"))
    }


def differing(wanted: dict[Path, str]) -> list[Path]:
    """Files that are missing, are not what they must be, or must not be there."""
    present = {path: path.read_text() for path in SYNC.glob("*.py")}
    return sorted(
        path for path in wanted.keys() | present.keys() if wanted.get(path) != present.get(path)
    )


def main() -> None:
    """Write the files, or check them."""
    wanted = made()
    different = differing(wanted)
    if "--check" in sys.argv[1:]:
        for path in different:
            print(f"{path.name} is not what `make sync-client` makes of it.", file=sys.stderr)
        sys.exit(bool(different))
    for path in different:
        if path in wanted:
            path.write_text(wanted[path])
        else:
            path.unlink()


if __name__ == "__main__":
    main()
