"""Shadows: objects that a stranger puts where our SQL might find them in place of PostgreSQL's.

A name that is looked up along the search_path is found in an earlier schema if it stands there too,
and, of functions and operators, in any schema of the path if it fits the arguments better: exactly,
where PostgreSQL's own takes any type, or one to which they would have to be cast. So for every name
that occurs in the source of our functions there is a shadow with each such list of arguments. Each
tells that it ran, and fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count

import psycopg

import calls
from calls import Connection

# --- what our SQL names ---

OUR_SOURCE = """
    SELECT CASE WHEN prokind = 'a' THEN '' ELSE pg_get_functiondef(oid) END
    FROM pg_proc
    WHERE pronamespace = 'gallery'::regnamespace
       OR pronamespace = 'public'::regnamespace AND starts_with(proname, 'gallery_')
    UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
"""
# What the grammar has in place of operators: LIKE, IN, BETWEEN, NULLIF, CASE … WHEN.
IMPLIED_OPERATORS = frozenset({"~~", "!~~", "=", "<>", "<", ">", "<=", ">="})
# Types whose names are words of the grammar: nobody can stand in their way, but they are arguments.
GRAMMAR_TYPES = (
    "bigint",
    "integer",
    "smallint",
    "boolean",
    "double precision",
    "numeric",
    "bit",
    "bit varying",
    "character varying",
    "timestamp with time zone",
    "interval",
)


@dataclass(frozen=True)
class Vocabulary:
    """The words and operators of our SQL, and the types that it handles."""

    words: frozenset[str]
    operators: frozenset[str]
    types: tuple[str, ...]


def vocabulary(conn: Connection) -> Vocabulary:
    source = "\n".join(text for (text,) in conn.execute(OUR_SOURCE))
    words = frozenset(re.findall(r"[a-z_][a-z0-9_]*", source))
    operators = frozenset(re.findall(r"[-+*/<>=~!@#%^&|`?]+", source)) | IMPLIED_OPERATORS
    rows = conn.execute(
        "SELECT format_type(oid, null) FROM pg_type"
        " WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype = 'b' AND typname = ANY (%s)"
        "   AND typcategory <> 'A'"
        " UNION SELECT format_type(oid, null) FROM pg_type"
        " WHERE typnamespace = 'gallery'::regnamespace AND typtype = 'c' ORDER BY 1",
        (sorted(words),),
    )
    types = dict.fromkeys((*GRAMMAR_TYPES, *(name for (name,) in rows)))
    return Vocabulary(words, operators, tuple(types))


# --- arguments that fit better ---

POLYMORPHIC = {
    "anyelement": "{}",
    "anynonarray": "{}",
    "anycompatible": "{}",
    "anycompatiblenonarray": "{}",
    '"any"': "{}",
    "anyarray": "{}[]",
    "anycompatiblearray": "{}[]",
}
# PostgreSQL compares rows of any type, of one or of two.
ROWS = {"record": "{}", "record[]": "{}[]"}


@dataclass(frozen=True)
class Signature:
    """The types that a function or operator takes and gives."""

    takes: tuple[str, ...]
    gives: str


class Fits:
    """Finds the signatures that fit some call better than a signature does, or as well."""

    def __init__(self, conn: Connection, types: Sequence[str]):
        self.types = types
        self.casts: dict[str, list[str]] = {}
        for source, target in conn.execute(
            "SELECT format_type(castsource, null), format_type(casttarget, null) FROM pg_cast"
            " WHERE castcontext = 'i'"
        ):
            if source in types and source != target:
                self.casts.setdefault(target, []).append(source)

    def of(self, signature: Signature) -> Iterator[Signature]:
        yield signature
        if any(kind in POLYMORPHIC or kind in ROWS for kind in signature.takes):
            for name in self.types:
                yield self.of_type(signature, name)
            return
        for target in dict.fromkeys(signature.takes):
            for source in self.casts.get(target, ()):
                yield replace(
                    signature,
                    takes=tuple(source if t == target else t for t in signature.takes),
                )
                for n, kind in enumerate(signature.takes):
                    if kind == target:
                        takes = (*signature.takes[:n], source, *signature.takes[n + 1 :])
                        yield replace(signature, takes=takes)

    @staticmethod
    def of_type(signature: Signature, name: str) -> Signature:
        """With one type for all that may be any."""
        kinds: Mapping[str, str] = POLYMORPHIC | ROWS
        takes, gives = (
            tuple(kinds.get(kind, kind.replace("{", "{{")).format(name) for kind in some)
            for some in (signature.takes, (signature.gives,))
        )
        return Signature(takes, gives[0])


# --- the shadows ---

WATCH = """
    CREATE SCHEMA watch;
    CREATE SEQUENCE watch.ran;
    GRANT USAGE ON SCHEMA watch TO PUBLIC;
    GRANT ALL ON SEQUENCE watch.ran TO PUBLIC;
    CREATE FUNCTION watch.tell(what text) RETURNS boolean LANGUAGE plpgsql
    SET search_path = pg_catalog SET client_min_messages = warning AS $$
    BEGIN
        PERFORM nextval('watch.ran');  -- whatever becomes of the transaction
        RAISE WARNING 'a shadow ran: %', what;
        RAISE EXCEPTION 'a shadow ran: %', what;
    END $$;
    CREATE FUNCTION watch.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM watch.tell(TG_ARGV[0]); END $$;
