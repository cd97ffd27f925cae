"""The fuzz: everything that users may do to a database, at random and at once; no answer is wrong.

A run has rounds. Each draws a world (indexes, columns, triggers, publications, policies, settings
of the gallery), a storm in it, and a lull. In the storm writers change the tables, one of them as
replication does, refreshers follow, readers ask every function in a snapshot, and somebody goes on
to change the world. In the lull every function is asked of everything, also after changes that no
trigger saw. Everybody's session has random settings. What is right is what the oracle says of the
rows that the same session sees in the tables.

All that is drawn in a round comes from the seed and the number of the round, and of the worker.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from random import Random
from threading import Event
from time import monotonic
from uuid import UUID

import psycopg
from psycopg.errors import DeadlockDetected, LockNotAvailable, SerializationFailure

import calls
import soak
from answers import Asker
from calls import Connection
from galleries import Gallery, random_filter, random_gallery, random_uuid
from oracle import SORTS, Item, ordered
from policies import POLICIES, Policies, in_force
from roles import documented_grants, new_role
from walks import keys_of
from worlds import (
    MARK,
    World,
    random_index,
    random_settings,
    random_statistics,
    random_trigger,
)

PAUSE = 0.005  # seconds between two turns of a worker
NO_POLICIES = Policies([])
WATCHED = ("content_items_all", "content_items", "content_items_auto", "content_tags", "tags")
REWRITES = (
    "VACUUM FULL content_tags",
    "VACUUM FULL content_items",
    "CLUSTER content_tags USING content_tags_pkey",
    "ALTER TABLE content_items_all ALTER title TYPE text USING title || ''",
    "REINDEX TABLE content_tags",
    "REINDEX TABLE content_items_auto",
)
TRUTH = "LOCK TABLE content_items_all, content_tags, tags IN ACCESS SHARE MODE"


@dataclass(frozen=True)
class Plan:
    """How long a run takes, what it draws, and with how many connections of each kind."""

    seconds: float = 10
    round_seconds: float = 5
    seed: int = 1
    first_round: int = 0
    writers: int = 2
    refreshers: int = 1
    readers: int = 2
    items_a_writer: int = 60


# --- sessions ---


def settings_of(conn: Connection, random: Random, *others: str) -> dict[str, str]:
    """Random settings, but for those that would change what the test's own statements mean."""
    drawn = random_settings(conn, random)
    return {name: value for name, value in drawn.items() if name not in ("array_nulls", *others)}


def set_locally(conn: Connection, values: dict[str, str]) -> None:
    """Settings up to the end of the transaction."""
    for name, value in values.items():
        conn.execute("SELECT set_config(%s, %s, true)", (name, value))


# --- writers ---


class Guest(soak.Writer):
    """A writer whose transactions have an isolation level and settings of their own.

    PostgreSQL may end one that others are in the way of; it is as if it had never been.
    """

    def make_some(self) -> None:
        before = self.after
        try:
            super().make_some()
        except SerializationFailure:
            self.have(before)
            self.after = before

    def begin(self) -> None:
        level = self.random.choice(("READ COMMITTED",) * 4 + ("REPEATABLE READ", "SERIALIZABLE"))
        self.conn.execute(calls.query(f"SET TRANSACTION ISOLATION LEVEL {level}"))
        if level != "READ COMMITTED":  # to a snapshot of before a rewrite no row is there to change
            self.conn.execute(TRUTH)
        if self.random.random() < 0.3:
            set_locally(self.conn, settings_of(self.conn, self.random))
        super().begin()

    def adopt_items(self, items: Sequence[Item], era: tuple[int, int]) -> None:
        """Have these items and no others, as the tables now have them."""
        self.before = self.after = replace(
            self.after, items={item.key: item for item in items}, era=era
        )
        self.have(self.after)


class Replicator(Guest):
    """Writes what an apply worker would: row by row, with no trigger but those that follow it."""

    def begin(self) -> None:
        super().begin()
        self.conn.execute("SET LOCAL session_replication_role = replica")

    def kinds(self) -> list[Callable[[], None]]:
        kinds = [self.insert, self.insert]
        if self.loose:
            kinds += [self.delete, self.retag, self.retag, self.move, self.hide]
        return kinds

    def delete(self) -> None:
        """The rows of tags, which cascaded where they were written first, then the item."""
        item = self.pick()
        for table, key in (
            ("content_tags", "content_id, content_source"),
            ("content_items_all", "id, source_type"),
        ):
            self.execute(f"DELETE FROM {table} WHERE ({key}) = (%s, %s)", item)
        del self.loose[item.key]


