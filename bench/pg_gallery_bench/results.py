"""What a run of the benchmark found, as data: kept as JSON, read by the reports."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias

Role: TypeAlias = Literal["ours", "strategy", "rival", "engine"]
Verdict: TypeAlias = Literal["same", "different", "failed", "timed out", "cannot express"]

OURS = "pg_gallery"
ORIGINAL = "original"
A_TWELFTH = "half_a and the general tag of rank 85: a twelfth of all"
DIRTY_ITEMS = 1000
CANONICAL = "anime, all four source types"


@dataclass
class Plan:
    """How the database went about a query: shared buffers touched, and EXPLAIN's words."""

    buffers: int
    text: str


@dataclass
class Measured:
    """What one rival did with one query."""

    verdict: Verdict
    milliseconds: list[float] = field(default_factory=list)
    rows: int | None = None
    plan: Plan | None = None
    note: str = ""

    @property
    def median(self) -> float | None:
        """The median of the runs, in milliseconds; None where there is no answer."""
        return statistics.median(self.milliseconds) if self.milliseconds else None


@dataclass
class QueryResult:
    """One query of the matrix, at all rivals by name."""

    group: str
    name: str
    kind: str
    measured: dict[str, Measured]

    @property
    def title(self) -> str:
        """The query's name among all."""
        return f"{self.group}: {self.name}"


@dataclass
class RivalInfo:
    """Who was measured, what it needed, and how its session was set."""

    name: str
    role: Role
    about: str
    settings: dict[str, str]
    build_seconds: float | None = None
    size_bytes: int | None = None


@dataclass
class LoadPoint:
    """Pages served to so many clients at once, beside a writer and the refresher."""

    clients: int
    seconds: float
    pages: int
    errors: int
    p50: float
    p95: float
    p99: float
    writes: int
    refreshes: int
    slowest_refresh: float  # seconds; 0 for none

    @property
    def pages_per_second(self) -> float:
        """Over all clients."""
        return self.pages / self.seconds


@dataclass
class GrowthPoint:
    """The same queries at one size of the gallery: medians in milliseconds by query and rival."""

    items: int
    tag_rows: int
    create_seconds: float
    index_bytes: int
    medians: dict[str, dict[str, float | None]]


@dataclass
class Upkeep:
    """What the bitmap index takes, to hold and to keep up to date."""

    junction_bytes: int  # with its indexes
    index_bytes: int  # everything in the schema gallery
    junction_index_seconds: float  # one index of the junction, built alone
    rebuild_seconds: float | None  # gallery_rebuild(), when the gallery was made
    insert_ms: float  # an item with its tags, the log's triggers on
    insert_untriggered_ms: float
    refresh_new_items: int
    refresh_seconds: float  # gallery_refresh() after that many new items


@dataclass
class Results:
    """One run."""

    preset: str
    machine: dict[str, str]
    size: dict[str, int]
    created: dict[str, float]  # seconds by step
    rivals: list[RivalInfo]
    timeout_seconds: float
    matrix: list[QueryResult] = field(default_factory=list)
    random: list[QueryResult] = field(default_factory=list)  # ours and the strategies, by shape
    dirty: list[QueryResult] = field(default_factory=list)  # ours, with DIRTY_ITEMS waiting
    cold: list[QueryResult] = field(default_factory=list)
    load: list[LoadPoint] = field(default_factory=list)
    growth: list[GrowthPoint] = field(default_factory=list)
    upkeep: Upkeep | None = None
    seed: int = 1  # of the random queries
    explained: dict[str, str] = field(default_factory=dict)  # a plan for each strategy

    def left_out(self) -> list[str]:
        """The steps that this run did not take."""
        steps = {
            "matrix": self.matrix,
            "random": self.random,
            "plans": self.explained,
            "upkeep": self.upkeep,
            "dirty": self.dirty,
            "load": self.load,
            "growth": self.growth,
            "cold": self.cold,
        }
        return [name for name, found in steps.items() if not found]

    def names(self, *roles: Role) -> list[str]:
        """The rivals of these roles, in order."""
        return [rival.name for rival in self.rivals if rival.role in roles]

    def as_json(self) -> dict[str, Any]:
        """In terms of JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Results:
        """What :meth:`as_json` gave."""
        upkeep = document["upkeep"]
        return cls(
            **{
                **document,
                "rivals": [RivalInfo(**rival) for rival in document["rivals"]],
                "matrix": [_query_result(result) for result in document["matrix"]],
                "random": [_query_result(result) for result in document.get("random", ())],
                "dirty": [_query_result(result) for result in document["dirty"]],
                "cold": [_query_result(result) for result in document["cold"]],
                "load": [LoadPoint(**point) for point in document["load"]],
                "growth": [GrowthPoint(**point) for point in document["growth"]],
                "upkeep": Upkeep(**upkeep) if upkeep else None,
            }
        )


def _query_result(document: dict[str, Any]) -> QueryResult:
    measured = {name: _measured(one) for name, one in document["measured"].items()}
    return QueryResult(**{**document, "measured": measured})


def _measured(document: dict[str, Any]) -> Measured:
    plan = document["plan"]
    return Measured(**{**document, "plan": Plan(**plan) if plan else None})
