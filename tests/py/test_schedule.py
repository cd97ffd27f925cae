"""gallery_schedule has pg_cron refresh the gallery; without pg_cron it says what does the same."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from itertools import chain

import psycopg
import pytest
from psycopg import sql

from calls import Connection
from harness.server import Server, database_name
from pg_gallery import migrate
from roles import documented_grants

JOBS = ["pg_gallery refresh", "pg_gallery purge run log"]
WITH_PG_CRON = pytest.mark.servers("pg15")


@pytest.fixture(scope="module")
def database_url(module_database_url: str) -> str:
    return module_database_url


def refused(conn: Connection, call: str, *arguments: str) -> psycopg.errors.Diagnostic:
    """The error that answers a call; it says what to do."""
    with pytest.raises(psycopg.Error) as caught, conn.transaction():
        conn.execute(call.encode(), arguments)
    assert caught.value.diag.message_hint
    return caught.value.diag


# --- without pg_cron ---


def test_without_pg_cron_scheduling_says_what_does_the_same(conn: Connection) -> None:
    error = refused(conn, "SELECT * FROM gallery_schedule()")
    assert error.sqlstate == "TG006"
    assert "pg-gallery refresh --every 30s" in (error.message_hint or "")


@WITH_PG_CRON
def test_in_another_database_than_that_of_pg_cron_scheduling_names_it(conn: Connection) -> None:
    error = refused(conn, "SELECT * FROM gallery_schedule()")
    assert "keeps its jobs in the database cron" in (error.message_primary or "")
    assert "cron.schedule_in_database" in (error.message_hint or "")


def test_without_pg_cron_there_is_nothing_to_unschedule(conn: Connection) -> None:
    assert conn.execute("SELECT * FROM gallery_unschedule()").fetchall() == []


def test_scheduling_is_for_those_it_is_granted_to(conn: Connection) -> None:
    with conn.transaction(force_rollback=True):
        conn.execute("CREATE ROLE gallery_test_reader")
        conn.execute("SET LOCAL ROLE gallery_test_reader")
        for function in ("gallery_schedule", "gallery_unschedule"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), conn.transaction():
                conn.execute(f"SELECT * FROM {function}()".encode())


# --- what a schedule may be ---


@pytest.mark.parametrize(
    ("every", "schedule"),
    [
        ("1 minute", "* * * * *"),
        ("60 seconds", "* * * * *"),
        ("5 minutes", "*/5 * * * *"),
        (" 30  Minutes ", "*/30 * * * *"),
        ("10m", "*/10 * * * *"),
        ("1 hour", "0 */1 * * *"),
        ("60 minutes", "0 */1 * * *"),
        ("12h", "0 */12 * * *"),
        ("30 seconds", "30 seconds"),
        ("1s", "1 seconds"),
        ("59 second", "59 seconds"),
        ("*/5 2 * * mon", "*/5 2 * * mon"),
    ],
)
def test_intervals_are_put_into_cron_syntax(conn: Connection, every: str, schedule: str) -> None:
    row = conn.execute("SELECT gallery.cron_schedule(%s, '1.6')", (every,)).fetchone()
    assert row == (schedule,)


@pytest.mark.parametrize(
    "every",
    ["0 seconds", "90 seconds", "0m", "7 minutes", "45 minutes", "5 hours", "24 hours", "99999h"],
)
def test_an_interval_that_cron_cannot_keep_is_refused(conn: Connection, every: str) -> None:
    error = refused(conn, "SELECT gallery.cron_schedule(%s, '1.6')", every)
    assert error.sqlstate == "TG004"


@pytest.mark.parametrize(
    ("version", "too_old"), [("1.4-1", True), ("1.5", False), ("1.10", False), ("2.0", False)]
)
def test_seconds_need_a_new_pg_cron(conn: Connection, version: str, too_old: bool) -> None:
    call = "SELECT gallery.cron_schedule('30 seconds', %s)"
    if too_old:
        error = refused(conn, call, version)
        assert error.sqlstate == "TG006"
        assert "a minute is the least" in (error.message_primary or "")
    else:
        assert conn.execute(call.encode(), (version,)).fetchone() == ("30 seconds",)


# --- with pg_cron ---


@pytest.fixture(scope="module")
def cron_url(server: Server) -> Iterator[str]:
    """The URL of the database in which pg_cron works, and the extension in it."""
    url = server.cron_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION pg_cron")
    yield url
    server.drop_database(url)


@pytest.fixture
def cron(cron_url: str) -> Iterator[Connection]:
    """A connection to that database, without jobs before and after."""
    with psycopg.connect(cron_url, autocommit=True) as connection:
        yield connection
        connection.execute("SELECT cron.unschedule(jobid) FROM cron.job")


def jobs(cron: Connection) -> list[tuple[str, str, str, str, bool]]:
    return cron.execute(
        "SELECT jobname::text, schedule, database, username, active FROM cron.job ORDER BY jobid"
    ).fetchall()


ODD_NAME = """an 'odd' "name" \\ %I; 100% $$"""


@pytest.fixture
def elsewhere(server: Server, cron: Connection) -> Iterator[Connection]:
    """A connection to a gallery in another database than that of pg_cron, with an odd name."""
    url = server.new_database()
    plain, odd = sql.Identifier(database_name(url)), sql.Identifier(ODD_NAME)
    cron.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(plain, odd))
    try:
        with psycopg.connect(url, dbname=ODD_NAME, autocommit=True) as connection:
            yield connection
    finally:
        cron.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(odd, plain))
        server.drop_database(url)


def schedule_as_hinted(cron: Connection, elsewhere: Connection) -> str:
    """Does what the hint of gallery_schedule says where pg_cron is not; returns the job's name."""
    hint = refused(elsewhere, "SELECT * FROM gallery_schedule()").message_hint or ""
    found = re.search(r"In the database cron: (SELECT cron\.schedule_in_database\(.*\))\. ", hint)
    assert found is not None
    cron.execute(found[1].encode())
    row = cron.execute("SELECT jobname::text FROM cron.job ORDER BY jobid DESC").fetchone()
    assert row is not None
    return str(row[0])


