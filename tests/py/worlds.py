"""The world that a gallery may find itself in: what a user of the database may set, add or change.

Nothing here changes what the tables say, and so nothing here may change an answer. What there is to
choose from is read from the catalogs: it is all that this version of PostgreSQL has, and all the
tables that we have.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple

import calls
from calls import Connection

# --- settings ---

# What the planner goes by: everything in these categories. But for jit, which takes a tenth of a
# second for each statement of each function: a test of its own has it on.
PLANNER_SETTINGS = """
    SELECT name, vartype, boot_val, min_val::float8, max_val::float8, enumvals
    FROM pg_settings
    WHERE context = 'user' AND category LIKE 'Query Tuning%' AND name <> 'jit' ORDER BY name
"""
LARGEST = 1e6  # a cost beyond it is no longer told apart from "switched off",
MOST = 100  # and so many generations of plans take seconds already

# How values are written and read, where names are looked up, and what the language is told.
OTHER_SETTINGS: Mapping[str, Sequence[str]] = {
    "array_nulls": ("on", "off"),
    "backslash_quote": ("on", "off", "safe_encoding"),
    "bytea_output": ("escape", "hex"),
    "check_function_bodies": ("on", "off"),
    "client_min_messages": ("error", "notice"),
    "datestyle": ("ISO, DMY", "SQL, DMY", "German", "Postgres, MDY"),
    "debug_parallel_query": ("on", "off"),
    "default_text_search_config": ("pg_catalog.simple", "pg_catalog.german"),
    "default_transaction_deferrable": ("on", "off"),
    "default_transaction_isolation": ("read committed", "repeatable read", "serializable"),
    "escape_string_warning": ("on", "off"),
    "extra_float_digits": ("-15", "0", "3"),
    "force_parallel_mode": ("on", "off"),
    "hash_mem_multiplier": ("1", "1000"),
    "intervalstyle": ("iso_8601", "sql_standard", "postgres_verbose"),
    "lc_messages": ("C",),
    "lc_monetary": ("C", "POSIX"),
    "lc_numeric": ("C", "POSIX"),
    "lc_time": ("C", "POSIX"),
    "max_parallel_workers_per_gather": ("0", "4"),
    "parallel_leader_participation": ("on", "off"),
    "plpgsql.extra_errors": ("none", "all"),
    "plpgsql.variable_conflict": ("error", "use_column", "use_variable"),
    "quote_all_identifiers": ("on", "off"),
    "row_security": ("on", "off"),
    "search_path": ('"$user", public', "public, pg_catalog", "pg_temp, public", "public, gallery"),
    "standard_conforming_strings": ("on", "off"),
    "synchronize_seqscans": ("on", "off"),
    "timezone": ("UTC", "Asia/Kathmandu", "America/St_Johns", "<+13>-13"),
    "transform_null_equals": ("on", "off"),
    "work_mem": ("64kB", "1GB"),
}


class PlannerSetting(NamedTuple):
    """A row of PLANNER_SETTINGS; what has no range has no ends of it."""

    name: str
    kind: str
    default: str
    least: float
    most: float
    choices: list[str] | None

    def random_value(self, random: Random) -> str:
        """An end of its range, its default, or something between."""
        if self.kind == "bool":
            return random.choice(("on", "off", "off"))
        if self.choices:
            return random.choice(self.choices)
        most = min(self.most, MOST if self.kind == "integer" else LARGEST)
        value = random.choice(
            (self.least, most, float(self.default), random.uniform(self.least, most))
        )
        return str(round(value) if self.kind == "integer" else value)


def random_settings(conn: Connection, random: Random) -> dict[str, str]:
    """Some settings of a session: one or two, a few or many, or all ways of a kind off."""
    eagerness = random.choice((0.02, 0.06, 0.3))
    kind = random.choice((None, "index", "scan", "sort", "join", "hash", "merge"))
    chosen = {}
    for setting in map(PlannerSetting._make, conn.execute(PLANNER_SETTINGS)):
        if kind and setting.kind == "bool" and kind in setting.name:
            chosen[setting.name] = "off"
        elif random.random() < eagerness:
            chosen[setting.name] = setting.random_value(random)
    known = {name for (name,) in conn.execute("SELECT lower(name) FROM pg_settings")}
    for name, values in OTHER_SETTINGS.items():
        if name in known and random.random() < eagerness:
            chosen[name] = random.choice(values)
    return chosen | {"jit": "off"}


# --- what a user adds: indexes, columns, triggers, publications, statistics ---

CONTENT_TABLES = (
    "content_items_all",
    "content_items",
    "content_items_auto",
    "content_tags",
    "tags",
    "users",
    "tag_cardinality_stats",
)
INDEXABLE = """
    SELECT c.oid::regclass::text, a.attname::text, format_type(a.atttypid, null)
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p')
      AND (c.relname = ANY (%s) OR c.relnamespace = 'gallery'::regnamespace)
      AND format_type(a.atttypid, null) IN ('bigint', 'integer', 'smallint', 'uuid', 'text',
          'timestamp with time zone', 'double precision', 'boolean')
    ORDER BY 1, a.attnum