# --- readers ---


@dataclass(frozen=True)
class Reader:
    """Who reads: the owner of the tables or, under the policies of the round, a role."""

    role: str | None
    policies: Policies

    def appear(self, conn: Connection) -> None:
        """Be it, up to the end of the transaction."""
        if self.role:
            conn.execute(calls.query(f'SET LOCAL ROLE "{self.role}"'))

    @property
    def is_hidden_from(self) -> bool:
        return self.role is not None and self.policies.hides_items_or_rows_of_tags

    @property
    def cannot_set(self) -> tuple[str, ...]:
        """With row_security off, who is under a policy is refused, as by plain SQL."""
        return ("row_security",) if self.role else ()


@contextmanager
def reading(conn: Connection, random: Random, reader: Reader) -> Iterator[Asker]:
    """A snapshot of all tables, as that reader, in a session with random settings."""
    with conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        try:
            conn.execute(TRUTH)  # TRUNCATE, and DDL that rewrites, empty it for older snapshots too
        except DeadlockDetected:
            raise psycopg.Rollback from None
        reader.appear(conn)
        asker = Asker(conn, random, read_gallery(conn), bitmap_refused=reader.is_hidden_from)
        conn.execute("RESET ROLE")  # some settings are for superusers to change
        set_locally(conn, settings_of(conn, random, *reader.cannot_set))
        reader.appear(conn)
        yield asker


def read_gallery(conn: Connection) -> Gallery:
    """What the session sees in the tables, and a few tags that nobody knows."""
    names: dict[UUID, str] = dict(conn.execute("SELECT id, name FROM tags").fetchall())
    users = [user for (user,) in conn.execute("SELECT DISTINCT creator_id FROM content_items_all")]
    known = [user for user in users if user is not None] or [UUID(int=1)]
    return Gallery(calls.read_items(conn), names, known, [UUID(int=number) for number in (1, 2)])


def ask_basics(conn: Connection, random: Random, reader: Reader) -> None:
    """The functions that tell of the installation."""
    assert len(calls.value_of(conn, "gallery_version").split(".")) == 3
    assert {row.name for row in calls.rows_of(conn, "gallery_settings")} >= {"planner"}
    if random.random() < 0.3:
        told = {row.status for row in calls.rows_of(conn, "gallery_health")}
        assert told <= {"ok", "warn", "fail"}, told
    if random.random() < 0.3:
        ask_verify(conn, reader)


def ask_verify(conn: Connection, reader: Reader) -> None:
    """Nothing is wrong; or it can't be told by one who sees less than was there."""
    try:
        with conn.transaction():
            found = calls.rows_of(conn, "gallery_verify")
    except psycopg.Error as refusal:
        assert refusal.sqlstate == "TG006", refusal
        assert reader.role and reader.policies.conditions
    else:
        assert found == [], found


def ask_in_snapshot(
    conn: Connection, random: Random, reader: Reader, tally: Counter[str], filters: int = 1
) -> None:
    """Every function; but of tags as a table lists them, whose counts are of the last refresh."""
    with reading(conn, random, reader) as asker:
        asker.ask(filters, tags=reader.is_hidden_from)
        ask_basics(conn, random, reader)
        tally.update(asker.tally)


# --- the world ---


def random_configuration(random: Random) -> str:
    """Settings of the gallery that change how answers are found and not what they are."""
    drawn = {
        "planner": random.choice(("cost", "rules")),
        "dirty_limit": random.choice((0, 30, 150, 20000)),
        "small_k_threshold": random.choice((0, 2, 3, 10)),
        "group_having_rarest_ceiling": random.choice((0, 20, 50000)),
        "two_phase_dual_seed_floor": random.choice((0, 10, 150000)),
        "seed_candidate_cap": random.choice((0, 20, 50000)),
        "telemetry": {"sample_rate": random.choice((0, 0.1, 1))},
    }
    return json.dumps(drawn)


def meddle(conn: Connection, random: Random) -> None:
    """Change the world while others are at work, and leave where they are in the way."""
    own = f"own_{random.randrange(4)}"
    table = random.choice(("content_items_all", "content_tags", "tags"))
    statement = random.choice(
        (
            f"DROP INDEX IF EXISTS {own}, gallery.{own}",
            random_index(conn, random).replace("INDEX", f"INDEX {own}", 1),
            f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {own} int",
            f"ALTER TABLE {table} DROP COLUMN IF EXISTS {own}",
            random_trigger(random),
            quiet_statistics(random),
            quiet_statistics(random),
            random.choice(REWRITES),
        )
    )
    try:
        conn.execute("SET lock_timeout = '1s'")
        conn.execute(calls.query(statement))
    except (LockNotAvailable, DeadlockDetected, psycopg.errors.DuplicateTable):
        pass


