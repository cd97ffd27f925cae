"""Through PgBouncer in transaction mode, where all clients share one connection to the server."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import psycopg

from harness.server import Server
from pg_gallery import Gallery, loading, migrate

KEPT = """
    SELECT (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'),
           (SELECT count(*) FROM pg_prepared_statements),
           current_setting('search_path'), current_setting('lock_timeout')
"""


def test_a_migration_leaves_nothing_on_the_pooled_connection(
    server: Server, empty_url: str
) -> None:
    with server.pooled(empty_url) as url:
        with psycopg.connect(url, prepare_threshold=None) as connection:
            before = connection.execute(KEPT).fetchone()
        migrate.upgrade(url)
        with psycopg.connect(url, prepare_threshold=None) as connection:
            assert connection.execute(KEPT).fetchone() == before


def test_clients_that_share_a_connection_meet_no_prepared_statement(
    server: Server, database_url: str
) -> None:
    line = b'{"source_type": "items", "content_type": "x", "tags": ["a", "b"]}\n'

    def work(url: str) -> int:
        with Gallery(url) as gallery:
            for _ in range(20):
                gallery.page(tags_all=["a"], page_size=5)
                gallery.facets()
            gallery.refresh()
            return gallery.count(tags_all=["a", "b"])

    def work_on_a_connection_of_its_own(url: str) -> int:
        with psycopg.connect(url, autocommit=True) as connection:
            gallery = Gallery(connection)
            return [gallery.count(tags_all=["a"]) for _ in range(20)][-1]

    with server.pooled(database_url) as url:
        for _ in range(8):
            with psycopg.connect(url, autocommit=True) as connection:
                loading.load(connection, io.BytesIO(line))
        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(work, [url] * 4)) == [8] * 4
            assert list(threads.map(work_on_a_connection_of_its_own, [url] * 4)) == [8] * 4