@WITH_PG_CRON
def test_the_scheduled_refreshes_of_two_databases_are_seen_running(
    cron: Connection, elsewhere: Connection
) -> None:
    cron.execute("SELECT * FROM gallery_schedule()")
    schedule_as_hinted(cron, elsewhere)
    for gallery in (cron, elsewhere):
        gallery.execute(
            "INSERT INTO content_items_all (id, source_type, content_type)"
            " VALUES (1, 'items', 'image')"
        )
        gallery.execute("INSERT INTO tags (name) VALUES ('cat')")
        gallery.execute("INSERT INTO content_tags SELECT 1, 'items', id FROM tags")
    tags = "SELECT name, item_count FROM gallery_tags()"
    deadline = time.monotonic() + 150
    while any(g.execute(tags).fetchall() != [("cat", 1)] for g in (cron, elsewhere)):
        assert time.monotonic() < deadline, cron.execute("TABLE cron.job_run_details").fetchall()
        time.sleep(0.5)


@WITH_PG_CRON
def test_the_jobs_of_two_databases_leave_each_other_alone(
    cron: Connection, elsewhere: Connection
) -> None:
    name = schedule_as_hinted(cron, elsewhere)
    assert name not in JOBS
    theirs = jobs(cron)
    assert [(job[0], job[2]) for job in theirs] == [(name, ODD_NAME)]
    cron.execute("SELECT * FROM gallery_schedule()")
    assert [job[0] for job in jobs(cron)] == [name, *JOBS]
    cron.execute("SELECT * FROM gallery_unschedule()")
    assert jobs(cron) == theirs


@WITH_PG_CRON
def test_a_job_of_our_name_for_another_database_is_not_taken_over(
    cron: Connection, elsewhere: Connection
) -> None:
    assert elsewhere.info.dbname == ODD_NAME
    cron.execute(
        "SELECT cron.schedule_in_database(%s, '* * * * *', 'CALL gallery_refresh()', %s)",
        (JOBS[0], ODD_NAME),
    )
    theirs = jobs(cron)
    error = refused(cron, "SELECT * FROM gallery_schedule()")
    assert error.sqlstate == "TG006"
    assert "is one for the database" in (error.message_primary or "")
    assert cron.execute("SELECT * FROM gallery_unschedule()").fetchall() == []
    assert jobs(cron) == theirs


@WITH_PG_CRON
def test_scheduling_again_mends_the_job_of_a_database_that_was_renamed(cron: Connection) -> None:
    cron.execute("SELECT * FROM gallery_schedule()")
    cron.execute("UPDATE cron.job SET database = 'its old name'")
    rows = cron.execute("SELECT status, detail FROM gallery_health() WHERE check_name = 'schedule'")
    ((status, detail),) = rows.fetchall()
    assert status == "warn"
    assert 'for the database "its old name", which there is no longer' in detail
    cron.execute("SELECT * FROM gallery_schedule()")
    assert [(job[0], job[2]) for job in jobs(cron)] == [(name, "cron") for name in JOBS]


