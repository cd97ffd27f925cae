"""The Python client: the same promises over everything that a gallery can be made from."""

from __future__ import annotations

import io
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from psycopg_pool import AsyncConnectionPool, ConnectionPool
from sqlalchemy import create_engine, make_url
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from pg_gallery import (
    AsyncGallery,
    Gallery,
    GalleryError,
    __version__,
    config,
    errors,
    loading,
    migrate,
)
from pg_gallery.errors import LoginRefused, Unreachable, connection_error

TAG_LIKE_AN_ID = "00000000-0000-0000-0000-000000000007"


def record(number: int) -> dict[str, Any]:
    """Item `number` of 30: numbers below 10 stand in both partitions, times come in pairs."""
    names = {"all": 1, "even": 2, "third": 3, "never": 1000, TAG_LIKE_AN_ID: 10}
    return {
        "id": number % 20,
        "source_type": "items" if number < 20 else "auto",
        "title": f"item {number}",
        "content_type": "image/png",
        "item_metadata": {"number": number},
        "created_at": f"2024-01-01T{number // 2:02}:00:00Z",
        "quality_score": number / 10 if number % 2 else None,
        "tags": [name for name, step in names.items() if (number + 1) % step == 0],
    }


@pytest.fixture(scope="module")
def database_url(module_database_url: str) -> str:
    """One database for the whole file, with 30 items; tests that change it clean up."""
    lines = "\n".join(json.dumps(record(number)) for number in range(30))
    with psycopg.connect(module_database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO tags (name) VALUES ('never')")
        loading.load(connection, io.BytesIO(lines.encode()))
    return module_database_url


# --- everything that a gallery can be made from ---


def sqlalchemy_url(url: str) -> str:
    made = make_url(url).set(drivername="postgresql+psycopg")
    return made.render_as_string(hide_password=False)


@contextmanager
def from_connection(url: str) -> Iterator[Gallery]:
    with psycopg.connect(url) as connection:
        yield Gallery(connection)
        connection.rollback()


@contextmanager
def from_pool(url: str) -> Iterator[Gallery]:
    with ConnectionPool(url, min_size=1, open=True) as pool:
        yield Gallery(pool)


@contextmanager
def from_engine(url: str) -> Iterator[Gallery]:
    engine = create_engine(sqlalchemy_url(url))
    yield Gallery(engine)
    engine.dispose()


@contextmanager
def from_session(url: str) -> Iterator[Gallery]:
    engine = create_engine(sqlalchemy_url(url))
    with Session(engine) as session:
        yield Gallery(session)
    engine.dispose()


@contextmanager
def from_scoped_session(url: str) -> Iterator[Gallery]:
    engine = create_engine(sqlalchemy_url(url))
    session = scoped_session(sessionmaker(engine))
    yield Gallery(session)
    session.remove()
    engine.dispose()


@contextmanager
def from_sqlalchemy_connection(url: str) -> Iterator[Gallery]:
    engine = create_engine(sqlalchemy_url(url))
    with engine.connect() as connection:
        yield Gallery(connection)
    engine.dispose()


SYNC: dict[str, Callable[[str], AbstractContextManager[Gallery]]] = {
    "url": Gallery,
    "connection": from_connection,
    "pool": from_pool,
    "engine": from_engine,
    "session": from_session,
    "scoped_session": from_scoped_session,
    "sqlalchemy_connection": from_sqlalchemy_connection,
}


@asynccontextmanager
async def async_gallery(kind: str, url: str) -> AsyncIterator[AsyncGallery]:
    """An AsyncGallery over each kind of source."""
    engine = create_async_engine(sqlalchemy_url(url))
    match kind:
        case "url":
            async with AsyncGallery(url) as gallery:
                yield gallery
        case "connection":
            async with await psycopg.AsyncConnection.connect(url) as connection:
                yield AsyncGallery(connection)
        case "pool":
            async with AsyncConnectionPool(url, min_size=1, open=False) as pool:
                yield AsyncGallery(pool)
        case "engine":
            yield AsyncGallery(engine)
        case "session":
            async with AsyncSession(engine) as session:
                yield AsyncGallery(session)
        case "sqlalchemy_connection":
            async with engine.connect() as sqlalchemy_connection:
                yield AsyncGallery(sqlalchemy_connection)
    await engine.dispose()


over_every_source = pytest.mark.parametrize("kind", SYNC)
over_every_async_source = pytest.mark.parametrize(
    "kind", ["url", "connection", "pool", "engine", "session", "sqlalchemy_connection"]
)


@pytest.fixture
def gallery(database_url: str) -> Iterator[Gallery]:
    with Gallery(database_url) as gallery:
        yield gallery


def numbers(items: Any) -> list[int]:
    """The numbers of the items, as `record` gave them."""
    return [item.item_metadata["number"] for item in items]


NEWEST_FIRST = sorted(range(30), key=lambda n: (-(n // 2), -(n % 20), n >= 20))
EVEN_NEWEST_FIRST = [number for number in NEWEST_FIRST if number % 2 == 1]


# --- pages ---


@over_every_source
def test_pages_go_forward_and_back(database_url: str, kind: str) -> None:
    with SYNC[kind](database_url) as gallery:
        pages = list(gallery.pages(tags_all=["all"], page_size=7))
        assert [number for page in pages for number in numbers(page)] == NEWEST_FIRST
        assert [len(page) for page in pages] == [7, 7, 7, 7, 2]
        assert [page.has_next for page in pages] == [True] * 4 + [False]
        assert [page.has_prev for page in pages] == [False] + [True] * 4
        assert pages[-1].next() is None and pages[0].prev() is None
        back = pages[-1]
        for page in reversed(pages[:-1]):
            before = back.prev()
            assert before is not None
            assert numbers(before) == numbers(page)
            back = before


@over_every_async_source
async def test_async_pages_go_forward_and_back(database_url: str, kind: str) -> None:
    async with async_gallery(kind, database_url) as gallery:
        pages = [page async for page in gallery.pages(tags_all=["even"], page_size=7)]
        assert [number for page in pages for number in numbers(page)] == EVEN_NEWEST_FIRST
        assert await pages[-1].next() is None and await pages[0].prev() is None
        before = await pages[-1].prev()
        assert before is not None and numbers(before) == numbers(pages[-2])
        assert numbers([item async for item in gallery.items(page_size=4)]) == NEWEST_FIRST


def test_an_item_has_every_column_in_its_own_type(gallery: Gallery) -> None:
    (item,) = gallery.page(page_size=1, sort_order="asc", content_source_types=["community-auto"])
    assert item.id == 0 and item.source_type == "auto"
    assert item.title == "item 20" and item.content_type == "image/png"
    assert item.created_at == datetime(2024, 1, 1, 10, tzinfo=timezone.utc)
    assert item.updated_at.tzinfo is not None
    assert item.item_metadata == {"number": 20}
    assert item.is_private is False
    assert (item.creator_id, item.quality_score, item.path_thumb, item.prompt) == (None,) * 4


def test_one_id_in_two_partitions_is_two_items(gallery: Gallery) -> None:
    sevens = [item for item in gallery.items() if item.id == 7]
    assert {item.source_type for item in sevens} == {"items", "auto"}
    assert sevens[0] != sevens[1] and len(set(sevens)) == 2


def test_an_item_is_itself_whatever_has_changed(gallery: Gallery, database_url: str) -> None:
    (before,) = gallery.page(page_size=1)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE content_items_all SET title = 'new' WHERE (id, source_type) = (%s, %s)",
            (before.id, before.source_type),
        )
        (after,) = Gallery(connection).page(page_size=1)
        connection.rollback()
    assert after.title != before.title
    assert after == before and hash(after) == hash(before)


def test_the_next_page_keeps_arguments_that_can_be_read_but_once(gallery: Gallery) -> None:
    page = gallery.page(tags_all=(name for name in ["even"]), page_size=5)
    following = page.next()
    assert following is not None and numbers(following) == EVEN_NEWEST_FIRST[5:10]


def test_times_beyond_those_of_python_are_the_least_and_greatest_it_has(
    database_url: str,
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO content_items_all (source_type, content_type, created_at)"
            " VALUES ('items', 'odd', 'infinity'), ('items', 'odd', '0044-03-15 BC')"
        )
        page = Gallery(connection).page(content_types=["odd"])
        connection.rollback()
    assert [item.created_at.year for item in page] == [9999, 1]


# --- tags ---


def test_tags_are_given_by_name_by_id_or_mixed(gallery: Gallery) -> None:
    (even, third) = gallery.tag_ids(["even", "third"])
    by_name = numbers(gallery.page(tags_all=["even", "third"]))
    assert by_name == [number for number in NEWEST_FIRST if (number + 1) % 6 == 0]
    assert numbers(gallery.page(tags_all=[even, third])) == by_name
    assert numbers(gallery.page(tags_all={even, "third"})) == by_name
    assert gallery.count(tags_any=["even", third]) == 20
    assert gallery.count(tags_all=["all"], tags_none=[even, "third"]) == 10


def test_text_that_looks_like_an_id_is_a_name(gallery: Gallery) -> None:
    assert gallery.count(tags_all=[TAG_LIKE_AN_ID]) == 3
    assert gallery.count(tags_all=[UUID(TAG_LIKE_AN_ID)]) == 0


def test_an_empty_list_of_any_matches_nothing_and_none_is_no_condition(gallery: Gallery) -> None:
    assert gallery.count(tags_any=[]) == 0
    assert gallery.count(tags_any=None, tags_all=[]) == 30


def test_tags_come_in_pages_too(gallery: Gallery) -> None:
    gallery.refresh()
    page = gallery.tags(page_size=2)
    assert [(tag.name, tag.item_count) for tag in page] == [("all", 30), ("even", 15)]
    assert page.items[0].counts_by_source == {"items": 20, "auto": 10}
    following = page.next()
    assert following is not None and [tag.name for tag in following] == ["third", TAG_LIKE_AN_ID]
    assert following.prev() == page


# --- the other functions ---


def test_facets_count_the_tags_of_what_matches(gallery: Gallery) -> None:
    facets = gallery.facets(tags_all=["third"], facet_limit=2)
    assert [(facet.name, facet.item_count) for facet in facets] == [("all", 10), ("third", 10)]


def test_a_rank_leads_to_its_page(gallery: Gallery) -> None:
    cursor = gallery.cursor_at(tags_all=["even"], rank=5)
    page = gallery.page(tags_all=["even"], cursor=cursor, page_size=3)
    assert numbers(page) == EVEN_NEWEST_FIRST[5:8]
    assert gallery.cursor_at(tags_all=["even"], rank=0) is None


def test_the_settings_that_the_client_carries_are_the_defaults(gallery: Gallery) -> None:
    gallery.configure(config.load())
    settings = gallery.settings()
    assert settings
    assert {one.name: one.value for one in settings} == {
        one.name: one.default_value for one in settings
    }


def test_a_changed_setting_is_in_force(gallery: Gallery) -> None:
    gallery.configure({"small_k_threshold": 5})
    values = {one.name: one.value for one in gallery.settings()}
    gallery.configure({"small_k_threshold": None})
    assert values["small_k_threshold"] == 5


def test_the_installed_version_is_the_clients(gallery: Gallery) -> None:
    assert gallery.version() == __version__


def test_health_says_what_is_wrong(gallery: Gallery) -> None:
    statuses = {check.check_name: check.status for check in gallery.health()}
    assert statuses["missing_indexes"] == "ok"
    assert set(statuses.values()) <= {"ok", "warn", "fail"}


@over_every_source
def test_maintenance_runs_over_every_source(database_url: str, kind: str) -> None:
    with SYNC[kind](database_url) as gallery:
        gallery.rebuild()
        gallery.refresh()
        assert gallery.count(tags_all=["even"]) == 15


@over_every_async_source
async def test_async_maintenance_runs_over_every_source(database_url: str, kind: str) -> None:
    async with async_gallery(kind, database_url) as gallery:
        await gallery.rebuild()
        await gallery.refresh()
        assert await gallery.count(tags_all=["even"]) == 15


# --- errors ---

REFUSALS: list[tuple[dict[str, Any], type[GalleryError], str]] = [
    ({"cursor": "garbage"}, errors.InvalidCursor, "TG001"),
    ({"tags_all": ["no such tag"]}, errors.UnknownTag, "TG003"),
    ({"page_size": 0}, errors.InvalidArgument, "TG004"),
    ({"tags_any": [None]}, errors.InvalidArgument, "TG004"),
    ({"content_source_types": ["user-auto"]}, errors.InvalidArgument, "TG004"),
    ({"search": "nul \0"}, errors.InvalidArgument, "TG004"),
    ({"search": "half \ud800"}, errors.InvalidArgument, "TG004"),
    ({"created_from": "2024-02-30"}, errors.InvalidArgument, "22008"),
    ({"viewer": "nobody"}, errors.InvalidArgument, "22P02"),
]


@over_every_source
@pytest.mark.parametrize(("arguments", "kind_of_error", "sqlstate"), REFUSALS)
def test_errors_are_exceptions_by_sqlstate(
    database_url: str,
    kind: str,
    arguments: dict[str, Any],
    kind_of_error: type[GalleryError],
    sqlstate: str,
) -> None:
    with SYNC[kind](database_url) as gallery, pytest.raises(kind_of_error) as caught:
        gallery.page(**arguments)
    assert caught.value.sqlstate == sqlstate
    assert caught.value.message
    assert caught.value.hint or not sqlstate.startswith("TG")


@over_every_async_source
async def test_async_errors_are_exceptions_by_sqlstate(database_url: str, kind: str) -> None:
    async with async_gallery(kind, database_url) as gallery:
        with pytest.raises(errors.UnknownTag) as caught:
            await gallery.page(tags_all=["no such tag"])
    assert caught.value.sqlstate == "TG003" and caught.value.hint


def test_a_cursor_of_another_filter_is_a_mismatch(gallery: Gallery) -> None:
    cursor = gallery.page(tags_all=["even"], page_size=1).next_cursor
    with pytest.raises(errors.CursorMismatch, match="filter"):
        gallery.page(tags_all=["third"], cursor=cursor)


def test_an_unknown_setting_is_named(gallery: Gallery) -> None:
    with pytest.raises(errors.InvalidSetting, match="no_such_setting"):
        gallery.configure({"no_such_setting": 1})


@over_every_source
def test_a_database_without_the_functions_says_what_to_do(empty_url: str, kind: str) -> None:
    with SYNC[kind](empty_url) as gallery, pytest.raises(errors.NotInstalled) as caught:
        gallery.page()
    assert caught.value.hint is not None and "pg-gallery migrate" in caught.value.hint


def test_what_is_not_the_gallerys_passes_unchanged(conn: psycopg.Connection) -> None:
    conn.execute("SET lock_timeout = '50ms'")
    with psycopg.connect(conn.info.dsn, password=conn.info.password) as other:
        other.execute("LOCK TABLE content_items_all")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            Gallery(conn).page()
        other.rollback()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"tag_all": ["even"]}, "unexpected keyword argument 'tag_all'"),
        ({"tags_all": "even"}, "takes a list"),
        ({"content_types": "image/png"}, "takes a list"),
        ({"tags_all": [7]}, "a name .* or an id"),
        ({"search": 7}, "takes text"),
    ],
)
def test_wrong_types_are_told_before_anything_is_sent(
    arguments: dict[str, Any], problem: str
) -> None:
    with pytest.raises(TypeError, match=problem):
        Gallery("postgresql://nowhere.invalid/").page(**arguments)


