"""One data directory and the PostgreSQL that serves it, driven by PostgreSQL's own programs."""

from __future__ import annotations

from typing import Literal

from harness.program import Runner

SUPERUSER = "postgres"


class Cluster:
    """A cluster at `directory`, served on `port`; its log stands beside it as `directory`.log.

    `run` runs the programs where the cluster stands: on this machine or in a container. `settings`
    are those of the server that its configuration does not have.
    """

    def __init__(self, run: Runner, directory: str, port: int, **settings: str) -> None:
        self.directory = directory
        self.port = port
        self.settings = settings
        self.log = f"{directory}.log"
        self._run = run

    def create(self, *initdb_options: str) -> None:
        """Makes the data directory, without passwords."""
        self._run(
            "initdb",
            "--no-sync",
            "--auth=trust",
            f"--username={SUPERUSER}",
            f"--pgdata={self.directory}",
            *initdb_options,
        ).check()

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        settings = {"port": str(self.port), **self.settings}
        options = " ".join(f"-c '{name}={value}'" for name, value in settings.items())
        self._pg_ctl("start", "--wait", f"--log={self.log}", f"--options={options}")

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stops the server: `fast` in good order, `immediate` as a crash would."""
        self._pg_ctl("stop", "--wait", f"--mode={mode}")

    def make_standby(self, directory: str, port: int) -> Cluster:
        """Copies the running cluster to `directory`: once started, it streams from this one.

        The address to stream from is not left to pg_basebackup, which may be of a newer version: it
        writes connection options that the server then does not know.
        """
        address = f"host=localhost port={self.port} user={SUPERUSER}"
        self._run(
            "pg_basebackup",
            f"--dbname={address}",
            f"--pgdata={directory}",
            "--wal-method=stream",
            "--checkpoint=fast",
            "--no-sync",
        ).check()
        self._run("touch", f"{directory}/standby.signal").check()
        return Cluster(self._run, directory, port, primary_conninfo=address)

    def promote(self) -> None:
        """Ends the recovery of a standby: it follows nobody any more, and may be written to."""
        self._pg_ctl("promote", "--wait")

    def copy_database(self, source: str, target: str, *options: str) -> None:
        """Dumps a database with options of pg_dump, and restores the dump into another.

        A pg_dump of a newer version than the server's sets what the server does not know.
        """
        address = f"host=localhost port={self.port} user={SUPERUSER}"
        dump = f"{self.directory}.dump"
        self._run(
            "pg_dump", f"--file={dump}", f"--dbname={address} dbname={source}", *options
        ).check()
        self._run("sed", "-i", "/^SET transaction_timeout = 0;$/d", dump).check()
        self._run(
            "psql",
            "--quiet",
            "--no-psqlrc",
            "--set=ON_ERROR_STOP=1",
            "--single-transaction",
            f"--file={dump}",
            f"--dbname={address} dbname={target}",
        ).check()
        self._run("rm", dump).check()

    def read_log(self) -> str:
        """What the server has logged since its data directory was made."""
        return self._run("cat", self.log).check()

    def remove(self) -> None:
        """Removes the data directory of a stopped cluster, and its log."""
        self._run("rm", "-rf", self.directory, self.log).check()

    def _pg_ctl(self, *arguments: str) -> None:
        self._run("pg_ctl", "--silent", f"--pgdata={self.directory}", *arguments).check()
