"""Alembic's environment of pg_gallery: connects, takes its turn, runs revisions, syncs functions.

The database is, first of: a connection or a URL in ``config.attributes`` (from pg_gallery.migrate),
``-x url=...``, PG_GALLERY_URL, DATABASE_URL, sqlalchemy.url in alembic.ini. URLs are those of
libpq; one of SQLAlchemy's, with a driver in it, will do too.

``-x schema=...`` (attribute ``schema``) chooses where the tables and public functions stand;
without it that is where they stand already, else ``public``. ``-x lock_timeout=...`` (10s) bounds
how long any statement waits for a lock.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Set
from functools import partial
from logging.config import fileConfig
from typing import Any

from alembic import context
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from pg_gallery import _connecting as connecting
from pg_gallery import migrate, models
from pg_gallery.errors import sqlstate_of
from pg_gallery.repeatables import (
    FUNCTIONS_PATH,
    MigrationError,
    is_migrating,
    refuse_creators,
    revisions_reached,
    run_sql,
    sync_functions,
)

config = context.config
log = logging.getLogger("pg_gallery.migrations")

VERSION_TABLE = "pg_gallery_version"

# As Alembic would make it, which finds it made.
CREATE_VERSION_TABLE = f"""\
create table if not exists {VERSION_TABLE} (
    version_num varchar(32) not null,
    constraint {VERSION_TABLE}_pkc primary key (version_num)
);"""
LOCK_VERSION_TABLE = f"lock table {VERSION_TABLE} in share row exclusive mode"

# The SQLSTATEs of what a migration that goes before may do to one that begins.
MADE_BY_ANOTHER = frozenset({"23505", "42P07"})
LOCKED_BY_ANOTHER = "55P03"
DROPPED_BY_ANOTHER = "42P01"


def option(name: str) -> Any:
    """What pg_gallery.migrate gave, else what stands on Alembic's command line as -x name=..."""
    given = config.attributes.get(name)
    return given if given is not None else context.get_x_argument(as_dictionary=True).get(name)


def database_url() -> str:
    url = (
        option("url")
        or os.environ.get("PG_GALLERY_URL")
        or os.environ.get("DATABASE_URL")
        or config.get_main_option("sqlalchemy.url")
    )
    if not url:
        raise MigrationError(
            "No database is named.",
            hint="Give its URL with -x url=postgresql://... or in PG_GALLERY_URL.",
        )
    return connecting.libpq_url(url)


def quoted(value: str, quote: str) -> str:
    return quote + value.replace(quote, quote * 2) + quote


def set_lock_timeout(value: str | None = None) -> str:
    return f"set local lock_timeout = {quoted(value or '10s', quote=chr(39))};"


def set_search_path(schema: str) -> str:
    return f"set local search_path = {quoted(schema, quote=chr(34))}, pg_temp;"


def take_turn(connection: Connection) -> None:
    """Wait, however long, until no other migration is at work; the turn ends with the transaction.

    What is waited for is a lock of the version table: only who may write it can take that.
    """
    run_sql(set_lock_timeout("0"))
    while True:
        if connection.scalar(text(f"select to_regclass('{VERSION_TABLE}') is null")):
            attempt(connection, CREATE_VERSION_TABLE, forgiven=MADE_BY_ANOTHER)
        failure = attempt(
            connection,
            f"{LOCK_VERSION_TABLE} nowait;",
            forgiven={LOCKED_BY_ANOTHER, DROPPED_BY_ANOTHER},
        )
        if failure == LOCKED_BY_ANOTHER:
            log.info("Another migration of this database is running; waiting for its end")
            failure = attempt(connection, f"{LOCK_VERSION_TABLE};", forgiven={DROPPED_BY_ANOTHER})
        if failure is None:
            return


def attempt(connection: Connection, statement: str, *, forgiven: Set[str]) -> str | None:
    """Run a statement, or none of it; the SQLSTATE of a failure that is forgiven."""
    try:
        with connection.begin_nested():
            run_sql(statement)
    except DBAPIError as error:
        failure = sqlstate_of(error)
        if failure not in forgiven:
            raise
        return failure
    return None


