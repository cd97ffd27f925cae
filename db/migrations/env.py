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
from functools import partial
from logging.config import fileConfig
from typing import Any, Literal, TypeAlias

import psycopg
from alembic import context
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from pg_gallery import migrate, models
from pg_gallery._executors import libpq_url
from pg_gallery.repeatables import (
    MigrationError,
    is_migrating,
    revisions_reached,
    run_sql,
    sync_functions,
)

config = context.config
log = logging.getLogger("pg_gallery.migrations")

VERSION_TABLE = "pg_gallery_version"
# Two upgraders of one database take turns on this advisory lock.
TURN = int.from_bytes(b"pg_galle", "big")

Scope: TypeAlias = Literal["session", "local"]
"""How long settings last: for the session, or for the transaction."""


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
    return libpq_url(url)


def quoted(value: str, quote: str) -> str:
    return quote + value.replace(quote, quote * 2) + quote


def set_lock_timeout(scope: Scope) -> str:
    return f"set {scope} lock_timeout = {quoted(option('lock_timeout') or '10s', quote=chr(39))};"


def set_search_path(scope: Scope, schema: str) -> str:
    return f"set {scope} search_path = {quoted(schema, quote=chr(34))}, pg_temp;"


def take_turn(connection: Connection, scope: Scope) -> None:
    """Wait until no other upgrader is at work; the turn ends with the session or transaction."""
    kind = "xact_" if scope == "local" else ""
    if not connection.scalar(text(f"select pg_try_advisory_{kind}lock({TURN})")):
        log.info("Another migration of this database is running; waiting for its end")
        connection.execute(text(f"select pg_advisory_{kind}lock({TURN})"))


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


def prepare(connection: Connection, scope: Scope) -> None:
    raw = {"no_parameters": True}
    take_turn(connection, scope)
    connection.exec_driver_sql(set_lock_timeout(scope), execution_options=raw)
    path = set_search_path(scope, chosen_schema(connection))
    connection.exec_driver_sql(path, execution_options=raw)


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
    configure(dialect_name="postgresql", literal_binds=True)
    with context.begin_transaction():
        run_sql(f"select pg_advisory_xact_lock({TURN});")
        run_sql(set_lock_timeout("local"))
        run_sql(set_search_path("local", option("schema") or "public"))
        finish()


def migrate_own_connection() -> None:
    """Settings and turn belong to the session, and so outlast revisions that commit as they go."""
    connect = partial(psycopg.connect, database_url())
    engine = create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool)
    with engine.connect() as connection:
        prepare(connection, "session")
        connection.commit()
        configure(connection=connection)
        with context.begin_transaction():
            finish()


def migrate_given_connection(connection: Connection) -> None:
    """Settings and turn end with the transaction: the caller's, or else Alembic's."""
    configure(connection=connection)
    with context.begin_transaction():
        prepare(connection, "local")
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
    migrate_given_connection(given)
else:
    migrate_own_connection()
