"""A hot standby of a server that we run: reads go to it, and it can be waited for."""

from __future__ import annotations

import time

import psycopg
from sqlalchemy import make_url

from harness.cluster import Cluster


class Standby:
    """A hot standby that streams from the primary. Both URLs may name any database there is."""

    def __init__(self, cluster: Cluster, standby_url: str, primary_url: str) -> None:
        self._cluster = cluster
        self._standby_url = standby_url
        self._primary_url = primary_url

    def url(self, database_url: str) -> str:
        """Where the standby has the database that the primary has at `database_url`."""
        database = make_url(database_url).database
        return make_url(self._standby_url).set(database=database).render_as_string(False)

    def wait(self, timeout: float = 60) -> None:
        """Blocks until everything that the primary has written so far is replayed here.

        What is not committed yet is sent when the log is next flushed: at the commit that is made
        here, or else only when the log writer wakes up, seconds later.
        """
        with psycopg.connect(self._primary_url, autocommit=True) as primary:
            primary.execute("SELECT pg_logical_emit_message(true, 'flush', '')")
            position = primary.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone()
        deadline = time.monotonic() + timeout
        replayed = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
        with psycopg.connect(self._standby_url, autocommit=True) as standby:
            while standby.execute(replayed, position).fetchone() != (True,):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"the standby has not replayed up to {position}")
                time.sleep(0.05)

    def promote(self) -> None:
        """Makes it a server of its own, as after the loss of the primary."""
        self._cluster.promote()

    def close(self) -> None:
        """Stops the standby and removes it."""
        self._cluster.stop("immediate")
        self._cluster.remove()
