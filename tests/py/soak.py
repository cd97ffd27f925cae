"""The stress engine: writers, refreshers and readers at once, in rounds, and nothing may differ.

Writers change the tables in every way there is. Refreshers follow, and now and then rebuild the
index. Readers compare every function with the oracle, which reads the tables in the same snapshot.
After each round, whether it ended quietly or with the server killed, what was committed must be
there, and the derived data must agree with it once it is up to date.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from random import Random
from threading import Event
from time import monotonic, sleep
from uuid import UUID

import psycopg

import calls
from calls import Connection
from changes import Changes
from galleries import Gallery, random_filter, random_gallery, random_uuid
from oracle import SORTS, Item, Key, Moment, facets, moment, ordered
from walks import check_walk, keys_of, lacks_seeds

PAUSE = 0.005  # seconds between two turns of a worker
LATEST = 2 * 10**15  # microseconds: later than all moments that a gallery has at random
STRATEGIES = tuple(name for name in calls.STRATEGIES if name not in (None, "bitmap"))
WAYS_TO_INTERRUPT = ("pg_cancel_backend", "pg_terminate_backend")
AT_WORK = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND state = 'active' AND query ~ '^CALL gallery_re'"""
INDEX_LACKS = "SELECT (gallery.index_state(s.dirty_limit)).lacks FROM gallery.current_settings() s"
LEDGER = """
    CREATE TABLE IF NOT EXISTS soak_writer (writer int PRIMARY KEY, transactions bigint NOT NULL);
    CREATE TABLE IF NOT EXISTS soak_era (items bigint NOT NULL, tags bigint NOT NULL);
    TRUNCATE soak_writer, soak_era;
    INSERT INTO soak_era VALUES (0, 0);
"""


@dataclass(frozen=True)
class Plan:
    """How long a soak takes, and with how many connections of each kind."""

    seconds: float = 10
    round_seconds: float = 4
    seed: int = 1
    kills: bool = False  # whether some rounds end with the server killed
    interrupts: bool = False  # whether refreshes are cancelled and terminated at random
    writers: int = 3
    refreshers: int = 2
    readers: int = 2
    items_a_writer: int = 60
    restless_tags: bool = False  # whether writers change tags, and truncate, more than all else
    dirty_limit: int = 20000  # the setting


# --- writers ---


@dataclass(frozen=True)
class Belongings:
    """What a writer has in the tables, after so many transactions, in an era of each table."""

    transactions: int = 0
    era: tuple[int, int] = (0, 0)
    items: dict[Key, Item] = field(default_factory=dict)
    tags: tuple[UUID, ...] = ()
    lost_tags: tuple[UUID, ...] = ()  # deleted, to be made anew under the same id
    users: tuple[UUID, ...] = ()

    def in_era(self, era: tuple[int, int]) -> Belongings:
        """What is left of it in a later era: a table truncated since is empty."""
        items = self.items
        if self.era[0] != era[0]:
            items = {}
        elif self.era[1] != era[1]:
            items = {key: replace(item, tags=frozenset()) for key, item in items.items()}
        return replace(self, era=era, items=items)


