"""Under row level security, every function answers what plain SQL would under that policy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from uuid import UUID

import psycopg
import pytest

import calls
from answers import Asker
from calls import Connection
from changes import Changes
from galleries import THIRD_SOURCE, THREE_SOURCES, Gallery, random_gallery
from harness.server import Server
from index_states import refreshed
from oracle import Filter
from policies import CLAIMS, POLICIES, Policies, in_force
from roles import acting_as, documented_grants, new_role

FILTERS = 4


@pytest.fixture(scope="module")
def database_url(small_index_url: str) -> str:
    return small_index_url


@pytest.fixture
def gallery(conn: Connection, server: Server) -> Gallery:
    """A gallery that is up to date."""
    if not server.superuser:
        pytest.skip("making roles needs a superuser")
    random = Random(8)
    gallery = random_gallery(random, 150, sources=THREE_SOURCES)
    refreshed(conn, random, gallery)
    return gallery


def seen(conn: Connection, gallery: Gallery) -> Gallery:
    """What of the gallery the session's role can see in the tables."""
    names: dict[UUID, str] = dict(conn.execute("SELECT id, name FROM tags").fetchall())
    return replace(gallery, items=calls.read_items(conn), tags=names)


def change_some(conn: Connection, random: Random, gallery: Gallery) -> None:
    """Changes that the index does not know yet."""
    changes = Changes(conn, random, gallery, gallery.items[::3])
    for _ in range(20):
        changes.make_some()


GRANTS = {
    "the index too": "".join(documented_grants("reader", THIRD_SOURCE)[0]),
    "the tables alone": documented_grants("reader", THIRD_SOURCE)[0][0],
}


@pytest.mark.parametrize("grants", GRANTS.values(), ids=GRANTS)
@pytest.mark.parametrize("policies", POLICIES.values(), ids=POLICIES)
def test_a_reader_is_answered_from_what_the_policy_shows(
    conn: Connection, gallery: Gallery, policies: Policies, grants: str
) -> None:
    """Whether or not it may read the index, and whether or not the index is up to date."""
    random = Random(80)
    hides = policies.hides_items_or_rows_of_tags
    with in_force(conn, policies), new_role(conn, grants) as reader:
        for up_to_date in (True, False):
            if not up_to_date:
                change_some(conn, random, gallery)
            with acting_as(conn, reader):
                asker = Asker(conn, random, seen(conn, gallery), bitmap_refused=hides)
                asker.ask(FILTERS, tags=up_to_date or hides)


@pytest.mark.parametrize("policies", ["some items", "some rows of tags", "no tags", "a partition"])
def test_who_cannot_see_all_rows_cannot_verify_what_was_made_of_all(
    conn: Connection, gallery: Gallery, policies: str
) -> None:
    """The rows that are hidden would seem to be missing, and a sound index to be damaged."""
    with (
        in_force(conn, POLICIES[policies]),
        new_role(conn, GRANTS["the index too"]) as reader,
    ):
        with acting_as(conn, reader), pytest.raises(psycopg.Error, match="row level") as refusal:
            calls.rows_of(conn, "gallery_verify")
        assert refusal.value.sqlstate == "TG006"
        assert calls.rows_of(conn, "gallery_verify") == []


@contextmanager
def claims_of(conn: Connection, user: UUID | None) -> Iterator[None]:
    with calls.settings(conn, **{CLAIMS: json.dumps({"sub": str(user)}) if user else ""}):
        yield


def test_who_is_looking_may_change_from_call_to_call(conn: Connection, gallery: Gallery) -> None:
    """As behind a pooler: one session, whose plans are cached, serves one user after another."""
    random = Random(81)
    users = [*gallery.users, None]
    with (
        in_force(conn, POLICIES["by claims"]),
        new_role(conn, GRANTS["the index too"]) as reader,
        acting_as(conn, reader),
    ):
        for user in users * 2:
            with claims_of(conn, user):
                Asker(conn, random, seen(conn, gallery), bitmap_refused=True).ask(2)