"""
LIKELY = "content_tags", "content_items_all", "gallery.bitmap_slot", "gallery.bitmap_container"
COLLATIONS = ('"C"', '"POSIX"', '"default"', "ucs_basic")


# What people add who look items and tags up in ways of their own.
POPULAR_TAG_INDEXES = (
    "CREATE INDEX ON content_tags (tag_id)",
    "CREATE INDEX ON content_tags (tag_id, content_id DESC)",
    "CREATE INDEX ON content_tags (tag_id, content_source) INCLUDE (content_id)",
    "CREATE INDEX ON content_tags (content_source, tag_id, content_id DESC)",
    "CREATE INDEX ON content_tags USING hash (tag_id)",
)
POPULAR_INDEXES = (
    *POPULAR_TAG_INDEXES,
    "CREATE INDEX ON content_items_all (is_private, created_at DESC)",
    "CREATE INDEX ON content_items_all (quality_score DESC NULLS LAST)",
    "CREATE INDEX ON content_items_all (created_at) WHERE NOT is_private",
)


def random_index(conn: Connection, random: Random) -> str:
    """The statement that makes an index of the user's own, on a table of theirs or of ours."""
    if random.random() < 0.4:
        return random.choice(POPULAR_INDEXES)
    columns: dict[str, list[tuple[str, str]]] = {}
    for table, column, kind in conn.execute(INDEXABLE, (list(CONTENT_TABLES),)):
        columns.setdefault(table, []).append((column, kind))
    likely = [table for table in LIKELY if table in columns]
    table = random.choice(likely if random.random() < 0.6 else list(columns))
    if random.random() < 0.15:
        column, _ = random.choice(columns[table])
        return f"CREATE INDEX ON {table} USING hash ({column}){partial(random, column)}"
    some = random.sample(columns[table], min(random.randint(1, 3), len(columns[table])))
    if random.random() < 0.15:
        ranges = [column for column, kind in some if kind != "boolean"]  # it has no ranges
        if ranges:
            return f"CREATE INDEX ON {table} USING brin ({', '.join(ranges)})"
    keys = ", ".join(index_key(random, column, kind) for column, kind in some)
    others = [column for column, _ in columns[table] if column not in dict(some)]
    covered = f" INCLUDE ({random.choice(others)})" if others and random.random() < 0.3 else ""
    return f"CREATE INDEX ON {table} ({keys}){covered}{partial(random, some[0][0])}"


def index_key(random: Random, column: str, kind: str) -> str:
    """A column, or an expression of it, in an order."""
    key = f"({column} IS NULL)" if random.random() < 0.1 else column
    if key == column and kind == "text" and random.random() < 0.5:
        key += f" COLLATE {random.choice(COLLATIONS)}"
    return f"{key} {random.choice(('', 'DESC', 'ASC NULLS FIRST', 'DESC NULLS LAST'))}"


