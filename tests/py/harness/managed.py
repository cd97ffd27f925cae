"""What servers that we start have in common: they can be stopped, copied and looked into."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from harness.cluster import SUPERUSER, Cluster
from harness.server import Server, database_name
from harness.standby import Standby


class ManagedServer(Server):
    """A server on a cluster of ours."""

    def __init__(self, primary: Cluster) -> None:
        super().__init__(self._cluster_url(primary))
        self._primary = primary

    def restart(self, *, kill: bool = False) -> None:
        self._primary.stop("immediate" if kill else "fast")
        self._primary.start()

    def make_standby(self) -> Standby:
        cluster = self._primary.make_standby(*self._place_for_standby())
        cluster.start()
        return Standby(cluster, self._cluster_url(cluster), self._cluster_url(self._primary))

    def restored_dump(self, url: str) -> str:
        copy = self.empty_database()
        self._primary.copy_database(database_name(url), database_name(copy))
        return copy

    def restored_data(self, url: str, *dumps: Sequence[str]) -> str:
        copy = self.new_database()
        for options in dumps:
            self._primary.copy_database(
                database_name(url), database_name(copy), "--data-only", *options
            )
        return copy

    def read_log(self) -> str:
        return self._primary.read_log()

    def _cluster_url(self, cluster: Cluster) -> str:
        host, port = self._address(cluster)
        return f"postgresql://{SUPERUSER}@{host}:{port}/postgres"

    @abstractmethod
    def _address(self, cluster: Cluster) -> tuple[str, int]:
        """Host and port by which the tests reach a cluster."""

    @abstractmethod
    def _place_for_standby(self) -> tuple[str, int]:
        """Directory and port of the next standby."""
