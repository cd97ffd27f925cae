"""A database may have an encoding that lacks most letters, or none at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import psycopg
import pytest

import calls
from answers import Asker
from calls import Connection
from changes import Changes
from galleries import SEARCHES, Gallery, random_gallery
from harness.server import Server
from index_states import shrink_index
from oracle import SORTS, Filter, ordered
from pg_gallery import Gallery as Client
from pg_gallery import migrate
from walks import check_walk, keys_of

ENCODINGS = {"LATIN1": "latin-1", "SQL_ASCII": "ascii"}
NAMES = {"LATIN1": "für élise", "SQL_ASCII": "fuer elise"}


@pytest.fixture(params=ENCODINGS)
def encoding(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def url(server: Server, encoding: str) -> Iterator[str]:
    """A database of that encoding, migrated to head."""
    url = server.empty_database(encoding=encoding)
    migrate.upgrade(url)
    yield url
    server.drop_database(url)


def sayable(gallery: Gallery, encoding: str) -> Gallery:
    """The gallery without the letters that the encoding lacks; a tag is named by some it has."""

    def said(text: str | None) -> str | None:
        return text and text.encode(ENCODINGS[encoding], "ignore").decode(ENCODINGS[encoding])

    items = [replace(i, title=said(i.title), prompt=said(i.prompt)) for i in gallery.items]
    first = next(iter(gallery.tags))
    return replace(gallery, items=items, tags=gallery.tags | {first: NAMES[encoding]})


def test_every_answer_is_right_in_a_database_of_another_encoding(url: str, encoding: str) -> None:
    """Up to date, with changes that are not indexed yet, and after a refresh."""
    random = Random(12)
    gallery = sayable(random_gallery(random, 150), encoding)
    # UTF8 is what the driver reads all texts in; PostgreSQL converts, or passes on what it has
    with psycopg.connect(url, autocommit=True, client_encoding="UTF8") as conn:
        shrink_index(conn)
        calls.store(conn, gallery)
        conn.execute("CALL gallery_rebuild()")
        check(conn, random, gallery)
        changes = Changes(conn, random, gallery, gallery.items[::3])
        for tag in list(gallery.tags)[3:6]:
            conn.execute("DELETE FROM content_tags WHERE tag_id = %s", (tag,))
        for _ in range(5):
            changes.move()
            changes.hide()
            changes.delete()
        check(conn, random, gallery, tags=False)
        conn.execute("CALL gallery_refresh()")
        assert calls.rows_of(conn, "gallery_verify") == []
        check(conn, random, gallery)


def check(conn: Connection, random: Random, gallery: Gallery, *, tags: bool = True) -> None:
    items = calls.read_items(conn)
    asker = SayableAsker(conn, random, replace(gallery, items=items))
    asker.ask(4, tags=tags)
    for text in filter(str.isascii, SEARCHES):
        expected = keys_of(ordered(items, Filter(search=text), SORTS[0]))
        check_walk(conn, Filter(search=text), SORTS[0], 40, expected)


class SayableAsker(Asker):
    """Asks for no words that the encoding has no letters for."""

    def some_filter(self) -> Filter:
        while not ((wanted := super().some_filter()).search or "").isascii():
            pass
        return wanted


def test_the_client_works_in_a_database_of_another_encoding(url: str, encoding: str) -> None:
    with psycopg.connect(url, autocommit=True, client_encoding="UTF8") as conn:
        calls.store(conn, sayable(random_gallery(Random(13), 20), encoding))
    with Client(url) as client:
        client.rebuild()
        name = NAMES[encoding]
        count = client.count(tags_all=[name])
        assert count > 0
        assert len(client.page(tags_all=[name]).items) == min(count, 25)
        assert name in {facet.name for facet in client.facets()}
        assert [tag.name for tag in client.tags(name_prefix=name[:2])] == [name]


def test_letters_that_the_encoding_lacks_are_refused_by_name(url: str, encoding: str) -> None:
    with psycopg.connect(url, autocommit=True, client_encoding="UTF8") as conn:
        if encoding == "SQL_ASCII":  # which takes bytes for what they are
            assert calls.value_of(conn, "gallery_count", search="猫") == 0
        else:
            with pytest.raises(psycopg.errors.UntranslatableCharacter, match="no equivalent"):
                calls.value_of(conn, "gallery_count", search="猫")