@pytest.mark.parametrize("kind", [Gallery, AsyncGallery])
def test_a_gallery_is_not_made_from_anything(kind: Callable[[Any], object]) -> None:
    with pytest.raises(TypeError, match="takes a URL"):
        kind(object())


# --- connections and transactions ---


def test_a_gallery_closes_what_it_opened(database_url: str) -> None:
    url = make_url(database_url).update_query_dict({"application_name": "closing"})
    with psycopg.connect(database_url, autocommit=True) as observer:
        with Gallery(url.render_as_string(hide_password=False)) as gallery:
            gallery.version()
            assert sessions(observer, "closing") == 1
        wait_until(lambda: sessions(observer, "closing") == 0)


@over_every_async_source
async def test_an_async_gallery_is_closed_and_its_source_is_not(
    database_url: str, kind: str
) -> None:
    async with async_gallery(kind, database_url) as gallery:
        async with gallery:
            await gallery.count()
        assert await gallery.count() == 30  # a URL is connected to anew


def test_a_connection_that_was_given_stays_open(conn: psycopg.Connection) -> None:
    with Gallery(conn) as gallery:
        gallery.version()
    assert not conn.closed


def test_a_lost_connection_is_opened_anew(database_url: str, conn: psycopg.Connection) -> None:
    url = make_url(database_url).update_query_dict({"application_name": "lost"})
    with Gallery(url.render_as_string(hide_password=False)) as gallery:
        gallery.version()
        conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lost'"
        )
        with pytest.raises(psycopg.OperationalError):
            gallery.version()
        assert gallery.count() == 30


