"""Where servers keep their data, and a small file system that a test may fill."""

from __future__ import annotations

import shutil
from pathlib import Path

from harness.program import Runner

MEGABYTES = 24
MEMORY = Path("/dev/shm")
MEMORY_WANTED = 8 * 1024**3  # far more than the tests take


def in_memory() -> Path | None:
    """A folder that is kept in memory, if this machine has one with room for a server's data.

    A database is some hundred files: nowhere else are they made and removed as fast, and each
    test has a database of its own.
    """
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= MEMORY_WANTED
    return MEMORY if roomy else None


class SmallDisk:
    """A folder on a file system of its own, of a few megabytes, for a tablespace to stand in.

    `run` runs programs where it is mounted, as whom PostgreSQL runs as.
    """

    def __init__(self, run: Runner, mounted_at: str) -> None:
        self.folder = f"{mounted_at}/tablespace"
        self._filler = f"{mounted_at}/filler"
        self._run = run
        self._run("mkdir", "-p", self.folder).check()

    def fill(self) -> None:
        """Leaves no room for another page."""
        finished = self._run("dd", "if=/dev/zero", f"of={self._filler}", "bs=4k")
        assert "No space left on device" in finished.output, finished

    def make_room(self) -> None:
        self._run("rm", "-f", self._filler).check()
