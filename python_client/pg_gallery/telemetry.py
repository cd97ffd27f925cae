"""Spans and metrics of the calls that a gallery makes.

    gallery = Gallery(url, telemetry=Telemetry())

It needs the packages of ``pip install 'pg-gallery[otel,prometheus]'``, or those of the part in use.

**Spans** (OpenTelemetry, by its conventions for database clients): a client span a call, named like
``gallery.page``, with ``db.system.name``, ``db.operation.name``, ``db.stored_procedure.name``,
``db.query.text`` (never the values), ``db.response.status_code`` and ``error.type`` where it
failed, and ``pg_gallery.strategy`` where the strategy is known.

**Metrics** (Prometheus): ``pg_gallery_calls_total`` by function, strategy and outcome (``ok``, or
the SQLSTATE or name of the error), ``pg_gallery_call_duration_seconds`` by function and strategy, a
histogram, of which P50 and P95 are taken by ``histogram_quantile``.

A page does not say which strategy found it, so the server is asked by gallery_pick_strategy, after
every tenth page by default: only those calls, and those with a forced strategy, carry one.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from ._calls import Call
from ._psycopg import statement
from ._version import __version__
from .errors import sqlstate_of
from .results import PageRows, StrategyChoice

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer, TracerProvider
    from prometheus_client import CollectorRegistry, Counter, Histogram

SECONDS = (
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05,
    0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0,
)  # fmt: skip
"""The bounds of the histogram's buckets."""


class Telemetry:
    """What is recorded of the calls of the galleries that it is given to.

    ``tracing`` and ``metrics`` switch the two parts on; each needs its package, or ImportError is
    raised. ``strategy_sample_rate`` is the share of pages, 0 to 1, after which the server is asked
    for the strategy. ``tracer_provider`` and ``registry`` stand in for the global ones.
    """

    def __init__(
        self,
        *,
        tracing: bool = True,
        metrics: bool = True,
        strategy_sample_rate: float = 0.1,
        tracer_provider: TracerProvider | None = None,
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._tracer = _tracer(tracer_provider) if tracing else None
        self._metrics = _metrics(registry) if metrics else None
        self._sample_rate = strategy_sample_rate

    @contextmanager
    def record(self, call: Call[Any], schema: str | None) -> Iterator[Recording]:
        """Record what happens to a call while it is run."""
        with self._span(call, schema) as span:
            recording = Recording(call, random.random() < self._sample_rate)
            try:
                yield recording
            except Exception as error:
                recording.fail(error)
                raise
            finally:
                if span is not None:
                    recording.describe_on(span)
                if self._metrics is not None:
                    self._metrics.count(recording)

    @contextmanager
    def _span(self, call: Call[Any], schema: str | None) -> Iterator[Span | None]:
        if self._tracer is None:
            yield None
            return
        from opentelemetry.trace import SpanKind  # noqa: PLC0415 - optional

        operation = "CALL" if call.procedure else "SELECT"
        attributes = {
            "db.system.name": "postgresql",
            "db.operation.name": operation,
            "db.stored_procedure.name": call.function,
            "db.query.summary": f"{operation} {call.function}",
            "db.query.text": statement(call, schema),
        }
        name = f"gallery.{call.function.removeprefix('gallery_')}"
        with self._tracer.start_as_current_span(
            name, kind=SpanKind.CLIENT, attributes=attributes
        ) as span:
            yield span


class Recording:
    """One call: how long it took, what came of it, and by which strategy."""

    def __init__(self, call: Call[Any], sampled: bool) -> None:
        self.function = call.function
        self.strategy = call.parameters.get("strategy")
        self.outcome = "ok"
        self.seconds = 0.0
        self._choice: StrategyChoice | None = None
        self._rows: int | None = None
        self._wants_strategy = sampled and self.strategy is None and self.function == "gallery_page"
        self._started = time.perf_counter()

    def finish(self, result: object) -> bool:
        """Take the time and the number of rows. Gives whether the strategy should be asked for."""
        self.seconds = time.perf_counter() - self._started
        if isinstance(result, PageRows | tuple):
            self._rows = len(result)
        return self._wants_strategy

    def choose(self, choice: StrategyChoice) -> None:
        """Take what the server says of the strategy."""
        self._choice = choice
        self.strategy = choice.strategy

    def fail(self, error: Exception) -> None:
        """Take the error."""
        self.seconds = self.seconds or time.perf_counter() - self._started
        self.outcome = sqlstate_of(error) or type(error).__name__

    def describe_on(self, span: Span) -> None:
        """Set the span's attributes."""
        attributes: dict[str, Any] = {
            "db.response.returned_rows": self._rows,
            "pg_gallery.strategy": self.strategy,
        }
        if self._choice is not None:
            attributes["pg_gallery.k"] = self._choice.k
            attributes["pg_gallery.rarest_count"] = self._choice.rarest_count
            attributes["pg_gallery.estimated_candidates"] = self._choice.estimated_candidates
        if self.outcome != "ok":
            attributes["db.response.status_code"] = self.outcome
            attributes["error.type"] = self.outcome
        span.set_attributes(
            {name: value for name, value in attributes.items() if value is not None}
        )


class _Metrics:
    """The counters and histograms in one registry."""

    def __init__(self, calls: Counter, seconds: Histogram) -> None:
        self._calls = calls
        self._seconds = seconds

    def count(self, recording: Recording) -> None:
        labels = {"function": recording.function, "strategy": recording.strategy or ""}
        self._calls.labels(**labels, outcome=recording.outcome).inc()
        self._seconds.labels(**labels).observe(recording.seconds)


def _tracer(provider: TracerProvider | None) -> Tracer:
    try:
        from opentelemetry import trace  # noqa: PLC0415 - optional
    except ImportError as error:
        raise ImportError("Tracing needs: pip install 'pg-gallery[otel]'") from error
    return trace.get_tracer("pg_gallery", __version__, tracer_provider=provider)


def _metrics(registry: CollectorRegistry | None) -> _Metrics:
    try:
        from prometheus_client import REGISTRY  # noqa: PLC0415 - optional
    except ImportError as error:
        raise ImportError("Metrics need: pip install 'pg-gallery[prometheus]'") from error
    return _metrics_in(registry or REGISTRY)


@cache
def _metrics_in(registry: CollectorRegistry) -> _Metrics:
    """One set of them a registry, however many galleries report to it."""
    from prometheus_client import Counter, Histogram  # noqa: PLC0415 - optional

    labels = ["function", "strategy"]
    return _Metrics(
        Counter(
            "pg_gallery_calls",
            "Calls of gallery functions.",
            [*labels, "outcome"],
            registry=registry,
        ),
        Histogram(
            "pg_gallery_call_duration_seconds",
            "Seconds that calls of gallery functions took, rows included.",
            labels,
            registry=registry,
            buckets=SECONDS,
        ),
    )
