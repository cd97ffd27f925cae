"""The command ``pg-gallery``.

Results go to standard output, everything else to standard error. ``--json`` prints one JSON
document, whose shape is told in the help of each command. Exit codes: 0 done, 1 the gallery says no
(an error TG001 to TG007, or a failed check), 2 wrong usage, 3 the database can't be reached, 4 the
database says no, to the login too, 5 a file is missing or wrong, 130 interrupted.
"""

from __future__ import annotations

import signal
import sys

from ._app import app
from ._bench import bench
from ._demo import demo
from ._load import load
from ._migrate import migrate
from ._options import with_options
from ._reading import count, explain, facets, page, tags
from ._upkeep import configure, health, rebuild, refresh, settings, verify

__all__ = ["app", "main"]

for _command in (
    demo,
    migrate,
    load,
    page,
    count,
    facets,
    tags,
    explain,
    refresh,
    rebuild,
    health,
    verify,
    settings,
    configure,
):
    app.command()(with_options(_command))

app.add_typer(bench, name="bench")


def main() -> None:
    """The entry point. A signal to end lets the command clean up behind itself."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda number, _: sys.exit(128 + number))
    app()