class Writer(Changes):
    """Changes items of its own, and knows for certain which of its transactions count.

    Each transaction counts itself in soak_writer, so that after a crash it is known whether the
    last one, whose end nobody heard of, was committed. Whoever truncates a table begins a new era.
    """

    def __init__(self, conn: Connection, number: int, random: Random, gallery: Gallery, plan: Plan):
        super().__init__(conn, random, gallery, [])
        self.number = number
        self.many = plan.items_a_writer
        self.restless_tags = plan.restless_tags
        self.own_tags: list[UUID] = []
        self.lost_tags: list[UUID] = []
        self.own_users: list[UUID] = []
        self.era = (0, 0)
        self.transactions = 0
        self.before = self.after = Belongings()
        self.later = count(LATEST + number)

    # a transaction

    def make_some(self) -> None:
        """A few changes in one transaction, which now and then is rolled back."""
        self.before = self.after
        rolls_back = self.random.random() < 0.15
        try:
            with self.conn.transaction(force_rollback=rolls_back):
                self.begin()
                for _ in range(self.random.randint(1, 3)):
                    self.make_one()
                self.after = self.belongings()
        except psycopg.errors.DeadlockDetected:  # of TRUNCATE with a refresh: PostgreSQL chose us
            rolls_back = True
        if rolls_back:
            self.have(self.before)
            self.after = self.before

    def begin(self) -> None:
        """Count the transaction, and keep the era as it is up to its end."""
        era = self.conn.execute("SELECT items, tags FROM soak_era FOR SHARE").fetchone()
        assert era is not None
        self.have(self.before.in_era((era[0], era[1])))
        self.transactions += 1
        self.conn.execute(
            "INSERT INTO soak_writer VALUES (%s, %s) ON CONFLICT (writer)"
            " DO UPDATE SET transactions = excluded.transactions",
            (self.number, self.transactions),
        )

    def belongings(self) -> Belongings:
        return Belongings(
            self.transactions,
            self.era,
            dict(self.loose),
            tuple(self.own_tags),
            tuple(self.lost_tags),
            tuple(self.own_users),
        )

    def have(self, belongings: Belongings) -> None:
        self.transactions = belongings.transactions
        self.era = belongings.era
        self.loose = dict(belongings.items)
        self.own_tags = list(belongings.tags)
        self.lost_tags = list(belongings.lost_tags)
        self.own_users = list(belongings.users)

    def settle(self, conn: Connection) -> None:
        """Find out what the last transaction came to, and go on from there with a connection."""
        row = conn.execute(
            "SELECT transactions FROM soak_writer WHERE writer = %s", (self.number,)
        ).fetchone()
        ends = {end.transactions: end for end in (self.before, self.after)}
        assert (row[0] if row else 0) in ends, f"writer {self.number}: a commit was lost"
        (era,) = conn.execute("SELECT items, tags FROM soak_era").fetchall()
        self.before = self.after = ends[row[0] if row else 0].in_era((era[0], era[1]))
        self.have(self.after)
        self.conn = conn

    # its kinds of changes

    def kinds(self) -> list[Callable[[], None]]:
        if len(self.loose) > self.many:
            return [self.delete_many]
        kinds = super().kinds() * 4
        kinds += [self.append] * 8 + [self.backdate] * 3 + [self.load, self.adopt, self.adopt]
        if self.loose:
            kinds += [self.retag_many, self.rename, self.rename]
        if self.own_users:
            kinds += [self.drop_user]
        return kinds + self.kinds_of_tag_changes() * (20 if self.restless_tags else 1)

    def kinds_of_tag_changes(self) -> list[Callable[[], None]]:
        """What may be done to whole tags, and to all rows."""
        kinds: list[Callable[[], None]] = []
        if self.own_tags:
            kinds += [self.drop_tag, self.remake_tag, self.rename_tags, self.rename_tags]
        if self.lost_tags:
            kinds += [self.revive_tag]
        if self.random.random() < 0.2:
            kinds += [self.truncate_items, self.truncate_tags]
        return kinds

    def moment(self) -> Moment:
        """Never beyond what `append` reaches, or nothing would ever come last."""
        when = super().moment()
        return when if when.micros < LATEST else moment(self.random.randrange(10**15))

    def append(self) -> None:
        """A few items later than all others."""
        self.add([self.fresh_item(self.latest()) for _ in range(self.random.randint(1, 4))])

    def latest(self) -> Moment:
        return moment(next(self.later) * 10)

    def backdate(self) -> None:
        """Several items at one place of long ago."""
        near = self.random.randrange(10**15)
        self.add([self.fresh_item(moment(near + n // 2)) for n in range(12)])

    def add(self, items: Sequence[Item]) -> None:
        calls.insert_items(self.conn, items)
        self.loose |= {item.key: item for item in items}

    def load(self) -> None:
        """A bulk load by COPY, of one place or of all."""
        near = self.moment()
        items = [
            self.fresh_item(self.random.choice((near, self.moment(), self.latest())))
            for _ in range(self.random.randint(1, self.many // 2))
        ]
        with (
            self.conn.cursor() as cur,
            cur.copy(
                "COPY content_items_all (id, source_type, created_at, quality_score, creator_id,"
                " is_private, content_type, title, prompt) FROM STDIN"
            ) as copy,
        ):
            for item in items:
                copy.write_row(
                    (
                        *item.key,
                        item.created_at.text,
                        item.quality_score,
                        item.creator_id,
                        item.is_private,
                        item.content_type,
                        item.title,
                        item.prompt,
                    )
                )
        with (
            self.conn.cursor() as cur,
            cur.copy("COPY content_tags (content_id, content_source, tag_id) FROM STDIN") as copy,
        ):
            for item in items:
                for tag in item.tags:
                    copy.write_row((*item.key, tag))
        self.loose |= {item.key: item for item in items}

    def delete_many(self) -> None:
        keys = self.random.sample(list(self.loose), len(self.loose) // 2)
        self.conn.execute(
            "DELETE FROM content_items_all WHERE (id, source_type)"
            " IN (SELECT * FROM unnest(%s::bigint[], %s::text[]))",
            ([key[0] for key in keys], [key[1] for key in keys]),
        )
        for key in keys:
            del self.loose[key]

    def retag_many(self) -> None:
        """Give one tag to some items, or take it from them, by one statement."""
        tag = self.random.choice([*self.gallery.tags, *self.own_tags])
        if self.random.random() < 0.5:
            self.retag_with(tag)
            return
        some = self.some_items()
        self.conn.execute(
            "DELETE FROM content_tags WHERE tag_id = %s AND (content_id, content_source)"
            " IN (SELECT * FROM unnest(%s::bigint[], %s::text[]))",
            (tag, [item.id for item in some], [item.source_type for item in some]),
        )
        self.loose |= {i.key: replace(i, tags=i.tags - {tag}) for i in some}

    def retag_with(self, tag: UUID) -> None:
        """Give a tag to some items."""
        lacking = [item for item in self.some_items() if tag not in item.tags]
        calls.insert_tags(self.conn, ((item.key, tag) for item in lacking))
        self.loose |= {i.key: replace(i, tags=i.tags | {tag}) for i in lacking}

    def some_items(self) -> list[Item]:
        return self.random.sample(list(self.loose.values()), (len(self.loose) + 1) // 2)

    def rename(self) -> None:
        """Give an item another key; its tags follow."""
        item = self.pick()
        renamed = replace(item, id=next(self.fresh_ids))
        self.execute(
            "UPDATE content_items_all SET id = %s WHERE (id, source_type) = (%s, %s)",
            item,
            renamed.id,
        )
        del self.loose[item.key]
        self.loose[renamed.key] = renamed

    def adopt(self) -> None:
        """A new tag and a new user, for new items."""
        tag, user = random_uuid(self.random), random_uuid(self.random)
        self.conn.execute("INSERT INTO tags (id, name) VALUES (%s, %s)", (tag, str(tag)))
        self.conn.execute("INSERT INTO users (id, username) VALUES (%s, %s)", (user, str(user)))
        self.own_tags.append(tag)
        self.own_users.append(user)
        fresh = [self.fresh_item(self.moment()) for _ in range(4)]
        self.add([replace(item, tags=item.tags | {tag}, creator_id=user) for item in fresh])

    def drop_tag(self) -> None:
        tag = self.own_tags.pop()
        self.conn.execute("DELETE FROM tags WHERE id = %s", (tag,))
        self.loose = {key: replace(i, tags=i.tags - {tag}) for key, i in self.loose.items()}
        self.lost_tags.append(tag)

    def revive_tag(self) -> None:
        """Make a tag that was deleted anew, with the id that it had and maybe the name."""
        tag = self.lost_tags.pop(self.random.randrange(len(self.lost_tags)))
        self.conn.execute("INSERT INTO tags (id, name) VALUES (%s, %s)", (tag, self.name_of(tag)))
        self.own_tags.append(tag)
        self.retag_with(tag)

    def remake_tag(self) -> None:
        """Delete a tag and make it anew, in one transaction."""
        self.drop_tag()
        self.revive_tag()

    def rename_tags(self) -> None:
        """Rename several tags, a statement each, in any order."""
        some = self.random.sample(self.own_tags, (len(self.own_tags) + 1) // 2)
        for tag in some:
            self.conn.execute("UPDATE tags SET name = %s WHERE id = %s", (self.name_of(tag), tag))

    def name_of(self, tag: UUID) -> str:
        """A name for a tag, one of a few."""
        return f"{tag} {self.random.randrange(3)}"

    def drop_user(self) -> None:
        user = self.own_users.pop()
        self.conn.execute("DELETE FROM users WHERE id = %s", (user,))
        self.loose = {
            key: replace(item, creator_id=None) if item.creator_id == user else item
            for key, item in self.loose.items()
        }

    def truncate_items(self) -> None:
        self.truncate("content_items_all, content_tags", (self.era[0] + 1, self.era[1]))

    def truncate_tags(self) -> None:
        self.truncate("content_tags", (self.era[0], self.era[1] + 1))

    def truncate(self, tables: str, era: tuple[int, int]) -> None:
        """Begin a new era, unless another writer holds on to this one."""
        held = self.conn.execute("SELECT FROM soak_era FOR UPDATE SKIP LOCKED").fetchall() == []
        if held:
            return
        self.conn.execute("UPDATE soak_era SET (items, tags) = (%s, %s)", era)
        self.conn.execute(calls.query(f"TRUNCATE {tables} CASCADE"))
        self.have(replace(self.belongings().in_era(era), transactions=self.transactions))


# --- the derived data ---


def refresh(conn: Connection, random: Random, rebuilds: float = 0.02) -> None:
    """Follow the changes; now and then build the index anew, or finish a rebuild that stopped."""
    stopped = conn.execute("SELECT NOT built FROM gallery.bitmap_state").fetchone() == (True,)
    rebuilds = random.random() < (0.5 if stopped else rebuilds)
    call = "CALL gallery_rebuild()" if rebuilds else "CALL gallery_refresh()"
    try:
        conn.execute(calls.query(call))
    except psycopg.Error as error:
        if error.sqlstate != "TG006":  # another is at work, or has been stopped by one
            raise


def interrupt(conn: Connection, random: Random) -> None:
    """Meet a refresh or rebuild at work, and end it in one of two ways, unless it is over first."""
    found = conn.execute(AT_WORK).fetchall()
    if found:
        sleep(random.random() * random.choice((0.01, 0.1, 0.5)))
        way = random.choice(WAYS_TO_INTERRUPT)
        conn.execute(calls.query(f"SELECT {way}(%s)"), random.choice(found))


def bring_up_to_date(conn: Connection) -> None:
    """Finish a rebuild if one was stopped, then refresh; nobody else is at work."""
    if conn.execute("SELECT built FROM gallery.bitmap_state").fetchone() == (False,):
        conn.execute("CALL gallery_rebuild()")
    conn.execute("CALL gallery_refresh()")


def counted_tags(items: Sequence[Item]) -> Counter[tuple[UUID, str]]:
    """How many items of each source carry each tag: what the statistics must say."""
    return Counter((tag, item.source_type) for item in items for tag in item.tags)


def read_statistics(conn: Connection) -> dict[tuple[UUID, str], int]:
    rows = conn.execute("SELECT tag_id, content_source, cardinality FROM tag_cardinality_stats")
    return {(tag, source): number for tag, source, number in rows}


def listed_tags(conn: Connection) -> dict[str, int]:
    """All that gallery_tags lists, page after page: names and counts."""
    listed: dict[str, int] = {}
    given: dict[str, str] = {}
    while True:
        turned = calls.rows_of(conn, "gallery_tags", page_size=500, **given)
        listed |= {row.name: row.item_count for row in turned}
        if not turned or turned[0].next_cursor is None:
            return listed
        given = {"cursor": turned[0].next_cursor}


def check_derived(conn: Connection) -> None:
    """Brought up to date, index and statistics agree with the tables, and nothing is left over."""
    bring_up_to_date(conn)
    assert calls.rows_of(conn, "gallery_verify") == []
    items = calls.read_items(conn)
    assert read_statistics(conn) == counted_tags(items)
    names: dict[UUID, str] = dict(conn.execute("SELECT id, name FROM tags").fetchall())
    carried = Counter(names[tag] for item in items for tag in item.tags)
    assert listed_tags(conn) == dict(carried)
    assert conn.execute("SELECT FROM gallery.dirty_item LIMIT 1").fetchall() == []


# --- readers ---


def compare(conn: Connection, random: Random, gallery: Gallery, tally: Counter[str]) -> None:
    """In one snapshot, every function with the oracle; the tally says how often by what.

    Bitmaps are asked for where they may be: the planner must do without them elsewhere. The tables
    are locked before the snapshot is taken: TRUNCATE empties them for older snapshots too.
    """
    with conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        try:
            conn.execute("LOCK TABLE content_items_all, content_tags IN ACCESS SHARE MODE")
        except psycopg.errors.DeadlockDetected:  # with a TRUNCATE: PostgreSQL chose us
            raise psycopg.Rollback from None
        items = calls.read_items(conn)
        names: dict[UUID, str] = dict(conn.execute("SELECT id, name FROM tags").fetchall())
        now = replace(gallery, items=items, tags=gallery.tags | names)
        strategies = [None, random.choice(STRATEGIES)]
        ((missing,),) = conn.execute(INDEX_LACKS).fetchall()
        tally[f"snapshots: {missing or 'the index is in use'}"] += 1
        if missing is None:
            strategies.append("bitmap")
        for _ in range(3):
            wanted, sort = random_filter(random, now), random.choice(SORTS)
            expected = keys_of(ordered(items, wanted, sort))
            for strategy in strategies:
                if lacks_seeds(wanted, strategy):
                    continue  # refused, and a failed statement would end the snapshot
                tally[strategy or "planner"] += 1
                check_walk(conn, wanted, sort, 1 + len(expected) // 3, expected, strategy=strategy)
            given = calls.arguments(wanted)
            assert calls.value_of(conn, "gallery_count", **given) == len(expected)
            limit = random.choice((1, 5, 100))
            counted = calls.rows_of(conn, "gallery_facets", **given, facet_limit=limit)
            assert counted == facets(items, wanted, now.tags, limit)
        if random.random() < 0.2:
            found = calls.rows_of(conn, "gallery_verify")
            assert found == [], found


# --- all of them at once ---

Job = Callable[[Connection], object]


class Soak:
    """A database under stress, in rounds."""

    def __init__(self, url: str, plan: Plan, kill: Callable[[], None]):
        """`url`: migrated, with small blocks; `kill` kills its server and starts it again."""
        self.url = url
        self.plan = plan
        self.kill = kill
        self.random = Random(plan.seed)
        self.gallery = random_gallery(self.random, 0)
        self.tally: Counter[str] = Counter()  # what was done, and how often
        with self.connect() as conn:
            calls.store(conn, self.gallery)
            conn.execute(LEDGER)
            conn.execute(
                calls.query(
                    f"""SELECT gallery_configure('{{"dirty_limit": {plan.dirty_limit}}}')"""
                )
            )
            self.writers = [
                Writer(conn, number, self.fresh_random(), self.gallery, plan)
                for number in range(plan.writers)
            ]

    def connect(self) -> Connection:
        return psycopg.connect(self.url, autocommit=True)

    def fresh_random(self) -> Random:
        return Random(self.random.getrandbits(64))

    def run(self) -> None:
        """Rounds until the time is over, two at the least."""
        end = monotonic() + self.plan.seconds
        for number in count():
            if number >= 2 and monotonic() >= end:
                break
            self.run_round(killed=self.plan.kills and number % 3 != 2)
            self.check()

    def run_round(self, *, killed: bool) -> None:
        """All at work for a while; the first failure ends it, and is raised."""
        done = Event()
        refreshes = self.refresh_interrupted if self.plan.interrupts else refresh
        jobs: list[Job] = [
            *(partial(self.write, writer=writer) for writer in self.writers),
            *(partial(refreshes, random=self.fresh_random()) for _ in range(self.plan.refreshers)),
            *(partial(self.compare, random=self.fresh_random()) for _ in range(self.plan.readers)),
        ]
        if self.plan.interrupts:
            jobs.append(partial(interrupt, random=self.fresh_random()))
        connections = [self.connect() for _ in jobs]
        for conn in connections[len(self.writers) :][: self.plan.refreshers]:
            be_first_to_look_for_deadlocks(conn)
        with ThreadPoolExecutor(len(jobs)) as pool:
            workers = [
                pool.submit(self.work, job, conn, done, killed)
                for job, conn in zip(jobs, connections, strict=True)
            ]
            try:
                failed = done.wait(self.random.uniform(0.3, 1) * self.plan.round_seconds)
                if killed and not failed:
                    self.kill()
            finally:
                done.set()
        for worker in workers:
            worker.result()

    def work(self, job: Job, conn: Connection, done: Event, killed: bool) -> None:
        """Do a job again and again; a lost connection ends it, and is a failure unless expected."""
        with conn:
            try:
                while not done.wait(PAUSE):
                    job(conn)
            except BaseException:
                if not (killed and conn.broken):
                    done.set()
                    raise

    def compare(self, conn: Connection, random: Random) -> None:
        compare(conn, random, self.gallery, self.tally)

    def refresh_interrupted(self, conn: Connection, random: Random) -> None:
        """Refresh or rebuild on a connection of its own; where it is ended, compare at once."""
        with self.connect() as own:
            try:
                refresh(own, random, rebuilds=0.2)
            except (psycopg.errors.QueryCanceled, psycopg.errors.AdminShutdown) as end:
                self.tally[type(end).__name__] += 1
                self.compare(conn, random)

    @staticmethod
    def write(conn: Connection, writer: Writer) -> None:
        writer.conn = conn
        writer.make_some()

    def check(self) -> None:
        """What was committed is there, and what is derived from it agrees with it."""
        with self.connect() as conn:
            for writer in self.writers:
                writer.settle(conn)
            owned = [item for writer in self.writers for item in writer.after.items.values()]
            stored = calls.read_items(conn)
            assert sorted(map(contents, stored)) == sorted(map(contents, owned))
            check_derived(conn)


def be_first_to_look_for_deadlocks(conn: Connection) -> None:
    """PostgreSQL ends whoever is the first to look: a writer would hide what befalls a refresh."""
    if conn.info.parameter_status("is_superuser") == "on":
        conn.execute("SET deadlock_timeout = '20ms'")


def contents(item: Item) -> tuple[str, list[UUID]]:
    """All that an item is, to be compared: the same moment may be written in several ways."""
    same = replace(item, created_at=Moment(item.created_at.micros, ""), tags=frozenset())
    return repr(same), sorted(item.tags)