def quiet_statistics(random: Random) -> str:
    """Such as leave the catalogs to PostgreSQL: to change these oneself is for quiet moments."""
    while True:
        statement = random_statistics(random)
        if not statement.startswith(("UPDATE", "DELETE")):
            return statement


LEFT_OVER = """
    SELECT format('DROP INDEX %s', indexrelid::regclass) FROM pg_index
    WHERE indexrelid::regclass::text ~ '(^|\\.)own_[0-3]$'
    UNION ALL
    SELECT format('ALTER TABLE %s DROP COLUMN %I', attrelid::regclass, attname) FROM pg_attribute
    JOIN pg_class c ON c.oid = attrelid AND c.relkind IN ('r', 'p')
    WHERE attname ~ '^own_[0-3]$' AND attislocal AND NOT attisdropped
"""


def tidy(conn: Connection) -> None:
    """Take away what was meddled."""
    for (statement,) in conn.execute(LEFT_OVER).fetchall():
        conn.execute(calls.query(statement))


# --- all of it ---


class Fuzz:
    """A database that is fuzzed, in rounds."""

    def __init__(self, url: str, plan: Plan):
        """`url`: migrated, with small blocks; by a superuser."""
        self.url = url
        self.plan = plan
        self.tally: Counter[str] = Counter()  # what was done, and how often
        random = Random(plan.seed)
        self.gallery = random_gallery(random, 40)
        self.marked = replace(self.gallery, tags=self.gallery.tags | {random_uuid(random): MARK})
        with self.connect() as conn:
            calls.store(conn, self.marked)
            conn.execute(soak.LEDGER)
            conn.execute("ALTER TABLE soak_era REPLICA IDENTITY FULL")  # it may get published
            self.writers: list[Guest] = [
                kind(conn, number, Random(f"{plan.seed} {number}"), self.gallery, self.soak_plan)
                for number, kind in enumerate([Replicator] + [Guest] * plan.writers)
            ]

    @property
    def soak_plan(self) -> soak.Plan:
        return soak.Plan(items_a_writer=self.plan.items_a_writer)

    def connect(self) -> Connection:
        return psycopg.connect(self.url, autocommit=True)

    def run(self) -> None:
        """Rounds until the time is over."""
        end = monotonic() + self.plan.seconds
        with (
            self.connect() as conn,
            new_role(conn, "".join(documented_grants("reader")[0])) as role,
        ):
            for number in count(self.plan.first_round):
                self.run_round(conn, number, role)
                if monotonic() >= end:
                    break

    def random(self, number: int, worker: object) -> Random:
        return Random(f"{self.plan.seed} {number} {worker}")

    def run_round(self, conn: Connection, number: int, role: str) -> None:
        """A world arises, is fuzzed, and goes; a failure says which it was."""
        random = self.random(number, "world")
        name = random.choice(list(POLICIES)) if random.random() < 0.5 else None
        policies = POLICIES[name] if name else NO_POLICIES
        readers = [Reader(None, policies), Reader(role, policies)]
        world = World(conn, random)
        with self.told(number, f"under the policies {name}"), ExitStack() as stack:
            stack.callback(tidy, conn)
            stack.callback(world.leave)
            world.arise()
            stack.enter_context(in_force(conn, policies))
            conn.execute("SELECT gallery_configure(%s)", (random_configuration(random),))
            self.adopt_items(conn)
            self.storm(number, readers)
            self.lull(conn, random, readers)
        self.tally["rounds"] += 1

    @contextmanager
    def told(self, number: int, where: str) -> Iterator[None]:
        try:
            yield
        except BaseException:
            print(f"failed: round {number} {where}, after {dict(self.tally)}")
            print(f"the same draws: make fuzz SEED={self.plan.seed} ROUND={number}")
            raise

    def adopt_items(self, conn: Connection) -> None:
        """Share what the tables hold among the writers."""
        ((*era,),) = conn.execute("SELECT items, tags FROM soak_era").fetchall()
        items = sorted(calls.read_items(conn), key=lambda item: item.key)
        for number, writer in enumerate(self.writers):
            writer.adopt_items(items[number :: len(self.writers)], (era[0], era[1]))

    # the storm

    def storm(self, number: int, readers: Sequence[Reader]) -> None:
        """All at work for a while; the first failure ends it, and is raised."""
        jobs: list[soak.Job] = [partial(self.write, writer=writer) for writer in self.writers]
        for worker in range(self.plan.refreshers):
            jobs.append(partial(self.refresh, random=self.random(number, f"refresher {worker}")))
        for worker in range(self.plan.readers):
            random = self.random(number, f"reader {worker}")
            jobs.append(partial(self.read, random=random, readers=readers))
        jobs.append(partial(meddle, random=self.random(number, "meddler")))
        for worker, writer in enumerate(self.writers):
            writer.random = self.random(number, f"writer {worker}")
        done = Event()
        with ThreadPoolExecutor(len(jobs)) as pool:
            ends = [pool.submit(self.work, job, done) for job in jobs]
            done.wait(self.random(number, "storm").uniform(0.2, 1) * self.plan.round_seconds)
            done.set()
        for end in ends:
            end.result()

    def work(self, job: soak.Job, done: Event) -> None:
        """Do a job again and again, on a connection of its own."""
        try:
            with self.connect() as conn:
                while not done.wait(PAUSE):
                    job(conn)
        except BaseException:
            done.set()
            raise

    @staticmethod
    def write(conn: Connection, writer: Guest) -> None:
        writer.conn = conn
        writer.make_some()

    def refresh(self, conn: Connection, random: Random) -> None:
        """In a session with random settings, in which plans are cached from turn to turn."""
        soak.be_first_to_look_for_deadlocks(conn)
        session = settings_of(conn, random)
        with calls.settings(conn, **session):
            for _ in range(random.randint(1, 4)):
                try:
                    soak.refresh(conn, random)
                except SerializationFailure:  # of the level that the session asked for itself
                    if session.get("default_transaction_isolation") in (None, "read committed"):
                        raise
                    self.tally["refreshes to be called again"] += 1
        self.tally["refreshes"] += 1

    def read(self, conn: Connection, random: Random, readers: Sequence[Reader]) -> None:
        ask_in_snapshot(conn, random, random.choice(readers), self.tally)
        self.tally["snapshots"] += 1

    # the lull

    def lull(self, conn: Connection, random: Random, readers: Sequence[Reader]) -> None:
        """Nobody else is at work: everything is exact, also once triggers were off."""
        for _ in range(2):
            conn.execute(calls.query(random_statistics(random)))
        if random.random() < 0.3:
            self.go_unseen(conn, random)
        soak.check_derived(conn)
        for reader in readers:
            with reading(conn, random, reader) as asker:
                asker.ask(2)
                ask_basics(conn, random, reader)
                self.tally.update(asker.tally)

    def go_unseen(self, conn: Connection, random: Random) -> None:
        """Changes with the triggers off, then what the documentation says is to be done."""
        for table in WATCHED:
            conn.execute(calls.query(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        writer = random.choice(self.writers[1:])
        writer.conn = conn
        for _ in range(random.randint(1, 6)):
            writer.make_some()
        self.check_unseen(conn, random)
        for table in WATCHED:
            conn.execute(calls.query(f"ALTER TABLE {table} ENABLE TRIGGER USER"))
        # Those that follow replication now fire elsewhere than they should: health says so.
        (remedy,) = (
            row.what_to_do
            for row in calls.rows_of(conn, "gallery_health")
            if row.check_name == "triggers"
        )
        for statement in remedy.split("\n"):
            conn.execute(calls.query(statement))
        self.tally["changes without triggers"] += 1

    def check_unseen(self, conn: Connection, random: Random) -> None:
        """Whatever a page believes of tags, no row of it is one that its filter excludes."""
        gallery = read_gallery(conn)
        for strategy in (None, "ordered_walk", "two_phase_single", "bitmap"):
            wanted = random_filter(random, gallery)
            tagless = replace(wanted, tags_all=None, tags_any=None, tags_none=None)
            may = set(keys_of(ordered(gallery.items, tagless, SORTS[0])))
            try:
                shown = calls.page(conn, wanted, page_size=500, strategy=strategy).keys
            except psycopg.Error as refusal:
                assert refusal.sqlstate in ("TG005", "TG006"), refusal
            else:
                assert may.issuperset(shown), (strategy, wanted, set(shown) - may)