@pytest.mark.parametrize("kind", ["connection", "session", "sqlalchemy_connection"])
def test_a_call_sees_the_callers_transaction_and_leaves_it_open(
    database_url: str, kind: str
) -> None:
    with SYNC[kind](database_url) as gallery:
        gallery.configure({"small_k_threshold": 9})
        assert setting(gallery, "small_k_threshold") == 9
        with Gallery(database_url) as other:
            assert setting(other, "small_k_threshold") == 3


@pytest.mark.parametrize("kind", ["url", "pool", "engine"])
def test_a_call_over_a_pool_is_committed(database_url: str, kind: str) -> None:
    with SYNC[kind](database_url) as gallery, Gallery(database_url) as other:
        gallery.configure({"small_k_threshold": 9})
        seen = setting(other, "small_k_threshold")
        gallery.configure({"small_k_threshold": None})
    assert seen == 9


def test_maintenance_refuses_an_open_transaction(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        gallery = Gallery(connection)
        gallery.count()
        with pytest.raises(errors.ActiveTransaction):
            gallery.rebuild()
        connection.commit()
        gallery.rebuild()
        assert connection.autocommit is False


def test_a_schema_of_any_name_can_hold_the_gallery(empty_url: str) -> None:
    schema = 'Odd "one" %s :x'
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
        migrate.upgrade(empty_url, schema=schema)
        loading.load(connection, io.BytesIO(json.dumps(record(1)).encode()), schema=schema)
        assert numbers(Gallery(connection, schema=schema).page(tags_all=["even"])) == [1]
    engine = create_engine(sqlalchemy_url(empty_url))
    assert numbers(Gallery(engine, schema=schema).page(tags_all=["even"])) == [1]
    engine.dispose()


def setting(gallery: Gallery, name: str) -> Any:
    return {one.name: one.value for one in gallery.settings()}[name]


def sessions(observer: psycopg.Connection, application: str) -> int:
    row = observer.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", (application,)
    ).fetchone()
    assert row is not None
    return int(row[0])