def chosen_schema(connection: Connection) -> str:
    """The schema asked for, else the one installed in, else public; an error where it can't be."""
    asked = option("schema")
    installed = None
    if connection.scalar(text("select to_regclass('gallery.installed') is not null")):
        installed = connection.scalar(text("select schema_name from gallery.installed"))
    if asked and installed and asked != installed:
        raise MigrationError(
            f'pg_gallery is installed in schema "{installed}" of this database, not in "{asked}".',
            hint="Name that schema or none; a second gallery needs a database of its own.",
        )
    schema = str(asked or installed or "public")
    if schema == "gallery":
        raise MigrationError(
            'The schema "gallery" is for what is private: the tables can\'t stand there.',
            hint="Choose another schema.",
        )
    if "\\" in schema:  # how a backslash in the text of a function is read is up to each session
        raise MigrationError(
            f'The schema "{schema}" has a backslash in its name: the tables can\'t stand there.',
            hint="Choose another schema.",
        )
    if not connection.scalar(
        text("select exists (select from pg_namespace where nspname = :schema)"), {"schema": schema}
    ):
        raise MigrationError(
            f'There is no schema "{schema}" in this database.',
            hint="Create it first: it is not pg_gallery's to own.",
        )
    return schema


# A migration that has waited for another must see what that has done.
READ_COMMITTED = "set transaction isolation level read committed;"


def prepare(connection: Connection) -> None:
    """Settings, a look at what is there, and the turn: all of it ends with the transaction."""
    pin_isolation()
    run_sql(f"set local search_path = {FUNCTIONS_PATH};")
    schema = chosen_schema(connection)
    refuse_creators(schema)
    run_sql(set_search_path(schema))
    if is_migrating():
        take_turn(connection)
    run_sql(set_lock_timeout(option("lock_timeout")))


def pin_isolation() -> None:
    try:
        run_sql(READ_COMMITTED)
    except DBAPIError as error:
        raise MigrationError(
            "The transaction that is open is not in the isolation level READ COMMITTED.",
            hint="Give a connection in that level, or one in no transaction.",
        ) from error


def configure(**how: Any) -> None:
    context.configure(
        version_table=VERSION_TABLE,
        target_metadata=models.metadata,
        include_name=migrate.include_name,
        include_object=migrate.include_object,
        compare_server_default=True,
        process_revision_directives=number_revision,
        **how,
    )


def number_revision(_context: Any, _revision: Any, directives: list[Any]) -> None:
    """A new revision gets the next number: they are made one after the other, in one line."""
    number = 1 + sum(1 for _ in context.script.walk_revisions())
    directives[0].rev_id = f"pg_gallery_{number:04}"


def migrate_offline() -> None:
    schema = str(option("schema") or "public")
    configure(dialect_name="postgresql", literal_binds=True)
    with context.begin_transaction():
        run_sql(READ_COMMITTED)
        refuse_creators(schema)
        run_sql(set_search_path(schema))
        if context.get_context().get_current_heads():  # else Alembic makes the table: a turn, too
            run_sql(set_lock_timeout("0"))
            run_sql(f"{LOCK_VERSION_TABLE};")
        run_sql(set_lock_timeout(option("lock_timeout")))
        finish()


def migrate_own_connection() -> None:
    connect = partial(connecting.connect, database_url(), autocommit=False)
    engine = create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool)
    with engine.connect() as connection:
        migrate_online(connection)


def migrate_online(connection: Connection) -> None:
    """In one transaction, the caller's or Alembic's: nothing is left to a pooled connection."""
    configure(connection=connection)
    with context.begin_transaction():
        prepare(connection)
        finish()


def finish() -> None:
    """Run the revisions and what follows them; an empty version table is not left behind."""
    context.run_migrations()
    sync_functions()
    if is_migrating() and not revisions_reached():
        run_sql(f"drop table {VERSION_TABLE};")


if config.config_file_name is not None:
    fileConfig(config.config_file_name, disable_existing_loggers=False)

if context.is_offline_mode():
    migrate_offline()
elif (given := config.attributes.get("connection")) is not None:
    migrate_online(given)
else:
    migrate_own_connection()
