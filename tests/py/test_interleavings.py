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
from interleavings.spec import HERE, Permutation, Spec, read_specs
from soak import check_derived

CASES = [
    pytest.param(spec, permutation, id=f"{spec.name}: {permutation.title}")
    for spec in read_specs()
    for permutation in spec.permutations
]


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