"""
FUNCTIONS = """
    SELECT p.proname::text, p.prokind::text, p.proretset,
           p.provariadic = 'pg_catalog."any"'::regtype,
           ARRAY(SELECT format_type(t, null) FROM unnest(p.proargtypes) WITH ORDINALITY a (t, n)
                 ORDER BY n),
           format_type(p.prorettype, null),
           (SELECT string_agg(quote_ident(p.proargnames[n]) || ' ' || format_type(t, null), ', '
                              ORDER BY n)
            FROM unnest(p.proallargtypes, p.proargmodes) WITH ORDINALITY a (t, mode, n)
            WHERE mode IN ('o', 't'))
    FROM pg_proc p
    WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname = ANY (%s)
      AND p.prokind IN ('f', 'a', 'w') ORDER BY p.oid
"""
OPERATORS = """
    SELECT o.oprname::text, coalesce(format_type(nullif(o.oprleft, 0), null), ''),
           format_type(o.oprright, null), format_type(o.oprresult, null)
    FROM pg_operator o
    WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oprname = ANY (%s) ORDER BY o.oid
"""
TYPES = """
    SELECT t.typname::text FROM pg_type t
    WHERE t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype = 'b'
      AND t.typcategory <> 'A' AND t.typname = ANY (%s) ORDER BY 1
"""
RELATIONS = """
    SELECT c.oid::regclass::text, c.relname::text FROM pg_class c
    WHERE c.relnamespace = ANY ('{pg_catalog,gallery,public}'::regnamespace[])
      AND c.relkind IN ('r', 'p', 'v') AND c.relname = ANY (%s)
      AND NOT EXISTS (SELECT FROM pg_class o WHERE o.relname = c.relname
                      AND o.relnamespace = to_regnamespace(%s)) ORDER BY 1