def wait_until(holds: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until something holds that another process brings about."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it has not come about"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("said", "asked", "kind"),
    [
        ('FATAL:  password authentication failed for user "me"', True, LoginRefused),
        ("FATAL:  Passwort-Authentifizierung für Benutzer »me« fehlgeschlagen", True, LoginRefused),
        ('FATAL:  role "me" does not exist', False, LoginRefused),
        ('FATAL:  database "x" does not exist', False, LoginRefused),
        ("FATAL:  no such database: x", False, LoginRefused),
        ("fe_sendauth: no password supplied", False, LoginRefused),
        ("Connection refused", False, Unreachable),
        ("FATAL:  sorry, too many clients already", True, Unreachable),
        ("FATAL:  the database system is starting up", False, Unreachable),
        ("server closed the connection unexpectedly", True, Unreachable),
        ("connection timeout expired", True, Unreachable),
        ('could not translate host name "x" to address', False, Unreachable),
    ],
)
def test_a_refused_login_is_told_apart_from_a_server_that_is_not_there(
    said: str, asked: bool, kind: type[GalleryError]
) -> None:
    attempt = SimpleNamespace(needs_password=False, used_password=asked)
    error = psycopg.OperationalError(f"connection failed: {said}")
    error._pgconn = cast(Any, attempt)  # as psycopg does
    found = connection_error(error)
    assert type(found) is kind and said in found.message and found.hint


def test_a_gallery_whose_login_is_refused_says_so(database_url: str) -> None:
    with pytest.raises(LoginRefused), Gallery(f"{database_url}_not") as gallery:
        gallery.count()
    with pytest.raises(Unreachable), Gallery("postgresql://localhost:1/x") as gallery:
        gallery.count()
