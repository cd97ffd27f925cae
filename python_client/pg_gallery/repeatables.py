"""The functions of db/functions, as the migrations install and remove them.

Tables, triggers and indexes are made by revisions, once. Functions are repeatable: each stands in
one file, and all files are applied as a whole, in the order that the file ``order`` beside them
gives, whenever migrations have run to head and the files are not those that were applied last
(`sync_functions`, called by env.py). What was applied is recorded in ``gallery.installed``.

For the author of a revision there are `run_sql`, `apply_function_files` and `drop_functions`. Like
Alembic's ``op``, they act on the migration that is running, and in offline mode (``--sql``) write
what they would have done.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from hashlib import sha256

import psycopg
from alembic import context as environment
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError

from ._resources import FUNCTIONS, MIGRATIONS
from ._version import __version__
from .errors import GalleryError

log = logging.getLogger(__name__)

# Public objects stand beside the tables and are called gallery_…, so their names tell them apart
# there; everything in the schema gallery is ours.
_PUBLIC_NAME = re.compile(
    r"\b(?:function|procedure|aggregate|routine|type)\s+(?:if\s+exists\s+)?@schema@\.(gallery_\w+)",
    re.IGNORECASE,
)

# What the functions are created with, and keep as their own search_path: nothing is found by its
# name alone but what PostgreSQL brings, so nobody can put anything in the way of our functions.
FUNCTIONS_PATH = "pg_catalog, pg_temp"

_SETTINGS = (
    "search_path",
    "check_function_bodies",
    "standard_conforming_strings",
    "quote_all_identifiers",
)

_ENTER = "".join(
    f"select set_config('pg_gallery.{name}', current_setting('{name}'), true);\n"
    for name in _SETTINGS
) + (
    f"set local search_path = {FUNCTIONS_PATH};\n"
    "set local check_function_bodies = on;\n"
    "set local standard_conforming_strings = on;\n"
    "set local quote_all_identifiers = off;"
)

_LEAVE = "\n".join(
    f"select set_config('{name}', current_setting('pg_gallery.{name}'), true);"
    for name in _SETTINGS
)


_DEPENDENT_OBJECTS = "2BP01"


class MigrationError(GalleryError):
    """A migration that can't run: the message says why, the hint what to do."""

    @classmethod
    def from_database(cls, error: DBAPIError, where: str = "") -> MigrationError:
        """What the database said, without the statement that SQLAlchemy puts beside it."""
        original = error.orig
        if not isinstance(original, psycopg.Error):
            return cls(f"{where}{original}")
        if original.sqlstate == _DEPENDENT_OBJECTS:
            return cls(
                f"{where}{original.diag.message_primary}: {original.diag.message_detail}",
                sqlstate=original.sqlstate,
                hint="Nothing has changed. Drop what is not pg_gallery's own first,"
                " or make it depend on something else.",
                detail=original.diag.message_detail,
            )
        return cls(
            f"{where}{original.diag.message_primary or original}",
            sqlstate=original.sqlstate,
            hint=original.diag.message_hint,
            detail=original.diag.message_detail,
        )


def read_functions() -> dict[str, str]:
    """The files of db/functions: text by path, in the order in which they are applied.

    Raises:
        MigrationError: the file ``order`` does not name each of them once.
    """
    order = (FUNCTIONS / "order").read_text(encoding="utf-8").splitlines()
    names = [line for line in order if line and not line.startswith("#")]
    found = {path.relative_to(FUNCTIONS).as_posix() for path in FUNCTIONS.rglob("*.sql")}
    if sorted(names) != sorted(found):
        odd = ", ".join(sorted(found ^ set(names))) or "some files more than once"
        raise MigrationError(
            f"db/functions/order does not name every file once: {odd}",
            hint="Name a new file there, before whatever uses it when it is made; take out one that"
            " is gone.",
        )
    return {name: (FUNCTIONS / name).read_text(encoding="utf-8") for name in names}


def path_of(name: str) -> str:
    """The path of a file of db/functions by the name that a revision gives it.

    A revision never changes, and a file may move from folder to folder: so revisions give its name
    without the folder, and the oldest ones with a number that it had before.
    """
    plain = re.sub(r"^\d+_", "", name)
    (path,) = (path for path in read_functions() if path.rpartition("/")[2] == plain)
    return path


def public_names() -> list[str]:
    """The names of the public functions and types that the files make, or drop as outdated."""
    names = {name for text in read_functions().values() for name in _PUBLIC_NAME.findall(text)}
    return sorted(names)


