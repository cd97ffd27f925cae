r"""Whatever a session sets for strings, dates, numbers and names: the same answers.

PL/pgSQL parses the statements of a function in the session that calls it, under that session's
settings: with standard_conforming_strings off, '\s' there is the letter s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import example, given
from psycopg.types.json import Jsonb

import calls
from calls import Connection
from galleries import Gallery, examples, random_filter, random_gallery, seeds
from index_states import rebuilt
from oracle import SORTS, Filter, Item, facets, moment, ordered
from pg_gallery import migrate
from walks import keys_of

DB = Path(__file__).parents[2] / "db"

# What a session, a role or a database may have set, but for what only says how statements are run.
SETTINGS = {
    "standard_conforming_strings": ("off", "on"),
    "backslash_quote": ("off", "on", "safe_encoding"),
    "escape_string_warning": ("off", "on"),
    "array_nulls": ("off", "on"),
    "transform_null_equals": ("on", "off"),
    "quote_all_identifiers": ("on", "off"),
    "DateStyle": ("German", "SQL, DMY", "Postgres, YMD", "ISO, MDY"),
    "IntervalStyle": ("sql_standard", "iso_8601", "postgres_verbose", "postgres"),
    "TimeZone": ("America/St_Johns", "Pacific/Apia", "<-07:30>+07:30", "Asia/Kathmandu", "UTC"),
    "timezone_abbreviations": ("Australia", "India", "Default"),
    "extra_float_digits": ("-15", "0", "3", "1"),
    "bytea_output": ("escape", "hex"),
    "xmlbinary": ("hex", "base64"),
    "xmloption": ("document", "content"),
    "lc_messages": ("C", "POSIX"),
    "lc_monetary": ("POSIX", "C"),
    "lc_numeric": ("POSIX", "C"),
    "lc_time": ("POSIX", "C"),
    "client_encoding": ("LATIN1", "UTF8"),
    "default_text_search_config": ("pg_catalog.german", "pg_catalog.simple"),
    "plpgsql.extra_errors": ("all", "none"),
    "plpgsql.extra_warnings": ("all", "none"),
    "plpgsql.variable_conflict": ("use_column", "use_variable", "error"),
    "plpgsql.check_asserts": ("off", "on"),
    "check_function_bodies": ("off", "on"),
    "default_transaction_isolation": ("serializable", "repeatable read", "read committed"),
    "default_transaction_deferrable": ("on", "off"),
    "row_security": ("off", "on"),
    "synchronize_seqscans": ("off", "on"),
    "client_min_messages": ("debug1", "error", "notice"),
    "session_replication_role": ("local", "origin"),
}
NAMES = ("q%x", "qyx", "back\\slash", "it's", 'a "quoted" name', "NULL", "{a,b}", "1 day")


@pytest.fixture(scope="module")
def database_url(module_database_url: str) -> str:
    """One database for the whole file."""
    return module_database_url


def named_gallery(random: Random, size: int) -> Gallery:
    """A random gallery, some of whose tags have awkward names."""
    gallery = random_gallery(random, size)
    gallery.tags.update(zip(list(gallery.tags)[: len(NAMES)], NAMES, strict=True))
    return gallery


def draw(random: Random, conn: Connection) -> dict[str, str]:
    """Sets about half of the settings, each to any of its values."""
    drawn = {
        name: random.choice(values) for name, values in SETTINGS.items() if random.random() < 0.5
    }
    for name, value in drawn.items():
        conn.execute("SELECT set_config(%s, %s, false)", (name, value))
    return drawn


def sayable_filter(random: Random, gallery: Gallery) -> Filter:
    """A random filter that every encoding of a client here has the letters for."""
    while True:
        wanted = random_filter(random, gallery)
        if (wanted.search or "").isascii():
            return wanted


def check_pages(conn: Connection, random: Random, items: list[Item], wanted: Filter) -> None:
    """Every page and cursor to the end and back, under settings that change from page to page."""
    sort, page_size = random.choice(SORTS), random.randrange(1, 30)
    order = {"sort_field": sort.field, "sort_order": sort.order}
    expected = keys_of(ordered(items, wanted, sort))
    starts = list(range(0, len(expected), page_size)) or [0]

    def turn_to(cursor: str | None, start: int) -> calls.Page:
        drawn = draw(random, conn)
        turned = calls.page(conn, wanted, sort, page_size=page_size, cursor=cursor)
        where = f"rank {start}, {page_size} a page, {wanted}, {sort}, {drawn}"
        assert turned.keys == expected[start : start + page_size], where
        assert (turned.next_cursor is None) == (start == starts[-1]), where
        assert (turned.prev_cursor is None) == (start == 0), where
        return turned

    turned = turn_to(None, 0)
    for start in starts[1:]:
        jump = calls.arguments(wanted, **order, rank=start)
        assert calls.value_of(conn, "gallery_cursor_at", **jump) == turned.next_cursor
        turned = turn_to(turned.next_cursor, start)
    for start in reversed(starts[:-1]):
        turned = turn_to(turned.prev_cursor, start)


@pytest.fixture
def plain(database_url: str) -> Iterator[Connection]:
    """A session that has set nothing."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