def test_a_viewer_that_is_named_sees_no_more_than_the_policy_shows(
    conn: Connection, gallery: Gallery
) -> None:
    me, other, *_ = gallery.users
    with (
        in_force(conn, POLICIES["by claims"]),
        new_role(conn, GRANTS["the index too"]) as reader,
        acting_as(conn, reader),
        claims_of(conn, me),
    ):
        private = {item.key: item.creator_id for item in gallery.items if item.is_private}
        for viewer, creators in ((other, set()), (me, {me})):
            shown = calls.page(conn, Filter(viewer=viewer), page_size=500).keys
            assert {private[key] for key in shown if key in private} == creators


def test_one_session_serves_the_owner_and_a_reader_in_turn(
    conn: Connection, gallery: Gallery
) -> None:
    """Plans that were made for the one are not used for the other."""
    random = Random(82)
    with (
        in_force(conn, POLICIES["items, rows of tags, and tags"]),
        new_role(conn, GRANTS["the index too"]) as reader,
    ):
        for _ in range(3):
            Asker(conn, random, seen(conn, gallery)).ask(2)
            with acting_as(conn, reader):
                Asker(conn, random, seen(conn, gallery), bitmap_refused=True).ask(2)


@pytest.mark.parametrize("forced", [False, True], ids=["not forced", "forced"])
def test_the_owner_of_the_tables_is_answered_as_plain_sql_answers_it(
    conn: Connection, gallery: Gallery, forced: bool
) -> None:
    random = Random(83)
    policies = POLICIES["items and rows of tags"]
    tables = ("content_items_all", "content_items", "content_items_auto", "content_tags")
    with in_force(conn, policies), new_role(conn, GRANTS["the index too"]) as owner:
        for table in tables:
            conn.execute(calls.query(f"ALTER TABLE {table} OWNER TO {owner}"))
            if forced:
                conn.execute(calls.query(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"))
        try:
            with acting_as(conn, owner):
                visible = seen(conn, gallery)
                assert (len(visible.items) < len(gallery.items)) == forced
                Asker(conn, random, visible, bitmap_refused=forced).ask(FILTERS)
        finally:
            for table in tables:
                conn.execute(calls.query(f"ALTER TABLE {table} OWNER TO CURRENT_USER"))


@pytest.mark.parametrize("policies", ["some items", "some rows of tags"])
def test_with_row_security_off_a_reader_under_a_policy_is_refused_as_by_plain_sql(
    conn: Connection, gallery: Gallery, policies: str
) -> None:
    tag = next(iter(gallery.tags))
    with (
        in_force(conn, POLICIES[policies]),
        new_role(conn, GRANTS["the index too"]) as reader,
        acting_as(conn, reader),
        calls.settings(conn, row_security="off"),
    ):
        for function in (
            "gallery_page",
            "gallery_count",
            "gallery_facets",
            "gallery_explain",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                calls.rows_of(conn, function, tags_all=[tag])
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            calls.rows_of(conn, "gallery_tags")


def test_with_row_security_off_who_bypasses_it_is_answered_from_all(
    conn: Connection, gallery: Gallery
) -> None:
    with in_force(conn, POLICIES["few items"]), calls.settings(conn, row_security="off"):
        Asker(conn, Random(84), seen(conn, gallery)).ask(FILTERS)


@pytest.mark.parametrize(
    "policies", ["some items", "no rows of tags", "some tags", "both partitions"]
)
@pytest.mark.parametrize("procedure", ["gallery_refresh", "gallery_rebuild"])
def test_a_refresher_under_a_policy_is_refused_and_the_index_stays_right(
    conn: Connection, gallery: Gallery, policies: str, procedure: str
) -> None:
    random = Random(85)
    change_some(conn, random, gallery)
    grants = "".join(documented_grants("refresher", THIRD_SOURCE)[0])
    with in_force(conn, POLICIES[policies]), new_role(conn, grants) as refresher:
        with acting_as(conn, refresher):
            with pytest.raises(psycopg.Error) as refusal:
                conn.execute(calls.query(f"CALL {procedure}()"))
            assert refusal.value.sqlstate in ("TG006", "42501")
        conn.execute(calls.query(f"ALTER ROLE {refresher} BYPASSRLS"))
        with acting_as(conn, refresher):
            conn.execute(calls.query(f"CALL {procedure}()"))
    assert calls.rows_of(conn, "gallery_verify") == []
    Asker(conn, random, seen(conn, gallery)).ask(FILTERS)