def partial(random: Random, column: str) -> str:
    if random.random() < 0.75:
        return ""
    return f" WHERE {column} IS {random.choice(('', 'NOT '))}NULL"


# The names that our functions give to their arguments and variables, and words of their language.
NAMES_OF_OURS = """
    SELECT DISTINCT name FROM (
        SELECT unnest(p.proargnames) FROM pg_proc p WHERE p.pronamespace = 'gallery'::regnamespace
        UNION SELECT unnest(p.proargnames) FROM pg_proc p WHERE starts_with(p.proname, 'gallery_')
        UNION SELECT (regexp_matches(p.prosrc, '\\m([a-z]|[vc]_[a-z_]+)\\M', 'g'))[1]
        FROM pg_proc p WHERE p.pronamespace = 'gallery'::regnamespace
        UNION VALUES ('select'), ('tag_ids'), ('places'), ('A column')
    ) n (name)
    WHERE name <> ''
      AND name <> ALL (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = %s::regclass)
    ORDER BY name
"""


EXTENSIBLE = ("content_items_all", "content_tags", "tags", "users")


def confusing_names(conn: Connection, table: str) -> list[str]:
    """What a column of a table might be called as well: as something in our functions is."""
    return [name for (name,) in conn.execute(NAMES_OF_OURS, (table,))]


def confusing_columns(conn: Connection, kind: str) -> list[str]:
    """The statements that add columns of a type with all confusing names to all tables."""
    return [
        f"ALTER TABLE {table} "
        + ", ".join(f'ADD COLUMN "{name}" {kind}' for name in confusing_names(conn, table))
        for table in EXTENSIBLE
    ]


def random_column(conn: Connection, random: Random) -> str:
    """The statement that adds a column with a confusing name."""
    table = random.choice(EXTENSIBLE)
    kind = random.choice(
        (
            "text",
            "text DEFAULT 'x'",
            "uuid DEFAULT gen_random_uuid()",
            "bigint[]",
            "int NOT NULL DEFAULT 0",
        )
    )
    return f'ALTER TABLE {table} ADD COLUMN "{random.choice(confusing_names(conn, table))}" {kind}'


def random_statistics(random: Random) -> str:
    """A statement by which the planner learns something, true or false, or forgets it."""
    table = random.choice(("content_items", "content_items_auto", "content_tags", "tags"))
    column = {"content_tags": "tag_id", "tags": "id"}.get(table, "created_at")
    return random.choice(
        (
            f"ANALYZE {table}",
            f"VACUUM {table}",
            "ANALYZE",
            "VACUUM ANALYZE",
            f"ALTER TABLE {table} ALTER {column} SET STATISTICS {random.choice((0, 1, 10000))}",
            f"ALTER TABLE {table} ALTER {column} SET (n_distinct = {random.choice((1, 1e9, -1))})",
            f"ALTER TABLE {table} SET (parallel_workers = {random.choice((0, 4))})",
            f"DELETE FROM pg_statistic WHERE starelid = '{table}'::regclass",
            f"UPDATE pg_class SET reltuples = {random.choice((-1, 0, 1, 1e5))}"
            f" WHERE oid = '{table}'::regclass",
        )
    )


PUBLICATIONS = (
    "FOR ALL TABLES",
    "FOR TABLE content_items_all, content_tags, tags WITH (publish_via_partition_root)",
    "FOR TABLE content_items, content_items_auto, content_tags, tags, users",
    "FOR TABLES IN SCHEMA public, gallery",
)


def random_publication(random: Random) -> str:
    """The statement that publishes tables, theirs and ours; nobody need subscribe."""
    return f"CREATE PUBLICATION own_publication {random.choice(PUBLICATIONS)}"


