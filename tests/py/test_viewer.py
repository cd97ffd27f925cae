"""Who is looking: whom the caller names, or whom the server knows; and an administrator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

import calls
from answers import Asker
from calls import STRATEGIES, Connection
from changes import Changes
from galleries import THIRD_SOURCE, THREE_SOURCES, Gallery, random_filter, random_gallery
from harness.server import Server
from index_states import refreshed
from oracle import SORTS, Filter
from roles import acting_as, documented_grants, new_role
from walks import lacks_seeds

CLAIMS = "request.jwt.claims"


@pytest.fixture(scope="module")
def database_url(small_index_url: str) -> str:
    return small_index_url


@pytest.fixture
def gallery(conn: Connection) -> Iterator[Gallery]:
    """A gallery of which some changes are not indexed yet."""
    random = Random(12)
    gallery = random_gallery(random, 120, sources=THREE_SOURCES)
    refreshed(conn, random, gallery)
    changes = Changes(conn, random, gallery, gallery.items[::3])
    for _ in range(10):
        changes.make_some()
    yield replace(gallery, items=calls.read_items(conn))
    conn.execute("SELECT gallery_configure(%s)", (Jsonb({"viewer": None}),))


def pin(conn: Connection, **settings: str) -> None:
    conn.execute("SELECT gallery_configure(%s)", (Jsonb({"viewer": settings}),))


@contextmanager
def known_as(conn: Connection, viewer: UUID | None) -> Iterator[None]:
    """A session of which the server knows by its claims who is looking."""
    claims = "" if viewer is None else f'{{"sub": "{viewer}"}}'
    with calls.settings(conn, **{CLAIMS: claims}):
        yield


def answers(conn: Connection, wanted: Filter) -> list[Any]:
    """What every function says of a filter, whatever the strategy."""
    given = calls.arguments(wanted)
    found: list[Any] = [
        calls.value_of(conn, "gallery_count", **given),
        calls.rows_of(conn, "gallery_facets", **given),
        calls.value_of(conn, "gallery_cursor_at", **given, rank=3),
        calls.value_of(conn, "gallery_explain", **given)["took"]["rows"],
    ]
    found += [
        calls.page(conn, wanted, sort, page_size=7, strategy=strategy)
        for sort in SORTS
        for strategy in (None, *STRATEGIES)
        if strategy != "auto" and not lacks_seeds(wanted, strategy)
    ]
    return found


def refusal(conn: Connection, function: str, **given: Any) -> psycopg.Error:
    with pytest.raises(psycopg.Error) as raised:
        calls.rows_of(conn, function, **given)
    assert raised.value.sqlstate == "TG004"
    assert raised.value.diag.message_hint
    return raised.value


WITH_A_VIEWER = (
    "gallery_page",
    "gallery_count",
    "gallery_facets",
    "gallery_cursor_at",
    "gallery_pick_strategy",
    "gallery_explain",
)


def test_every_function_that_takes_a_viewer_is_tried_here(conn: Connection) -> None:
    found = conn.execute("""
        SELECT p.proname FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace AND 'viewer' = ANY (p.proargnames)
    """)
    assert {name for (name,) in found} == set(WITH_A_VIEWER)


def test_a_pinned_viewer_is_who_the_session_says_whether_named_or_not(
    conn: Connection, gallery: Gallery
) -> None:
    random = Random(3)
    for viewer in (None, *gallery.users[:2]):
        for _ in range(6):
            wanted = replace(random_filter(random, gallery), viewer=viewer)
            if viewer is None:
                wanted = replace(wanted, content_source_types=None)
            expected = answers(conn, wanted)
            pin(conn, pinned_to="setting")
            with known_as(conn, viewer):
                assert answers(conn, replace(wanted, viewer=None)) == expected, wanted
                assert answers(conn, wanted) == expected, wanted
            pin(conn, pinned_to="nothing")


@pytest.mark.parametrize("function", WITH_A_VIEWER)
def test_a_pinned_viewer_can_name_nobody_else(
    conn: Connection, gallery: Gallery, function: str
) -> None:
    pin(conn, pinned_to="setting")
    for known in (None, gallery.users[0]):
        with known_as(conn, known):
            refusal(conn, function, viewer=gallery.users[1])
            refusal(conn, function, viewer=uuid4())


@pytest.mark.parametrize("function", WITH_A_VIEWER)
@pytest.mark.parametrize(
    "claims", ["no JSON", '{"sub": "nobody"}', '"', "7b", "[]", '"x"', '{"sub": "\\u0000"}']
)
def test_claims_that_name_no_uuid_are_refused_and_not_taken_for_nobody(
    conn: Connection, gallery: Gallery, function: str, claims: str
) -> None:
    pin(conn, pinned_to="setting")
    with calls.settings(conn, **{CLAIMS: claims}):
        refusal(conn, function)


def test_claims_without_the_field_are_nobodys(conn: Connection, gallery: Gallery) -> None:
    """As those of a visitor who has not logged in."""
    expected = answers(conn, Filter())
    pin(conn, pinned_to="setting")
    for claims in ("", "{}", '{"role": "anon"}', '{"sub": null}'):
        with calls.settings(conn, **{CLAIMS: claims}):
            assert answers(conn, Filter()) == expected, claims


def test_a_whole_setting_may_name_the_viewer(conn: Connection, gallery: Gallery) -> None:
    viewer = gallery.users[0]
    expected = answers(conn, Filter(viewer=viewer))
    pin(conn, pinned_to="setting", setting_name="my.viewer", claim="")
    with calls.settings(conn, **{"my.viewer": str(viewer)}):
        assert answers(conn, Filter()) == expected


def test_a_viewer_pinned_to_the_role_is_the_user_who_is_called_like_it(
    conn: Connection, gallery: Gallery, server: Server
) -> None:
    if not server.superuser:
        pytest.skip("making roles needs a superuser")
    viewer = gallery.users[0]
    expected = answers(conn, Filter(viewer=viewer))
    nobodys = answers(conn, Filter())
    assert expected != nobodys
    (grants,) = documented_grants("reader", THIRD_SOURCE)
    with new_role(conn, " ".join(grants)) as name:
        conn.execute(calls.query(f"GRANT SELECT ON users TO {name}"))
        pin(conn, pinned_to="role")
        with acting_as(conn, name):
            assert answers(conn, Filter()) == nobodys
        conn.execute("UPDATE users SET username = %s WHERE id = %s", (name, viewer))
        with acting_as(conn, name):
            assert answers(conn, Filter()) == expected
            refusal(conn, "gallery_count", viewer=gallery.users[1])


def test_an_administrator_sees_everything_when_asking_for_it(
    conn: Connection, gallery: Gallery, server: Server
) -> None:
    """Only then; and may look with anybody's eyes, though the viewer is pinned."""
    if not server.superuser:
        pytest.skip("making roles needs a superuser")
    public = [replace(item, is_private=False) for item in gallery.items]
    viewer = gallery.users[0]
    theirs = answers(conn, Filter(viewer=viewer))
    nobodys = answers(conn, Filter())
    (grants,) = documented_grants("reader", THIRD_SOURCE)
    with (
        new_role(conn) as administrators,
        new_role(conn, " ".join(grants)) as name,
    ):
        conn.execute(calls.query(f"GRANT {administrators} TO {name}"))
        pin(conn, pinned_to="setting", administrators=administrators)
        with acting_as(conn, name):
            assert answers(conn, Filter()) == nobodys
            assert answers(conn, Filter(viewer=viewer)) == theirs
            with calls.settings(conn, **{"pg_gallery.see_everything": "on"}):
                assert calls.value_of(conn, "gallery_count") == len(public)
                asker = Asker(conn, Random(5), replace(gallery, items=public))
                asker.ask(40, tags=False)
        assert asker.tally["bitmap"], asker.tally


def test_who_is_no_administrator_does_not_see_everything(
    conn: Connection, gallery: Gallery, server: Server
) -> None:
    """Not by asking, nor through a function that runs as one who is."""
    if not server.superuser:
        pytest.skip("making roles needs a superuser")
    conn.execute("""
        CREATE OR REPLACE FUNCTION own_count() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS
            'SELECT public.gallery_count()'
    """)
    (grants,) = documented_grants("reader", THIRD_SOURCE)
    with (
        new_role(conn) as administrators,
        new_role(conn, " ".join(grants)) as name,
    ):
        for chosen in ("", administrators, "no such role"):
            pin(conn, administrators=chosen)
            with (
                acting_as(conn, name),
                calls.settings(conn, **{"pg_gallery.see_everything": "on"}),
            ):
                for function in WITH_A_VIEWER:
                    assert "everything" in str(refusal(conn, function))
                refusal(conn, "own_count")