OTHER_CALLS = (
    "SELECT * FROM gallery_tags(name_prefix => 'q%')",
    "SELECT * FROM gallery_tags(name_prefix => E'back\\\\')",
    "SELECT * FROM gallery_tags(sort => 'name', page_size => 3)",
    "SELECT * FROM gallery_tags(source_types => '{auto}', min_count => 2, max_count => 40)",
    "SELECT gallery_tag_ids(array['q%x', E'back\\\\slash', 'it''s', 'NULL'])",
    "SELECT name, value FROM gallery_settings()",
    "SELECT gallery_configure('{}')",
    "SELECT gallery_version()",
    "SELECT check_name, status FROM gallery_health()",
    "SELECT * FROM gallery_verify()",
)


def answers(conn: Connection, wanted: Filter) -> list[Any]:
    """What the other functions answer, but for estimates: autovacuum may change these meanwhile."""
    ((_, k, rarest_count, *_),) = calls.rows_of(
        conn, "gallery_pick_strategy", **calls.arguments(wanted)
    )
    explained = calls.value_of(conn, "gallery_explain", **calls.arguments(wanted))
    unable = {each["strategy"]: each.get("unable") for each in explained["estimates"]}
    others = [conn.execute(query.encode()).fetchall() for query in OTHER_CALLS]
    return [k, rarest_count, explained["k"], unable, *others]


@given(seeds())
@examples(8)
@example(seed=1)
def test_settings_of_a_session_change_no_answer(
    conn: Connection, plain: Connection, seed: int
) -> None:
    """Each example has a session of its own: there, each function first meets odd settings."""
    random = Random(seed)
    gallery = named_gallery(random, random.randrange(1, 120))
    rebuilt(plain, random, gallery)
    items = calls.read_items(plain)
    with psycopg.connect(conn.info.dsn, autocommit=True) as odd:
        for _ in range(4):
            drawn = draw(random, odd)
            wanted = sayable_filter(random, gallery)
            given = calls.arguments(wanted)
            count = len(ordered(items, wanted, SORTS[0]))
            assert calls.value_of(odd, "gallery_count", **given) == count, (wanted, drawn)
            found = [tuple(row) for row in calls.rows_of(odd, "gallery_facets", **given)]
            assert found == facets(items, wanted, gallery.tags, 20), (wanted, drawn)
            assert answers(odd, wanted) == answers(plain, wanted), (wanted, drawn)
            check_pages(odd, random, items, wanted)