# A user's own triggers: what they do is done to the tables, and so is part of the truth.
MARK = "marked by a trigger"  # the tag that a trigger gives, if there is one of that name
TRIGGER_FUNCTIONS = f"""
    CREATE SCHEMA IF NOT EXISTS own;
    CREATE TABLE IF NOT EXISTS own.seen (what text, number bigint);
    CREATE OR REPLACE FUNCTION own.touch() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN NEW.updated_at := now(); RETURN NEW; END $$;
    CREATE OR REPLACE FUNCTION own.hide() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN NEW.is_private := NEW.id % 5 = 0; RETURN NEW; END $$;
    CREATE OR REPLACE FUNCTION own.rate() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN NEW.quality_score := NEW.id % 7; RETURN NEW; END $$;
    CREATE OR REPLACE FUNCTION own.mark() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO public.content_tags (content_id, content_source, tag_id)
        SELECT NEW.id, NEW.source_type, t.id FROM public.tags t WHERE t.name = '{MARK}'
        ON CONFLICT DO NOTHING;
        RETURN NULL; END $$;
    CREATE OR REPLACE FUNCTION own.look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO own.seen SELECT TG_NAME, count(*) FROM public.content_items_all;
        RETURN NULL; END $$;
"""
TRIGGERS = (
    "touch BEFORE UPDATE ON content_items_all FOR EACH ROW EXECUTE FUNCTION own.touch()",
    "touch BEFORE UPDATE ON tags FOR EACH ROW EXECUTE FUNCTION own.touch()",
    "hide BEFORE INSERT ON content_items_all FOR EACH ROW EXECUTE FUNCTION own.hide()",
    "rate BEFORE INSERT OR UPDATE ON content_items_auto FOR EACH ROW EXECUTE FUNCTION own.rate()",
    "mark AFTER UPDATE ON content_items_all FOR EACH ROW EXECUTE FUNCTION own.mark()",
    "zz_mark AFTER UPDATE ON content_items FOR EACH ROW EXECUTE FUNCTION own.mark()",
    "look AFTER INSERT OR DELETE ON content_tags FOR EACH STATEMENT EXECUTE FUNCTION own.look()",
    "zz_look AFTER UPDATE ON content_items_all FOR EACH STATEMENT EXECUTE FUNCTION own.look()",
)


def random_trigger(random: Random) -> str:
    """The statement that makes a trigger of the user's own, of TRIGGER_FUNCTIONS."""
    return f"CREATE OR REPLACE TRIGGER {random.choice(TRIGGERS)}"


class World:
    """What a user has made of a database; `leave` takes it away again."""

    def __init__(self, conn: Connection, random: Random):
        self.conn = conn
        self.random = random
        self.farewell: list[str] = []

    def arise(self) -> None:
        """Some of everything."""
        self.run(TRIGGER_FUNCTIONS)
        self.farewell.append("DROP SCHEMA own CASCADE")
        for _ in range(self.random.randint(0, 4)):
            name = f"own_index_{len(self.farewell)}"
            self.run(random_index(self.conn, self.random).replace("INDEX", f"INDEX {name}", 1))
            self.farewell.append(f"DROP INDEX IF EXISTS {name}, gallery.{name}")
        for _ in range(self.random.randint(0, 2)):
            added = random_column(self.conn, self.random)
            self.run(added)
            self.farewell.append(re.sub(r'ADD (COLUMN ".*?").*', r"DROP \1", added))
        for _ in range(self.random.randint(0, 2)):
            self.run(random_trigger(self.random))
        if self.random.random() < 0.3:
            self.run(random_publication(self.random))
            self.farewell.append("DROP PUBLICATION own_publication")

    def age(self) -> None:
        """Now and then the planner comes to think otherwise of the data."""
        if self.random.random() < 0.5:
            self.run(random_statistics(self.random))

    def leave(self) -> None:
        for statement in self.farewell:
            self.run(statement)

    def run(self, statement: str) -> None:
        self.conn.execute(calls.query(statement))
