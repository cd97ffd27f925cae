"""The command ``pg-gallery``.

Results go to standard output, everything else to standard error. ``--json`` prints one JSON
document, whose shape is told in the help of each command. Exit codes: 0 done, 1 the gallery says no
(an error TG001 to TG007, or a failed check), 2 wrong usage, 3 the database can't be reached, 4 the
database says no, 5 a file is missing or wrong, 130 interrupted.
"""

from __future__ import annotations

from ._app import app
from ._load import load
from ._migrate import migrate
from ._options import with_options
from ._reading import count, page

__all__ = ["app", "main"]

for _command in (migrate, load, page, count):
    app.command()(with_options(_command))


def main() -> None:
    """The entry point."""
    app()