@given(seeds())
@examples(4)
def test_settings_of_a_session_change_nothing_that_it_writes(
    conn: Connection, plain: Connection, seed: int
) -> None:
    random = Random(seed)
    gallery = named_gallery(random, 60)
    calls.store(plain, gallery)
    with psycopg.connect(conn.info.dsn, autocommit=True) as odd:
        drawn = draw(random, odd)
        odd.execute("CALL gallery_rebuild()")
        odd.execute("SELECT gallery_configure(%s)", (Jsonb({"telemetry.sample_rate": 0.25}),))
        for item in random.sample(gallery.items, 9):
            odd.execute(
                "UPDATE content_items_all SET created_at = created_at - interval '1 day',"
                " is_private = NOT is_private WHERE (id, source_type) = (%s, %s)",
                item.key,
            )
        odd.execute("DELETE FROM content_items_all WHERE id % 7 = 0")
        odd.execute("UPDATE tags SET name = name || E'%\\\\' WHERE name LIKE 'q%'")
        odd.execute("CALL gallery_refresh()")
    assert plain.execute("SELECT * FROM gallery_verify()").fetchall() == [], drawn
    items = calls.read_items(plain)
    for _ in range(4):
        wanted, sort = random_filter(random, gallery), random.choice(SORTS)
        expected = keys_of(ordered(items, wanted, sort))
        assert calls.page(plain, wanted, sort, page_size=500).keys == expected, (wanted, drawn)


def test_words_and_prefixes_mean_the_same_to_legacy_clients(conn: Connection) -> None:
    titles = ("glass house", "a%b", "axb")
    items = [Item(n, "items", moment(n), title=title) for n, title in enumerate(titles)]
    tags = {UUID(int=1): "q%x", UUID(int=2): "qyx"}
    calls.store(conn, Gallery(items, tags, []))
    calls.insert_tags(conn, [((0, "items"), tag) for tag in tags])
    conn.execute("CALL gallery_refresh()")
    with psycopg.connect(conn.info.dsn, autocommit=True) as legacy:
        legacy.execute("SET standard_conforming_strings = off")
        assert calls.page(legacy, Filter(search="glass house")).keys == [(0, "items")]
        assert calls.page(legacy, Filter(search="a%b")).keys == [(1, "items")]
        names = legacy.execute("SELECT name FROM gallery_tags(name_prefix => 'q%')").fetchall()
        assert names == [("q%x",)]


# What a user may have set for a database or a role; the driver's own settings aside.
MIGRATED_UNDER = {
    name: values[0]
    for name, values in SETTINGS.items()
    if name not in ("client_encoding", "client_min_messages", "session_replication_role")
}

OUR_FUNCTIONS = """
SELECT oid::regprocedure::text, pg_get_functiondef(oid) FROM pg_proc
WHERE prokind <> 'a' AND (pronamespace = 'gallery'::regnamespace
                          OR pronamespace = 'public'::regnamespace AND proname LIKE 'gallery\\_%')
ORDER BY 1
"""


