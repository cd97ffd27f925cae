"""Runs a permutation of a specification: every session is a connection of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from time import sleep

import psycopg

import calls
from calls import Connection
from interleavings.spec import Permutation, Session, Spec, Turn

LONGEST = "60s"  # after which a step that hangs is given up


def run(url: str, spec: Spec, permutation: Permutation, after_step: Callable[[], None]) -> None:
    """Take every turn, and compare what it does with what is promised of it."""
    with ExitStack() as stack:
        monitor = stack.enter_context(psycopg.connect(url, autocommit=True))
        for sql in spec.setup:
            monitor.execute(calls.query(sql))
        workers = [stack.enter_context(Worker(url, session)) for session in spec.sessions]
        stage = Stage(monitor, {worker.session.name: worker for worker in workers})
        for turn in permutation.turns:
            stage.take(turn, spec.session_of(turn.step))
            after_step()
        for worker in workers:
            assert worker.step is None, f"{worker.session.name}: a step that waited has not ended"


def result_of(conn: Connection, sql: str) -> str:
    """What some statements show: the rows of the last one, or what was said, or an error's code.

    Rows are separated by commas; of no rows it is 'nothing'.
    """
    said: list[str] = []

    def hear(diagnostic: psycopg.errors.Diagnostic) -> None:
        said.append(diagnostic.message_primary or "")

    conn.add_notice_handler(hear)
    try:
        cursor = conn.execute(calls.query(sql))
        while cursor.nextset():
            pass
        if cursor.description is None:
            return "; ".join(said)
        rows = [" ".join(map(str, row)) for row in cursor.fetchall()]
        return ", ".join(rows) or "nothing"
    except psycopg.Error as error:
        return f"error {error.sqlstate}: {error}"
    finally:
        conn.remove_notice_handler(hear)


class Worker:
    """A session, which has one step at work at most."""

    def __init__(self, url: str, session: Session):
        self.session = session
        self.conn = psycopg.connect(url, autocommit=True)
        self.conn.execute(calls.query(f"SET statement_timeout = '{LONGEST}'"))
        for sql in session.setup:
            self.conn.execute(calls.query(sql))
        self.pool = ThreadPoolExecutor(1)
        self.step: Future[str] | None = None

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        if self.step is not None:
            self.conn.cancel()
        self.pool.shutdown()
        self.conn.close()

    def begin(self, step: str) -> None:
        assert self.step is None, f"{step}: its session still has a step at work"
        self.step = self.pool.submit(result_of, self.conn, self.session.steps[step])

    def end(self) -> str:
        assert self.step is not None
        result, self.step = self.step.result(), None
        return result


class Stage:
    """The sessions, and who of them waits for whom."""

    def __init__(self, monitor: Connection, workers: dict[str, Worker]):
        self.monitor = monitor
        self.workers = workers
        self.pids = [worker.conn.info.backend_pid for worker in workers.values()]

    def take(self, turn: Turn, session: Session) -> None:
        """Begin a step, or see one end that waited; the others go as far as they can."""
        worker = self.workers[session.name]
        if turn.event != "ends":
            worker.begin(turn.step)
        self.settle()
        if turn.event == "waits":
            assert self.waits(worker), f"{turn.step} waits for another session"
            return
        assert not self.waits(worker), f"{turn.step} waits for no other session"
        check_result(turn.step, worker.end(), turn.shows)

    def settle(self) -> None:
        """Wait until every session has either done its step or waits for another one."""
        while any(not self.waits(worker) for worker in self.at_work()):
            sleep(0.002)

    def at_work(self) -> list[Worker]:
        return [
            worker for worker in self.workers.values() if worker.step and not worker.step.done()
        ]

    def waits(self, worker: Worker) -> bool:
        """Whether a session's step waits for a lock that another session of these holds."""
        if worker.step is None or worker.step.done():
            return False
        row = self.monitor.execute(
            "SELECT pg_blocking_pids(%s) && %s::integer[]",
            (worker.conn.info.backend_pid, self.pids),
        ).fetchone()
        return row == (True,)


def check_result(step: str, shown: str, promised: str | None) -> None:
    """An error is promised by its code alone; one that is not promised is a failure."""
    if shown.startswith("error "):
        assert promised == shown.partition(":")[0], f"{step}: {shown}"
    else:
        assert promised in (None, shown), f"{step} shows {shown}, not {promised}"
