"""PostgreSQL 15 with the extensions, in a container of the test image."""

from __future__ import annotations

import subprocess
import time
from itertools import cycle
from pathlib import Path

import psycopg
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from harness.cluster import Cluster
from harness.disk import MEGABYTES, SmallDisk, in_memory
from harness.managed import ManagedServer
from harness.pooler import PoolerPlace
from harness.program import Finished

REPOSITORY = Path(__file__).parents[3]
VOLUME = "/var/lib/postgresql"
IN_MEMORY = "/memory"  # a folder of its own: the image keeps the rights of those that it has
PORT = 5432
STANDBY_PORTS = (5433, 5434)
POOLER_PORT = 6432
CRON_DATABASE = "cron"
SMALL_DISK = "/small"


class ContainerServer(ManagedServer):
    """PostgreSQL 15 in a container, which has room for two standbys at a time."""

    name = "pg15"

    def __init__(self) -> None:
        # The reaper is an image of its own, out of reach where there is no registry.
        testcontainers_config.ryuk_disabled = True
        self._data = IN_MEMORY if in_memory() else VOLUME
        container = (
            DockerContainer(_image())
            .with_exposed_ports(PORT, *STANDBY_PORTS, POOLER_PORT)
            .with_env("CRON_DATABASE", CRON_DATABASE)
            .with_env("PGDATA", f"{self._data}/primary")
            .with_tmpfs_mount(SMALL_DISK, f"size={MEGABYTES}m,mode=1777")
            .with_kwargs(shm_size="256m", labels={"pg-gallery": "test"})
        )
        if self._data == IN_MEMORY:
            container.with_tmpfs_mount(IN_MEMORY, "mode=1777")
        self._container = container.start()
        self._standby_ports = cycle(STANDBY_PORTS)
        super().__init__(Cluster(self.exec, f"{self._data}/primary", PORT))
        self._wait_until_ready()

    def cron_database(self) -> str:
        self._drop(CRON_DATABASE)
        url = self._create(CRON_DATABASE, template=self._template)
        # The worker of pg_cron ends with its database, for good.
        self.restart()
        return url

    def small_disk(self) -> SmallDisk:
        return SmallDisk(self.exec, SMALL_DISK)

    def exec(self, *command: str) -> Finished:
        code, output = self._container.exec(list(command))
        assert code is not None, "the program was waited for"
        return Finished(command, code, output.decode())

    def copy_into(self, folder: Path, target: str) -> None:
        """Copies the files of a folder into a folder of the container, for everyone to read."""
        for file in folder.iterdir():
            self._container.copy_into_container(file, f"{target}/{file.name}", mode=0o644)

    def close(self) -> None:
        self._container.stop()

    def _pooler_place(self) -> PoolerPlace:
        return PoolerPlace(
            self.exec, ("localhost", PORT), ("*", POOLER_PORT), self._reached_at(POOLER_PORT)
        )

    def _address(self, cluster: Cluster) -> tuple[str, int]:
        return self._reached_at(cluster.port)

    def _reached_at(self, port: int) -> tuple[str, int]:
        host = self._container.get_container_host_ip()
        return host, self._container.get_exposed_port(port)

    def _place_for_standby(self) -> tuple[str, int]:
        port = next(self._standby_ports)
        return f"{self._data}/standby-{port}", port

    def _wait_until_ready(self, timeout: float = 60) -> None:
        deadline = time.monotonic() + timeout
        while True:
            try:
                psycopg.connect(self.url(CRON_DATABASE)).close()
                return
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    logs = b"".join(self._container.get_logs()).decode()
                    self.close()
                    raise TimeoutError(
                        f"PostgreSQL does not answer; its container says:\n{logs}"
                    ) from error
            time.sleep(0.1)


def _image() -> str:
    """The tag of the test image, which is built if it has to be."""
    script = REPOSITORY / "scripts" / "test-image.sh"
    return subprocess.run([script], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
