"""Writers, refreshers and readers in every order that matters, as interleavings/*.spec have it."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

import calls
from harness.server import Server
from index_states import shrink_index
from interleavings.invariant import Observer, check_all_answers
from interleavings.runner import result_of, run
from interleavings.spec import HERE, Permutation, Spec, parse, read_specs
from soak import check_derived

# What one transaction sees of another is the same in every version: each permutation, which takes
# some seconds, is tried on every other one.
VERSIONS = (("pg15", "pg17"), ("pg16", "pg18"))

CASES = [
    pytest.param(
        spec,
        permutation,
        id=f"{spec.name}: {permutation.title}",
        marks=pytest.mark.servers(*VERSIONS[number % 2]),
    )
    for number, (spec, permutation) in enumerate(
        (spec, permutation) for spec in read_specs() for permutation in spec.permutations
    )
]


TWO_SESSIONS = """
session first
step a { SELECT 1 }
step b { BEGIN; LOCK TABLE tags }
session second
step c { SELECT 2 }
every order
step d { SELECT shown('tens') }
step fails { SELECT 1 / 0 }
"""


@pytest.fixture(scope="module")
def template_url(server: Server) -> Iterator[str]:
    """A database that holds the gallery, its index built in small blocks; nobody is connected."""
    url = server.new_database()
    with psycopg.connect(url, autocommit=True) as conn:
        shrink_index(conn)
        conn.execute(calls.query((HERE / "gallery.sql").read_text(encoding="utf-8")))
        conn.execute("CALL gallery_rebuild()")
        conn.execute("CALL gallery_refresh()")
    yield url
    server.drop_database(url)


@pytest.fixture
def database_url(server: Server, template_url: str) -> Iterator[str]:
    """A fresh database with the gallery."""
    url = server.cloned_database(template_url)
    yield url
    server.drop_database(url)


@pytest.mark.parametrize(("spec", "permutation"), CASES)
def test_every_order_is_exact(database_url: str, spec: Spec, permutation: Permutation) -> None:
    with Observer(database_url) as observer:
        run(database_url, spec, permutation, observer.look)
        observer.look_back()
    with psycopg.connect(database_url, autocommit=True) as conn:
        check_outcome(conn, spec)
        check_derived(conn)
        check_outcome(conn, spec)


def check_outcome(conn: calls.Connection, spec: Spec) -> None:
    """What the specification promises of every order, what holds of all, and no damage."""
    for query, promised in spec.outcomes.items():
        assert result_of(conn, query) == promised, query
    check_all_answers(conn)
    assert calls.rows_of(conn, "gallery_verify") == []


# --- the specifications themselves ---


def test_every_order_keeps_the_steps_of_each_session_in_theirs() -> None:
    orders = [permutation.title for permutation in parse("two", TWO_SESSIONS).permutations]
    assert sorted(orders) == ["a, b, c", "a, c, b", "c, a, b"]


@pytest.mark.parametrize(
    "odd", ["stepp d { SELECT 1 }", "permutation\n    a  wait", "permutation\n  e"]
)
def test_what_means_nothing_is_refused(odd: str) -> None:
    with pytest.raises(ValueError, match=r"odd|turn"):
        parse("odd", f"{TWO_SESSIONS}\n{odd}\n")


@pytest.mark.parametrize(
    ("turns", "broken"),
    [
        ("a -> 2", "a shows 1, not 2"),
        ("c waits", "c waits for another session"),
        ("b\n d", "d waits for no other session"),
        ("b\n d waits", "a step that waited has not ended"),
        ("fails", "fails: error 22012: division by zero"),
        ("fails -> error TG006", "fails: error 22012: division by zero"),
    ],
)
def test_a_promise_that_is_not_kept_fails(database_url: str, turns: str, broken: str) -> None:
    spec = parse("broken", f"{TWO_SESSIONS}\npermutation all of it\n {turns}\n")
    with pytest.raises(AssertionError, match=broken):
        run(database_url, spec, spec.permutations[-1], lambda: None)
