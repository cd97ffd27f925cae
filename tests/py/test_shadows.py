"""No code that a stranger puts in the way is ever run: by no read, write, trigger or refresh.

Shadows of everything that our SQL names (see shadows.py) stand in the gallery's own schema, in one
that comes first on the search_path, in the temporary one. Then the owner does everything there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from random import Random
from uuid import UUID

import psycopg
import pytest

import calls
from answers import Asker
from calls import Connection
from galleries import Gallery, random_gallery
from index_states import dirty, shrink_index
from pg_gallery import Gallery as Client
from shadows import WATCH, Shadows


@dataclass(frozen=True)
class Place:
    """Where the shadows stand, and the search_path of the owner's session; None: the server's."""

    schema: str
    path: str | None


PLACES = {
    "the gallery's own schema": Place("public", None),
    "the gallery's own schema, named first": Place("public", "public, pg_catalog"),
    "a schema named first": Place("stranger", "stranger, pg_catalog, public"),
    "the temporary schema": Place("pg_temp", None),
    "the temporary schema, named first": Place("pg_temp", "pg_temp, pg_catalog, public"),
}


@dataclass
class Haunted:
    """A session among shadows, and what of them it met."""

    conn: Connection
    gallery: Gallery  # what the tables hold
    met: list[str]

    def tries(self, name: str, does: Callable[[], object], expected: str | None = None) -> None:
        """What fails, but for what is expected, is counted as met."""
        try:
            does()
        except psycopg.Error as error:
            if error.sqlstate != expected or "a shadow ran" in str(error):
                self.met.append(f"{name}: {error.diag.message_primary} {error.diag.context or ''}")
        except Exception as error:
            self.met.append(f"{name}: {error}")

    def runs(self, statement: str, expected: str | None = None) -> None:
        self.tries(statement, lambda: self.conn.execute(calls.query(statement)), expected)


@pytest.fixture(params=PLACES)
def haunted(
    request: pytest.FixtureRequest, conn: Connection, database_url: str
) -> Iterator[Haunted]:
    """A gallery of which much has changed since the last refresh, and a session among shadows."""
    place = PLACES[request.param]
    shrink_index(conn)
    random = Random(3)
    gallery = random_gallery(random, 90)
    dirty(conn, random, gallery)
    conn.execute("SELECT setval('content_items_id_seq', 800000)")
    names: dict[UUID, str] = dict(conn.execute("SELECT id, name FROM tags").fetchall())
    with psycopg.connect(database_url, autocommit=True) as session:
        session.execute(WATCH)
        if place.schema == "stranger":
            session.execute("CREATE SCHEMA stranger")
        assert Shadows(session, place.schema).cast() > 20
        session.execute("RESET search_path")
        if place.path is not None:
            session.execute(f"SET search_path = {place.path}".encode())
        haunted = Haunted(session, replace(gallery, tags=names), [])
        session.add_notice_handler(
            lambda notice: (
                haunted.met.append(str(notice.message_primary))
                if "a shadow ran" in str(notice.message_primary)
                else None
            )
        )
        yield haunted


def assert_alone(haunted: Haunted) -> None:
    """No shadow ran, not even one whose error was caught."""
    assert not haunted.met, "\n".join(dict.fromkeys(haunted.met))
    assert haunted.conn.execute("SELECT is_called FROM watch.ran").fetchone() == (False,)


READS = (
    "TABLE public.content_items_all LIMIT 1",
    "SELECT * FROM public.gallery_page(sort_field => 'quality_score', search => 'sun \"sea\"')",
    "SELECT public.gallery_explain(tags_any => '{00000000-0000-0000-0000-000000000001}')",
    "SELECT * FROM public.gallery_tags(name_prefix => 'tag', sort => 'name')",
    "SELECT * FROM public.gallery_health()",
    "SELECT * FROM public.gallery_verify()",
    "SELECT * FROM public.gallery_settings()",
    "SELECT public.gallery_version()",
)


def test_reads_and_the_client_run_no_shadow(haunted: Haunted) -> None:
    for statement in READS:
        haunted.runs(statement)
    for n in range(8):
        asker = Asker(haunted.conn, Random(n), haunted.gallery)
        haunted.tries(f"filters {n}", partial(asker.ask, 2, tags=False))
    for does in calls_of_the_client(haunted):
        haunted.tries("the client", does)
    assert_alone(haunted)


def calls_of_the_client(haunted: Haunted) -> Sequence[Callable[[], object]]:
    names = list(haunted.gallery.tags.values())[:2]
    client = Client(haunted.conn, schema="public")
    return (
        lambda: client.page(tags_all=names, page_size=2).next(),
        lambda: client.page(tags_any=list(haunted.gallery.tags)[:3], search="sun", min_quality=0),
        lambda: client.count(tags_none=[*names, *haunted.gallery.tags]),
        lambda: client.count(created_from=datetime(2020, 1, 1), content_types=["image"]),
        lambda: client.facets(viewer=haunted.gallery.users[0], facet_limit=5),
        lambda: client.cursor_at(rank=3),
        lambda: client.tags(name_prefix="tag"),
        lambda: client.tag_ids(names),
        lambda: client.pick_strategy(tags_all=names),
        lambda: client.explain(tags_all=names),
        lambda: client.configure({}),
        client.settings,
        client.refresh,
        client.rebuild,
        client.health,
        client.verify,
        client.version,
    )


USER, OTHER_USER = "00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"
TAG, OTHER_TAG = "10000000-0000-0000-0000-00000000000a", "10000000-0000-0000-0000-00000000000b"
WRITES = f"""
    INSERT INTO public.users VALUES ('{USER}', 'someone'), ('{OTHER_USER}', 'another');
    INSERT INTO public.tags (id, name) VALUES ('{TAG}', 'a tag'), ('{OTHER_TAG}', 'another tag');
    INSERT INTO public.tags (name) VALUES ('a third tag');
    INSERT INTO public.content_items_all (content_type, source_type) VALUES ('image', 'items');
    INSERT INTO public.content_items_all (id, content_type, source_type, creator_id, prompt)
        VALUES (900001, 'image', 'items', '{USER}', 'x'), (900002, 'video', 'auto', null, null);
    INSERT INTO public.content_items (id, content_type) VALUES (900003, 'image');
    INSERT INTO public.content_items_more (source_id) VALUES (900001);
    INSERT INTO public.content_tags VALUES (900001, 'items', '{TAG}'), (900003, 'items', '{TAG}');
    UPDATE public.content_items_all SET title = 'y', is_private = true WHERE id
        OPERATOR(pg_catalog.=) 900001;
    UPDATE public.content_items SET created_at = '2020-01-01' WHERE id
        OPERATOR(pg_catalog.=) 900003;
    UPDATE public.content_items_all SET id = 900004 WHERE id OPERATOR(pg_catalog.=) 900003;
    UPDATE public.tags SET name = 'renamed' WHERE name OPERATOR(pg_catalog.=) 'a tag';
    UPDATE public.content_tags SET tag_id = '{OTHER_TAG}' WHERE tag_id
        OPERATOR(pg_catalog.=) '{TAG}';
    UPDATE public.tag_cardinality_stats SET cardinality = 7;
    DELETE FROM public.tag_cardinality_stats;
    INSERT INTO public.tag_cardinality_stats VALUES ('{TAG}', 'items', 3);
    TRUNCATE public.tag_cardinality_stats;
    DELETE FROM public.content_tags WHERE content_id OPERATOR(pg_catalog.=) 900001;
    DELETE FROM public.users WHERE id OPERATOR(pg_catalog.=) '{USER}';
    DELETE FROM public.tags WHERE id OPERATOR(pg_catalog.=) '{OTHER_TAG}';
    DELETE FROM public.content_items_all WHERE id OPERATOR(pg_catalog.=) 900004;
    DELETE FROM public.content_items_auto;
    TRUNCATE public.content_tags;
    TRUNCATE public.content_items_auto CASCADE;
    TRUNCATE public.content_items_all CASCADE;
    TRUNCATE public.tags CASCADE;
"""


REFRESHES = (
    "CALL public.gallery_refresh()",
    "UPDATE public.content_items_all SET is_private = NOT is_private",
    "CALL public.gallery_refresh()",
    "CALL public.gallery_rebuild()",
    "DELETE FROM public.content_tags",
    "CALL public.gallery_refresh()",
    "SELECT * FROM public.gallery_verify()",
    "SELECT public.gallery_configure('{\"dirty_limit\": 5}')",
)


def test_refreshes_writes_and_their_triggers_run_no_shadow(haunted: Haunted) -> None:
    for statement in REFRESHES:
        haunted.runs(statement)
    haunted.runs("SELECT * FROM public.gallery_schedule('5 minutes')", "TG006")
    haunted.runs("SELECT * FROM public.gallery_unschedule()")
    haunted.runs(
        "UPDATE public.content_items_all SET prompt = 'another' WHERE prompt IS NOT NULL", "23001"
    )
    for statement in filter(None, map(str.strip, WRITES.split(";"))):
        haunted.runs(statement)
    haunted.runs("CALL public.gallery_refresh()")
    assert_alone(haunted)