@WITH_PG_CRON
def test_a_gallery_in_a_schema_of_an_odd_name_is_refreshed_by_its_job(
    cron: Connection, cron_url: str
) -> None:
    name = ODD_NAME.replace("\\", "")
    schema = sql.Identifier(name)
    migrate.downgrade(cron_url, "base")
    cron.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
    try:
        migrate.upgrade(cron_url, schema=name)
        cron.execute(sql.SQL("SELECT * FROM {}.gallery_schedule()").format(schema))
        cron.execute(sql.SQL("INSERT INTO {}.tags (name) VALUES ('cat')").format(schema))
        ((command,),) = cron.execute(
            "SELECT command FROM cron.job WHERE jobname = %s", (JOBS[0],)
        ).fetchall()
        cron.execute("UPDATE gallery.bitmap_state SET refreshed_at = '2020-01-01'")
        cron.execute(command.encode())
        row = cron.execute(
            "SELECT refreshed_at > '2020-01-02' FROM gallery.bitmap_state"
        ).fetchone()
        assert row == (True,)
        removed = cron.execute(sql.SQL("SELECT * FROM {}.gallery_unschedule()").format(schema))
        assert sorted(removed.fetchall()) == sorted((job,) for job in JOBS)
    finally:
        migrate.downgrade(cron_url, "base")
        cron.execute(sql.SQL("DROP SCHEMA {}").format(schema))
        migrate.upgrade(cron_url)


@WITH_PG_CRON
def test_jobs_are_named_and_run_here_as_who_made_them(cron: Connection) -> None:
    rows = cron.execute("SELECT job_name, schedule FROM gallery_schedule('5 minutes')").fetchall()
    assert [name for name, _ in rows] == JOBS
    assert rows[0][1] == "*/5 * * * *"
    assert [(name, schedule, *rest) for name, schedule, *rest in jobs(cron)] == [
        (name, schedule, "cron", "postgres", True) for name, schedule in rows
    ]


@WITH_PG_CRON
def test_scheduling_again_changes_the_schedule_of_the_same_jobs(cron: Connection) -> None:
    for every in ("1 minute", "*/5 * * * *", "*/5 * * * *"):
        cron.execute("SELECT * FROM gallery_schedule(%s)", (every,))
    found = jobs(cron)
    assert [job[0] for job in found] == JOBS
    assert found[0][1] == "*/5 * * * *"


@WITH_PG_CRON
def test_null_schedules_every_minute(cron: Connection) -> None:
    cron.execute("SELECT * FROM gallery_schedule(NULL)")
    assert jobs(cron)[0][1] == "* * * * *"


@WITH_PG_CRON
def test_scheduling_wakes_a_paused_job(cron: Connection) -> None:
    cron.execute("SELECT * FROM gallery_schedule()")
    cron.execute("SELECT cron.alter_job(jobid, active => false) FROM cron.job")
    cron.execute("SELECT * FROM gallery_schedule()")
    assert sorted((job[0], job[4]) for job in jobs(cron)) == sorted((name, True) for name in JOBS)


@WITH_PG_CRON
def test_unscheduling_removes_our_jobs_alone(cron: Connection) -> None:
    cron.execute("SELECT cron.schedule('another', '0 0 * * *', 'SELECT 1')")
    cron.execute("SELECT * FROM gallery_schedule()")
    removed = cron.execute("SELECT * FROM gallery_unschedule()").fetchall()
    assert sorted(removed) == sorted((name,) for name in JOBS)
    assert cron.execute("SELECT * FROM gallery_unschedule()").fetchall() == []
    assert [job[0] for job in jobs(cron)] == ["another"]


@WITH_PG_CRON
@pytest.mark.parametrize(
    ("every", "sqlstate"),
    [
        ("30 seconds", "TG006"),  # Debian's pg_cron is 1.4
        ("soon", "TG004"),
        ("", "TG004"),
        ("61 * * * *", "TG004"),
        ("* * * *", "TG004"),
        ("'; DROP TABLE tags; --", "TG004"),
        ("x" * 100_000, "TG004"),
    ],
    ids=lambda value: value[:20],
)
def test_what_pg_cron_cannot_keep_is_refused(cron: Connection, every: str, sqlstate: str) -> None:
    cron.execute("SELECT * FROM gallery_schedule('5 minutes')")
    before = jobs(cron)
    error = refused(cron, "SELECT * FROM gallery_schedule(%s)", every)
    assert error.sqlstate == sqlstate
    assert len(error.message_primary or "") < 200
    assert jobs(cron) == before


@WITH_PG_CRON
def test_a_role_that_may_not_use_pg_cron_is_told_so(cron: Connection) -> None:
    with cron.transaction(force_rollback=True):
        cron.execute("CREATE ROLE gallery_test_operator")
        cron.execute("GRANT EXECUTE ON FUNCTION gallery_schedule(text) TO gallery_test_operator")
        cron.execute("SET LOCAL ROLE gallery_test_operator")
        error = refused(cron, "SELECT * FROM gallery_schedule()")
        assert error.sqlstate == "TG006"
        assert "GRANT USAGE ON SCHEMA cron TO gallery_test_operator" in (error.message_hint or "")


