"""The harness keeps its own promises: what the tests of pg_gallery rest on."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from harness.server import Server
from harness.standby import Standby


def count_tags(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM tags").fetchone()
    assert row is not None
    return int(row[0])


def add_tag(url: str, name: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO tags (name) VALUES (%s)", [name])


def test_server_is_of_the_version_it_is_called_by(server: Server) -> None:
    assert server.name in ("own", f"pg{server.version}", f"npm{server.version}")


def test_databases_are_fresh_whatever_was_done_in_another(server: Server) -> None:
    first = server.new_database()
    add_tag(first, "anime")
    second = server.new_database()
    assert (count_tags(first), count_tags(second)) == (1, 0)
    server.drop_database(first)
    server.drop_database(second)


def test_database_is_dropped_under_open_connections(server: Server) -> None:
    url = server.new_database()
    with psycopg.connect(url), pytest.raises(psycopg.OperationalError):
        server.drop_database(url)
        psycopg.connect(url)


def test_empty_database_has_no_tables(empty_url: str) -> None:
    with psycopg.connect(empty_url) as connection:
        assert connection.execute("SELECT FROM pg_tables WHERE schemaname = 'public'").rowcount == 0


@pytest.mark.parametrize("kill", [False, True])
def test_restarted_server_keeps_what_was_committed(
    server: Server, database_url: str, kill: bool
) -> None:
    with psycopg.connect(database_url) as cut:
        add_tag(database_url, "anime")
        server.restart(kill=kill)
        with pytest.raises(psycopg.OperationalError):
            cut.execute("SELECT 1")
    assert count_tags(database_url) == 1


def test_killed_server_recovers_from_its_log(server: Server, database_url: str) -> None:
    add_tag(database_url, "anime")
    server.restart(kill=True)
    assert "automatic recovery in progress" in server.read_log()


def test_standby_is_waited_for_until_it_has_caught_up(
    database_url: str, standby: Callable[[], Standby]
) -> None:
    follower = standby()
    with psycopg.connect(follower.url(database_url), autocommit=True) as connection:
        connection.execute("SELECT pg_wal_replay_pause()")
        add_tag(database_url, "anime")
        with pytest.raises(TimeoutError):
            follower.wait(timeout=0.5)
        connection.execute("SELECT pg_wal_replay_resume()")
    follower.wait()
    assert count_tags(follower.url(database_url)) == 1


def test_standby_is_read_only(database_url: str, standby: Callable[[], Standby]) -> None:
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        add_tag(standby().url(database_url), "anime")


def test_what_is_not_committed_is_sent_to_a_standby_too(
    database_url: str, standby: Callable[[], Standby]
) -> None:
    follower = standby()
    with psycopg.connect(database_url) as connection:
        connection.execute("INSERT INTO tags (name) VALUES ('anime')")
        row = connection.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()
        follower.wait()
        with psycopg.connect(follower.url(database_url)) as reader:
            replayed = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
            assert reader.execute(replayed, row).fetchone() == (True,)
    follower.wait()
    assert count_tags(follower.url(database_url)) == 1


def test_promoted_standby_takes_writes_and_follows_nobody(
    database_url: str, standby: Callable[[], Standby]
) -> None:
    follower = standby()
    follower.promote()
    add_tag(database_url, "anime")
    add_tag(follower.url(database_url), "cat")
    assert (count_tags(database_url), count_tags(follower.url(database_url))) == (1, 1)


def test_two_standbys_follow_one_server(database_url: str, standby: Callable[[], Standby]) -> None:
    followers = [standby(), standby()]
    add_tag(database_url, "anime")
    for follower in followers:
        follower.wait()
    assert [count_tags(follower.url(database_url)) for follower in followers] == [1, 1]


def test_small_disk_has_no_room_while_it_is_filled(server: Server, database_url: str) -> None:
    disk = server.small_disk()
    if not server.superuser:
        pytest.skip("only a superuser may create a tablespace")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"CREATE TABLESPACE small LOCATION '{disk.folder}'".encode())
        connection.execute("CREATE TABLE wide (wide text) TABLESPACE small")
        disk.fill()
        try:
            with pytest.raises(psycopg.errors.DiskFull):
                connection.execute("INSERT INTO wide VALUES ('x')")
        finally:
            disk.make_room()
        connection.execute("INSERT INTO wide VALUES ('x')")
        connection.execute("DROP TABLE wide")
        connection.execute("DROP TABLESPACE small")


@pytest.mark.servers("pg15")
def test_cron_database_is_migrated_and_runs_pg_cron(server: Server) -> None:
    url = server.cron_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION pg_cron")
        launchers = connection.execute(
            "SELECT FROM pg_stat_activity WHERE backend_type = 'pg_cron launcher'"
        )
        assert launchers.rowcount == 1
    assert count_tags(url) == 0
    server.drop_database(url)