"""


class Shadows:
    """Makes the shadows of everything that our SQL names, in a schema."""

    def __init__(self, conn: Connection, schema: str):
        """`conn` is used with pg_catalog alone on its search_path, and left so."""
        self.conn = conn
        self.schema = schema
        self.numbers = count()
        conn.execute("SET search_path = pg_catalog")
        self.named = vocabulary(conn)
        self.fits = Fits(conn, self.named.types)

    def cast(self) -> int:
        """Make them; gives how many there are. Functions and operators can't be temporary.

        What a better fit would be, but can't be made, is passed over.
        """
        kinds = [self.relations(), self.types()]
        if self.schema != "pg_temp":
            kinds += [self.functions(), self.operators()]
        return self.make(list(dict.fromkeys(chain.from_iterable(kinds))))

    def make(self, statements: Sequence[str]) -> int:
        made = 0
        for statement in statements:
            try:
                with self.conn.transaction():
                    self.conn.execute(calls.query(statement))
                made += 1
            except psycopg.Error:
                continue
        return made

    def functions(self) -> Iterator[str]:
        rows = self.conn.execute(FUNCTIONS, (sorted(self.named.words),)).fetchall()
        for name, kind, is_set, more, takes, gives, columns in rows:
            signatures = (
                Signature((*takes, *['"any"'] * n), gives) for n in range(3 if more else 1)
            )
            for fit in chain.from_iterable(map(self.fits.of, signatures)):
                if kind == "f":
                    result = f"TABLE ({columns})" if columns else fit.gives
                    setof = "SETOF " if is_set and not columns else ""
                    yield self.function(name, fit.takes, setof + result)
                else:
                    yield self.aggregate(name, fit)

    def function(self, name: str, takes: Sequence[str], gives: str) -> str:
        signature = f'{self.schema}."{name}"({", ".join(takes)})'
        return (
            f"CREATE FUNCTION {signature} RETURNS {gives} LANGUAGE plpgsql"
            f" AS $$ BEGIN PERFORM watch.tell('function {signature}'); END $$"
        )

    def aggregate(self, name: str, fit: Signature) -> str:
        """Also in place of a window function."""
        signature = f'{self.schema}."{name}"({", ".join(fit.takes) or "*"})'
        step = f"watch.step_{next(self.numbers)}"
        return (
            f"CREATE FUNCTION {step}({', '.join((fit.gives, *fit.takes))}) RETURNS {fit.gives}"
            f" LANGUAGE plpgsql"
            f" AS $$ BEGIN PERFORM watch.tell('aggregate {signature}'); END $$;"
            f" CREATE AGGREGATE {signature} (sfunc = {step}, stype = {fit.gives})"
        )

    def operators(self) -> Iterator[str]:
        rows = self.conn.execute(OPERATORS, (sorted(self.named.operators),)).fetchall()
        for name, left, right, result in rows:
            takes = (left, right) if left else (right,)
            for fit in self.fits.of(Signature(takes, result)):
                yield self.operator(name, fit)

    def operator(self, name: str, fit: Signature) -> str:
        operands = zip(("rightarg", "leftarg"), reversed(fit.takes), strict=False)
        given = "".join(f", {side} = {kind}" for side, kind in operands)
        function = f"watch.operator_{next(self.numbers)}"
        return (
            f"CREATE FUNCTION {function}({', '.join(fit.takes)}) RETURNS {fit.gives}"
            f" LANGUAGE plpgsql"
            f" AS $$ BEGIN PERFORM watch.tell('operator {name}{given}'); END $$;"
            f" CREATE OPERATOR {self.schema}.{name} (function = {function}{given})"
        )

    def types(self) -> Iterator[str]:
        for (name,) in self.conn.execute(TYPES, (sorted(self.named.words),)).fetchall():
            yield (
                f'CREATE DOMAIN {self.schema}."{name}" AS pg_catalog."{name}"'
                f" CHECK (watch.tell('type {name}'))"
            )

    def relations(self) -> Iterator[str]:
        words = sorted(self.named.words)
        for real, name in self.conn.execute(RELATIONS, (words, self.schema)).fetchall():
            shadow = f"{self.schema}.{name}"
            yield (
                f"CREATE VIEW {shadow} AS SELECT * FROM {real} WHERE watch.tell('relation {name}');"
                f" CREATE TRIGGER refuse INSTEAD OF INSERT OR UPDATE OR DELETE ON {shadow}"
                f" FOR EACH ROW EXECUTE FUNCTION watch.refuse('relation {name}')"
            )
