"""Telemetry: what a span and the metrics say of a call, and that calls are the same without it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client import CollectorRegistry

from pg_gallery import AsyncGallery, Gallery, GalleryError, errors
from pg_gallery.telemetry import Telemetry


@pytest.fixture(scope="module")
def database_url(module_database_url: str) -> str:
    """One database for the whole file, with two items of one tag."""
    with psycopg.connect(module_database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO tags (name) VALUES ('secret name');"
            "INSERT INTO content_items_all (id, source_type, content_type)"
            " VALUES (1, 'items', 'x'), (2, 'auto', 'x');"
            "INSERT INTO content_tags SELECT i.id, i.source_type, t.id"
            " FROM content_items_all i CROSS JOIN tags t"
        )
    return module_database_url


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def telemetry(exporter: InMemorySpanExporter, registry: CollectorRegistry) -> Telemetry:
    """Telemetry that asks for the strategy of every page."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Telemetry(tracer_provider=provider, registry=registry, strategy_sample_rate=1)


@pytest.fixture
def gallery(database_url: str, telemetry: Telemetry) -> Iterator[Gallery]:
    with Gallery(database_url, telemetry=telemetry) as gallery:
        yield gallery


def the_span(exporter: InMemorySpanExporter) -> ReadableSpan:
    (span,) = exporter.get_finished_spans()
    return span


def calls(registry: CollectorRegistry, **labels: str) -> float | None:
    return registry.get_sample_value("pg_gallery_calls_total", labels)


def test_a_call_is_a_client_span_by_the_database_conventions(
    gallery: Gallery, exporter: InMemorySpanExporter
) -> None:
    gallery.page(tags_all=["secret name"], strategy="ordered_walk")
    span = the_span(exporter)
    assert span.name == "gallery.page" and span.kind is SpanKind.CLIENT
    attributes = dict(span.attributes or {})
    text = str(attributes.pop("db.query.text"))
    assert text.startswith("SELECT * FROM gallery_page(tags_all => ")
    assert attributes == {
        "db.system.name": "postgresql",
        "db.operation.name": "SELECT",
        "db.stored_procedure.name": "gallery_page",
        "db.query.summary": "SELECT gallery_page",
        "db.response.returned_rows": 2,
        "pg_gallery.strategy": "ordered_walk",
    }


def test_a_span_holds_no_value_of_the_caller(
    gallery: Gallery, exporter: InMemorySpanExporter
) -> None:
    gallery.page(tags_all=["secret name"], search="secret words")
    assert "secret" not in str(dict(the_span(exporter).attributes or {}))


def test_a_procedure_is_a_call(gallery: Gallery, exporter: InMemorySpanExporter) -> None:
    gallery.refresh()
    span = the_span(exporter)
    assert span.name == "gallery.refresh"
    assert (span.attributes or {})["db.operation.name"] == "CALL"


def test_an_error_is_on_the_span_and_in_the_count(
    gallery: Gallery, exporter: InMemorySpanExporter, registry: CollectorRegistry
) -> None:
    with pytest.raises(errors.InvalidArgument):
        gallery.page(page_size=0)
    span = the_span(exporter)
    attributes = dict(span.attributes or {})
    assert span.status.status_code is StatusCode.ERROR
    assert attributes["error.type"] == attributes["db.response.status_code"] == "TG004"
    assert calls(registry, function="gallery_page", strategy="", outcome="TG004") == 1


def test_calls_are_counted_and_timed_by_function_and_strategy(
    gallery: Gallery, registry: CollectorRegistry
) -> None:
    for _ in range(3):
        gallery.page(strategy="ordered_walk")
    gallery.count()
    walk = {"function": "gallery_page", "strategy": "ordered_walk"}
    assert calls(registry, **walk, outcome="ok") == 3
    assert calls(registry, function="gallery_count", strategy="", outcome="ok") == 1
    count = registry.get_sample_value("pg_gallery_call_duration_seconds_count", walk)
    total = registry.get_sample_value("pg_gallery_call_duration_seconds_sum", walk)
    assert count == 3 and total is not None and total > 0


def test_the_strategy_that_the_planner_chose_is_asked_for(
    gallery: Gallery, exporter: InMemorySpanExporter, registry: CollectorRegistry
) -> None:
    chosen = gallery.pick_strategy(tags_all=["secret name"]).strategy
    exporter.clear()
    gallery.page(tags_all=["secret name"], page_size=1, sort_order="asc")
    attributes = dict(the_span(exporter).attributes or {})
    assert attributes["pg_gallery.strategy"] == chosen
    assert attributes["pg_gallery.k"] == 1
    assert calls(registry, function="gallery_page", strategy=chosen, outcome="ok") == 1


def test_the_strategy_is_not_asked_for_at_rate_0(
    database_url: str, registry: CollectorRegistry
) -> None:
    telemetry = Telemetry(tracing=False, registry=registry, strategy_sample_rate=0)
    with Gallery(database_url, telemetry=telemetry) as gallery:
        gallery.page()
    assert calls(registry, function="gallery_page", strategy="", outcome="ok") == 1


async def test_async_calls_are_recorded_alike(
    database_url: str,
    telemetry: Telemetry,
    exporter: InMemorySpanExporter,
    registry: CollectorRegistry,
) -> None:
    async with AsyncGallery(database_url, telemetry=telemetry) as gallery:
        await gallery.page(strategy="ordered_walk")
        with pytest.raises(GalleryError):
            await gallery.page(cursor="x")
    assert [span.name for span in exporter.get_finished_spans()] == ["gallery.page"] * 2
    assert calls(registry, function="gallery_page", strategy="", outcome="TG001") == 1


def test_galleries_share_the_metrics_of_a_registry(registry: CollectorRegistry) -> None:
    for _ in range(2):
        Telemetry(tracing=False, registry=registry)


def test_nothing_of_it_is_imported_unless_asked_for() -> None:
    code = (
        "import sys, pg_gallery, pg_gallery.cli, pg_gallery.telemetry;"
        "sys.exit(any(m.startswith(('opentelemetry', 'prometheus_client')) for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("package", "extra"), [("opentelemetry", "otel"), ("prometheus_client", "prometheus")]
)
def test_a_package_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, package: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"pg-gallery\[{extra}\]"):
        Telemetry(tracing=extra == "otel", metrics=extra == "prometheus")