def functions_hash() -> str:
    """SHA-256 over the paths and contents of all files of db/functions, in hexadecimal."""
    digest = sha256()
    for name, text in read_functions().items():
        digest.update(f"{name}\0{text}\0".encode())
    return digest.hexdigest()


def run_sql(sql: str) -> None:
    """Run one or more statements just as they are written, ``%`` and ``:`` included."""
    migration = environment.get_context()
    if migration.as_sql:
        migration.impl.static_output(sql)
        return
    assert migration.connection is not None
    migration.connection.exec_driver_sql(sql, execution_options={"no_parameters": True})


def render(text: str, schema: str) -> str:
    """A function file's text for a gallery whose tables stand in a schema.

    Args:
        text: says ``@schema@`` for the schema's name as an identifier, ``@schema_text@`` for the
            same inside a string literal. What a file builds by ``format`` stands between two
            ``$template$``; a percent sign of the name is doubled there.
        schema: the schema's name as an identifier, quoted where need be.
    """
    in_literal = schema.replace("'", "''")
    pieces = text.split("$template$")
    for n, piece in enumerate(pieces):
        ident, literal = schema, in_literal
        if n % 2 == 1:
            ident, literal = ident.replace("%", "%%"), literal.replace("%", "%%")
        pieces[n] = piece.replace("@schema@", ident).replace("@schema_text@", literal)
    return "$template$".join(pieces)


_CREATORS_FILE = "basics/creators.sql"

_REFUSE_CREATORS = """\
do $refuse_creators$
declare
    v_path constant text := pg_catalog.current_setting('search_path');
    v_who text;
    v_revoke text;
begin
    -- What a stranger may have put on the path is not to be run by this very question.
    perform pg_catalog.set_config('search_path', '{path}', true);
    select string_agg(distinct who, ', '),
           string_agg(format('REVOKE CREATE ON SCHEMA %I FROM %s;', c.schema_name, c.who), ' '
                      order by c.schema_name, c.who)
    into v_who, v_revoke
    from (select q.schema_name,
                 case q.role_name when 'public' then 'PUBLIC' else quote_ident(q.role_name) end
          from ({query}) q (schema_name, role_name)) c (schema_name, who);
    if v_who is not null then
        raise exception 'Objects may be created in a schema of the gallery by %', v_who
            using errcode = 'insufficient_privilege',
                  hint = v_revoke || ' Or choose a schema where nobody else may create objects.';
    end if;
    perform pg_catalog.set_config('search_path', v_path, true);
end
$refuse_creators$;"""


def refuse_creators(schema: str | None = None) -> None:
    """Refuse to go on where others may put objects beside those that our SQL names.

    Args:
        schema: where the tables stand, or will stand; None where `gallery.installed` says it.
    """
    _, query, _ = read_functions()[_CREATORS_FILE].split("$query$")
    literal = "'" + schema.replace("'", "''") + "'" if schema is not None else _INSTALLED_SCHEMA
    query = query.replace("$1", f"array['gallery', {literal}]::name[]")
    try:
        run_sql(_REFUSE_CREATORS.format(path=FUNCTIONS_PATH, query=query))
    except DBAPIError as error:
        raise MigrationError.from_database(error) from error


_INSTALLED_SCHEMA = "(select i.schema_name from gallery.installed i)"


def apply_function_files(names: Iterable[str]) -> None:
    """Create what some files of db/functions define, for triggers, constraints or indexes to use.

    A revision names them in its FUNCTION_FILES, without their folder: they stand from that revision
    on, not only at head.
    """
    files = read_functions()
    run_sql(_ENTER)
    schema = _schema_identifier()
    for name in names:
        path = name if name in files else path_of(name)
        _run_function_file(path, render(files[path], schema))
    run_sql(_LEAVE)


def _schema_identifier() -> str:
    """The schema of our tables, as an identifier.

    Offline it is the one asked for, by env.py's option ``schema``, or public.
    """
    migration = environment.get_context()
    if migration.as_sql:
        given = environment.config.attributes.get("schema")
        asked = str(
            given or environment.get_x_argument(as_dictionary=True).get("schema") or "public"
        )
        # quoted where quote_ident might, so that the functions are the same text either way
        schema = asked if asked == "public" else '"' + asked.replace('"', '""') + '"'
        run_sql(_REFUSE_OTHER_SCHEMA.format(schema=schema.replace("'", "''")))
        return schema
    assert migration.connection is not None
    return str(
        migration.connection.exec_driver_sql(
            "select quote_ident(schema_name) from gallery.installed"
        ).scalar_one()
    )


