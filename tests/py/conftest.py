"""Fixtures that every test may use: servers, fresh databases on them, connections, standbys.

A test with one of these fixtures runs once on each server, unless `@pytest.mark.servers("pg15")`
names those it is for. PG_GALLERY_TEST_SERVERS names the servers to test, `npm16,npm17` say; without
it they are pg15 and pg18. PG_GALLERY_TEST_URL names a server of one's own: then all run on that
alone. PG_GALLERY_EXAMPLES sets how many examples a property is tried on. Under pytest-xdist, with
`-n 2 --dist loadgroup`, two servers at a time are tested side by side, each by one worker.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from galleries import THIRD_SOURCE
from harness.container import ContainerServer
from harness.embedded import EmbeddedServer, NpmServer
from harness.server import Server
from harness.standby import Standby
from index_states import shrink_index

OWN_URL = os.environ.get("PG_GALLERY_TEST_URL", "")

MANAGED: dict[str, Callable[[], Server]] = {
    ContainerServer.name: ContainerServer,
    EmbeddedServer.name: EmbeddedServer,
    **{f"npm{version}": partial(NpmServer, version) for version in (15, 16, 17)},
}
NAMES = os.environ.get("PG_GALLERY_TEST_SERVERS", "pg15,pg18").split(",")
SERVERS: dict[str, Callable[[], Server]] = (
    {Server.name: lambda: Server(OWN_URL)} if OWN_URL else {name: MANAGED[name] for name in NAMES}
)

settings.register_profile(
    "ci",
    deadline=None,
    max_examples=int(os.environ.get("PG_GALLERY_EXAMPLES", "50")),
    print_blob=True,
    # A property may use one database for all its examples, and take its time with each.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("ci")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "servers(*names): the servers to run on, say pg15")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselects tests on servers that their marker `servers` doesn't name, groups the others."""
    config.hook.pytest_deselected(items=[item for item in items if not _wanted(item)])
    items[:] = filter(_wanted, items)
    for item in items:
        if name := _server_name(item):
            item.add_marker(pytest.mark.xdist_group(name))


def _wanted(item: pytest.Item) -> bool:
    marker = item.get_closest_marker("servers")
    return marker is None or _server_name(item) in (None, Server.name, *marker.args)


def _server_name(item: pytest.Item) -> str | None:
    """The server that the test runs on, if it takes one."""
    call = getattr(item, "callspec", None)
    return call.params.get("server") if call else None


@pytest.fixture(scope="session", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The server under test, started for the session."""
    server = SERVERS[request.param]()
    yield server
    server.close()


@pytest.fixture
def database_url(server: Server) -> Iterator[str]:
    """The URL of a fresh database, migrated to head."""
    url = server.new_database()
    yield url
    server.drop_database(url)


@pytest.fixture(scope="module")
def small_index_url(module_database_url: str) -> str:
    """One database for a whole file, with a third source, whose bitmap index is all small."""
    with psycopg.connect(module_database_url, autocommit=True) as conn:
        conn.execute("SELECT gallery_add_source(%s)", [THIRD_SOURCE])
        shrink_index(conn)
    return module_database_url


@pytest.fixture(scope="module")
def module_database_url(server: Server) -> Iterator[str]:
    """The URL of a database, migrated to head, that the tests of one file share.

    A file that means `conn` to be a connection to it overrides `database_url` with it.
    """
    url = server.new_database()
    yield url
    server.drop_database(url)


@pytest.fixture
def empty_url(server: Server) -> Iterator[str]:
    """The URL of a fresh database with nothing in it."""
    url = server.empty_database()
    yield url
    server.drop_database(url)


@pytest.fixture
def conn(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection, in autocommit, to the database of `database_url`."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def standby(server: Server) -> Iterator[Callable[[], Standby]]:
    """Makes hot standbys of the server: `standby()`."""
    standbys: list[Standby] = []

    def make() -> Standby:
        standbys.append(server.make_standby())
        return standbys[-1]

    yield make
    for made in standbys:
        made.close()