@WITH_PG_CRON
def test_a_role_that_may_schedules_jobs_of_its_own(cron: Connection) -> None:
    with cron.transaction(force_rollback=True):
        cron.execute("CREATE ROLE gallery_test_operator")
        cron.execute("GRANT EXECUTE ON FUNCTION gallery_schedule(text) TO gallery_test_operator")
        cron.execute("GRANT USAGE ON SCHEMA cron TO gallery_test_operator")
        cron.execute("SET LOCAL ROLE gallery_test_operator")
        cron.execute("SELECT * FROM gallery_schedule()")
        assert [job[3] for job in jobs(cron)] == ["gallery_test_operator"] * 2


@WITH_PG_CRON
def test_a_role_with_a_refreshers_documented_grants_schedules_the_refresh(
    cron: Connection,
) -> None:
    grants = "".join(chain.from_iterable(documented_grants("refresher")))
    with cron.transaction(force_rollback=True):
        cron.execute("CREATE ROLE gallery_test_operator")
        cron.execute(grants.replace("{role}", "gallery_test_operator").encode())
        cron.execute("SET LOCAL ROLE gallery_test_operator")
        cron.execute("SELECT * FROM gallery_schedule('5 minutes')")
        assert [job[3] for job in jobs(cron)] == ["gallery_test_operator"] * 2
        cron.execute("SELECT * FROM gallery_unschedule()")
        assert jobs(cron) == []


@WITH_PG_CRON
def test_the_purge_deletes_old_runs_of_our_jobs_alone(cron: Connection) -> None:
    cron.execute("SELECT cron.schedule('another', '0 0 * * *', 'SELECT 1')")
    cron.execute("SELECT * FROM gallery_schedule()")
    cron.execute("DELETE FROM cron.job_run_details")
    cron.execute(
        "INSERT INTO cron.job_run_details (jobid, runid, username, status, start_time, end_time)"
        " SELECT jobid, 10 * jobid + days, current_user, 'succeeded',"
        "        now() - days * interval '1 day', now() - days * interval '1 day'"
        " FROM cron.job, unnest('{1,6,8,9}'::int[]) days"
    )
    row = cron.execute("SELECT command FROM cron.job WHERE jobname = %s", (JOBS[1],)).fetchone()
    assert row is not None
    cron.execute(row[0].encode())
    left = cron.execute(
        "SELECT jobname::text, array_agg(mod(runid, 10)::int ORDER BY runid)"
        " FROM cron.job_run_details JOIN cron.job USING (jobid) GROUP BY 1 ORDER BY 1"
    ).fetchall()
    assert left == [("another", [1, 6, 8, 9]), *((name, [1, 6]) for name in sorted(JOBS))]


@WITH_PG_CRON
def test_another_database_is_refreshed_from_that_of_pg_cron_as_the_hint_says(
    conn: Connection, cron_url: str, server: Server
) -> None:
    """At a restart of the server, so that the test need not wait for the next minute."""
    hint = refused(conn, "SELECT * FROM gallery_schedule()").message_hint or ""
    (schedule,) = re.findall(r"SELECT cron\.schedule_in_database\(.*?\)(?=\.)", hint)
    conn.execute(
        "INSERT INTO content_items_all (id, source_type, content_type) VALUES (1, 'items', 'image')"
    )
    conn.execute("INSERT INTO tags (name) VALUES ('dog')")
    conn.execute("INSERT INTO content_tags SELECT 1, 'items', id FROM tags")
    with psycopg.connect(cron_url, autocommit=True) as cron:
        cron.execute(schedule.replace("* * * * *", "@reboot").encode())
    server.restart()
    deadline = time.monotonic() + 60
    with (
        psycopg.connect(server.url(conn.info.dbname), autocommit=True) as second,
        psycopg.connect(cron_url, autocommit=True) as cron,
    ):
        while second.execute("SELECT name FROM gallery_tags()").fetchall() != [("dog",)]:
            runs = cron.execute("TABLE cron.job_run_details").fetchall()
            assert time.monotonic() < deadline, runs
            time.sleep(0.1)
        cron.execute("SELECT cron.unschedule(jobid) FROM cron.job WHERE schedule = '@reboot'")


@WITH_PG_CRON
def test_removing_the_gallery_removes_its_jobs(cron: Connection, cron_url: str) -> None:
    cron.execute("SELECT * FROM gallery_schedule()")
    migrate.downgrade(cron_url, "base")
    try:
        assert jobs(cron) == []
    finally:
        migrate.upgrade(cron_url)
