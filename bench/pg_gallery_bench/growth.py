"""Growth: the same questions at several sizes of the gallery, each in a database of its own."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from pg_gallery import migrate

from .dataset import FULL_TAG_ROWS, FULL_TOTAL, Size
from .generate import Progress, create
from .matrix import Catalog
from .measure import Effort, measure
from .query import Filter, Query
from .results import GrowthPoint
from .rivals.base import Rival
from .rivals.obvious import Exists, Original
from .rivals.ours import Ours
from .upkeep import index_bytes

_DATABASE = "pg_gallery_bench_growth"


def queries(c: Catalog) -> list[Query]:
    """Tags whose shares of the items are the same at every size."""
    tags = {
        "anime": ("anime",),
        "middling tag": ("count_16044",),
        "rare tag": ("count_40",),
        "old tag": ("old_only",),
        "disjoint halves": ("half_a", "half_b"),
        "disjoint 50,000s": ("pair_50k_a", "pair_50k_b"),
    }
    made = [Query("growth", name, Filter(tags_all=c.ids(*names))) for name, names in tags.items()]
    superset, subset = c.ids("superset_300k"), c.ids("subset_200k")
    without = Filter(tags_all=superset, tags_none=subset)
    counted = Filter(tags_all=c.ids("half_a", "anime"))
    made.append(Query("growth", "A and not B", without))
    made.append(Query("growth", "count of two popular tags", counted, kind="count"))
    return made


def size_of(total: int) -> Size:
    """So many items, with fewer tags each where they would be more rows than the real gallery's."""
    return Size.of(total, min(FULL_TAG_ROWS / FULL_TOTAL, FULL_TAG_ROWS / total))


def grow(
    url: str, totals: Sequence[int], effort: Effort, timeout_seconds: float, progress: Progress
) -> list[GrowthPoint]:
    """Makes, measures and drops a gallery of each size on the server at ``url``."""
    points = []
    for number, total in enumerate(totals):
        _recreate(url)
        try:
            there = make_conninfo(url, dbname=_DATABASE)
            migrate.upgrade(there)
            points.append(_point(there, size_of(total), effort, timeout_seconds))
        finally:
            _drop(url)
        progress("growth", number + 1, len(totals))
    return points


def _point(url: str, size: Size, effort: Effort, timeout_seconds: float) -> GrowthPoint:
    created = create(url, size)
    ours = Ours(url, timeout_seconds)
    rivals: list[Rival] = [ours, Original(url, timeout_seconds), Exists(url, timeout_seconds)]
    with psycopg.connect(url, autocommit=True) as connection:
        medians = {}
        for query in queries(Catalog.read(connection)):
            measured = measure(ours.locate(query), rivals, effort, plans=False)
            medians[query.name] = {name: one.median for name, one in measured.items()}
        point = GrowthPoint(
            items=size.total,
            tag_rows=size.tag_rows,
            create_seconds=created.total_seconds,
            index_bytes=index_bytes(connection),
            medians=medians,
        )
    for rival in rivals:
        rival.close()
    return point


def _recreate(url: str) -> None:
    _drop(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_DATABASE)))


def _drop(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        name = sql.Identifier(_DATABASE)
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