# SQL that was written for one schema can't be run for another.
_REFUSE_OTHER_SCHEMA = """\
do $refuse_other_schema$
begin
    if (select quote_ident(schema_name)::regnamespace from gallery.installed)
       <> '{schema}'::regnamespace then
        raise exception 'this SQL is for tables in schema %, and they stand elsewhere', '{schema}'
            using hint = 'Write it anew with the option schema.';
    end if;
end
$refuse_other_schema$;"""


def drop_functions() -> None:
    """Drop our functions and types, all but the functions that a table of ours still needs.

    Those are what a trigger, a constraint, a default or an index runs. What others built upon our
    functions, a view say, makes it fail, by name.
    """
    quoted = ", ".join(f"'{name}'" for name in public_names())
    run_sql(_DROP_FUNCTIONS.format(public_names=quoted))


_DROP_FUNCTIONS = """\
do $drop_functions$
declare
    public_names constant text[] := array[{public_names}]::text[];
    routines text;
    types text;
begin
    select string_agg(p.oid::regprocedure::text, ', ') into routines
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace cross join gallery.installed i
    where (n.nspname = 'gallery' or (n.nspname = i.schema_name and p.proname = any (public_names)))
      and not exists (
          select from pg_depend d
          where d.refclassid = 'pg_proc'::regclass and d.refobjid = p.oid
            and d.classid in ('pg_trigger'::regclass, 'pg_constraint'::regclass,
                              'pg_attrdef'::regclass, 'pg_class'::regclass));
    if routines is not null then
        execute 'drop routine ' || routines;
    end if;

    select string_agg(t.oid::regtype::text, ', ') into types
    from pg_type t join pg_namespace n on n.oid = t.typnamespace cross join gallery.installed i
    where (n.nspname = 'gallery' or (n.nspname = i.schema_name and t.typname = any (public_names)))
      and (t.typtype in ('d', 'e', 'r')
           or exists (select from pg_class c where c.oid = t.typrelid and c.relkind = 'c'));
    if types is not null then
        execute 'drop type ' || types;
    end if;
end
$drop_functions$;"""


def sync_functions() -> None:
    """Apply db/functions where migrations have run to head: the last step of an env.py.

    It belongs after ``context.run_migrations()`` in the ``context.begin_transaction()`` block, and
    does nothing in commands that only look (``current``, ``check``, ``revision``). Short of head,
    only the files stand that the revisions reached name in FUNCTION_FILES.
    """
    if not is_migrating():
        return
    ours = _our_revisions()
    reached = revisions_reached()
    if ours.get_current_head() in reached:
        _apply_functions()
    elif ours.get_base() in reached:
        for step in reversed(list(ours.walk_revisions())):
            if step.revision in reached:
                apply_function_files(getattr(step.module, "FUNCTION_FILES", ()))
        run_sql("update gallery.installed set functions_hash = null;")


def is_migrating() -> bool:
    """Whether the command that runs env.py moves the database to another revision."""
    return "destination_rev" in environment.get_context().opts


def _our_revisions() -> ScriptDirectory:
    """Our history by itself, also where it hangs in somebody else's."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return ScriptDirectory.from_config(config)


def revisions_reached() -> set[str]:
    """Every revision that the database has, or in offline mode will have, when all has run."""
    script = environment.script
    migration = environment.get_context()
    heads = (
        environment.get_revision_argument() if migration.as_sql else migration.get_current_heads()
    )
    return {step.revision for step in script.iterate_revisions(heads or (), "base")}


def _apply_functions() -> None:
    wanted = functions_hash()
    if _functions_installed() == (wanted, __version__):
        return
    log.info("Applying the functions of pg_gallery %s", __version__)
    refuse_creators()
    apply_function_files(read_functions())
    run_sql(
        f"update gallery.installed"
        f" set functions_hash = '{wanted}', version = '{__version__}', installed_at = now();"
    )


def _functions_installed() -> tuple[str, str] | None:
    """Hash and version of what is installed, or None: not known in offline mode."""
    migration = environment.get_context()
    if migration.as_sql:
        return None
    assert migration.connection is not None
    row = migration.connection.exec_driver_sql(
        "select functions_hash, version from gallery.installed"
    ).one()
    return (row.functions_hash, row.version)


def _run_function_file(name: str, text: str) -> None:
    try:
        run_sql(text)
    except DBAPIError as error:
        raise MigrationError.from_database(error, f"db/functions/{name}: ") from error
