"""A small file system on a server's machine, which a test may fill."""

from __future__ import annotations

from harness.program import Runner

MEGABYTES = 24


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