def functions(url: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute(OUR_FUNCTIONS).fetchall()


def test_settings_of_a_database_change_nothing_that_is_installed_in_it(
    empty_url: str, database_url: str
) -> None:
    with psycopg.connect(empty_url, autocommit=True) as conn:
        for name, value in MIGRATED_UNDER.items():
            database = psycopg.sql.Identifier(conn.info.dbname)
            statement = psycopg.sql.SQL("ALTER DATABASE {} SET {} = {}")
            setting = psycopg.sql.SQL(name)
            conn.execute(statement.format(database, setting, psycopg.sql.Literal(value)))
    migrate.upgrade(empty_url)
    with psycopg.connect(empty_url, autocommit=True) as conn:
        for name in MIGRATED_UNDER:
            conn.execute(calls.query(f"ALTER DATABASE {conn.info.dbname} RESET {name}"))
    assert functions(empty_url) == functions(database_url)


def test_a_schema_with_a_backslash_in_its_name_is_refused(empty_url: str) -> None:
    with psycopg.connect(empty_url, autocommit=True) as conn:
        conn.execute('CREATE SCHEMA "back\\slash"')
    with pytest.raises(migrate.MigrationError, match="backslash"):
        migrate.upgrade(empty_url, schema="back\\slash")


@pytest.mark.parametrize("schema", ["it's", 'say "hi"', "100%", "%I $1 {} $$", "Grüße"])
def test_a_schema_may_have_any_name(empty_url: str, schema: str) -> None:
    with psycopg.connect(empty_url, autocommit=True) as conn:
        name = psycopg.sql.Identifier(schema)
        conn.execute(psycopg.sql.SQL("CREATE SCHEMA {}").format(name))
        migrate.upgrade(empty_url, schema=schema)
        conn.execute(psycopg.sql.SQL("SET search_path = {}").format(name))
        calls.store(conn, random_gallery(Random(5), 30))
        conn.execute("CALL gallery_rebuild()")
        conn.execute("SET search_path = pg_catalog")
        for query in (*OTHER_CALLS, "SELECT * FROM gallery_page()", "SELECT gallery_explain()"):
            called = query.replace("gallery_", f"{name.as_string(conn)}.gallery_")
            if "gallery_tag_ids" not in query:
                conn.execute(called.encode())
        health = f"SELECT * FROM {name.as_string(conn)}.gallery_health() WHERE status <> 'ok'"
        assert conn.execute(health.encode()).fetchall() == []
    migrate.downgrade(empty_url, "base")


# --- the source ---

# What a scan over SQL meets: comments, and what is quoted in one way or another. The bodies of
# functions, being SQL again, are read on; texts that people read are passed over.
TOKEN = re.compile(
    r"""--[^\n]* | /\*.*?\*/ | "(?:[^"]|"")*"
      | \$(?:comment)\$.*?\$comment\$
      | (?P<escaped>\b[eE]'(?:[^'\\]|''|\\.)*')
      | (?P<plain>'(?:[^']|'')*')""",
    re.VERBOSE | re.DOTALL,
)


def fickle_literals(sql: str) -> list[str]:
    """The literals whose meaning standard_conforming_strings decides."""
    return [
        found["plain"] for found in TOKEN.finditer(sql) if found["plain"] and "\\" in found["plain"]
    ]


def test_no_literal_in_a_file_of_functions_depends_on_how_backslashes_are_read() -> None:
    texts = {path.name: path.read_text("utf-8") for path in (DB / "functions").rglob("*.sql")}
    assert texts
    found = {name: literals for name, text in texts.items() if (literals := fickle_literals(text))}
    assert found == {}, r"write E'\\s' for '\s'"


def test_no_literal_of_an_installed_function_depends_on_how_backslashes_are_read(
    conn: Connection,
) -> None:
    rows = conn.execute(
        "SELECT oid::regprocedure::text, prosrc FROM pg_proc WHERE prosrc <> '' AND"
        " (pronamespace = 'gallery'::regnamespace"
        "  OR pronamespace = 'public'::regnamespace AND proname LIKE 'gallery\\_%')"
    ).fetchall()
    assert len(rows) > 100
    found = {name: literals for name, text in rows if (literals := fickle_literals(text))}
    assert found == {}


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        (r"select '\s', E'\\s', e'it''s \' here', '\'", [r"'\s'", r"'\'"]),
        (r"""-- it's '\s' \n select "a'\", /* '\' */ 'it''s'""", []),
        ("$function$ select '\\1' $function$", ["'\\1'"]),
        ("$comment$ %, \\ and the tag's '\\' $comment$ 'b'", []),
    ],
)
def test_literals_with_a_backslash_are_found(sql: str, found: list[str]) -> None:
    assert fickle_literals(sql.replace(r"\n", "\n")) == found


def test_what_stands_under_db_is_plain_ascii() -> None:
    """For a database may have an encoding that lacks any other letter."""
    files = [path for path in DB.rglob("*") if path.suffix in (".sql", ".py", ".mako")]
    assert len(files) > 50
    assert [path.name for path in files if not path.read_bytes().isascii()] == []
