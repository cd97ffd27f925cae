"""The matrix: the queries that every rival is asked, on a gallery made by :mod:`generate`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg

from . import words
from .query import PAGE_SIZE, Filter, Query
from .results import A_TWELFTH, CANONICAL

ALL_KINDS = ("user-regular", "user-auto", "community-regular", "community-auto")
SPECIAL_TAGS = (
    "anime",
    "half_a",
    "half_b",
    "superset_300k",
    "subset_200k",
    "pair_50k_a",
    "pair_50k_b",
    "old_only",
    "count_16044",
    "count_5000",
    "count_40",
    "count_1",
)
_MOST_TAGS = 15


@dataclass(frozen=True)
class Catalog:
    """What the queries are made of."""

    tags: dict[str, UUID]
    users: dict[str, UUID]
    general: list[str]  # names of the general tags, the commonest first
    item_tags: list[str]  # tags of one item, the commonest first
    quantiles: list[datetime]  # creation times: a tenth, half, nine tenths of the items are older

    @classmethod
    def read(cls, connection: psycopg.Connection[Any]) -> Catalog:
        """Reads it from a gallery that the generator made."""
        tags = dict(connection.execute("SELECT name, id FROM tags").fetchall())
        users = dict(connection.execute("SELECT username, id FROM users").fetchall())
        general = [words.tag_name(rank) for rank in range(len(tags) - len(SPECIAL_TAGS))]
        (quantiles,) = _row(
            connection,
            "SELECT percentile_disc(array[0.1, 0.5, 0.9]) WITHIN GROUP (ORDER BY created_at)"
            " FROM content_items_all",
        )
        (names,) = _row(
            connection,
            "SELECT array_agg(g.name) FROM content_tags t JOIN tags g ON g.id = t.tag_id"
            " WHERE t.content_source = 'auto' AND g.name <> ALL (%s) AND t.content_id = ("
            "SELECT i.id FROM content_items_auto i WHERE NOT i.is_private AND i.created_at >= %s"
            " AND %s <= (SELECT count(*) FROM content_tags c WHERE c.content_id = i.id"
            " AND c.content_source = 'auto') ORDER BY i.created_at, i.id LIMIT 1)",
            [list(SPECIAL_TAGS), quantiles[1], _MOST_TAGS + len(SPECIAL_TAGS)],
        )
        return cls(tags, users, general, _spread(_by_rank(general, names or ())), quantiles)

    def ids(self, *names: str) -> tuple[UUID, ...]:
        """The tags of these names."""
        return tuple(self.tags[name] for name in names)

    def creator(self, rank: int) -> UUID:
        """The creator with that many items, from 0 for the busiest."""
        return self.users[words.user_name(rank)]

    def popular(self, count: int) -> tuple[UUID, ...]:
        """The commonest general tags, each on more than a third of the items."""
        return self.ids(*self.general[:count])

    def middling(self, count: int) -> tuple[UUID, ...]:
        """General tags from a fiftieth of the way down, each on some percent of the items."""
        start = len(self.general) // 50
        return self.ids(*self.general[start : start + count])

    def mixed(self, count: int) -> tuple[UUID, ...]:
        """General tags from the commonest to the rarest, in steps that grow."""
        last = len(self.general) - 1
        return self.ids(*(self.general[round(last ** (n / (count - 1)))] for n in range(count)))


def matrix(catalog: Catalog) -> list[Query]:
    """Every query, a group after the other."""
    return [
        query
        for group in (
            _original_failure,
            _single_tags,
            _pairs,
            _without,
            _any_of,
            _many_tags,
            _people,
            _other_conditions,
            _search,
            _deep_pages,
            _sorts,
            _counts,
            _facets,
            _jumps,
        )
        for query in group(catalog)
    ]


def _original_failure(c: Catalog) -> Iterator[Query]:
    viewer = c.creator(0)
    of_all = Filter(content_source_types=ALL_KINDS, viewer=viewer)
    group = "the original failure"
    one = replace(of_all, tags_all=c.ids("anime"))
    several = replace(of_all, tags_all=(*c.ids("anime"), *c.popular(3)))
    yield Query(group, CANONICAL, one)
    yield Query(group, "anime, its hundredth page", one, rank=99 * PAGE_SIZE)
    yield Query(group, "anime and three more", several)
    yield Query(group, "anime and three more, its hundredth page", several, rank=99 * PAGE_SIZE)


def _single_tags(c: Catalog) -> Iterator[Query]:
    yield Query("one tag", "no tag at all")
    for name in SPECIAL_TAGS:
        yield Query("one tag", name, Filter(tags_all=c.ids(name)))
    for rank in (0, 100, 1000, len(c.general) - 1):
        if rank < len(c.general):
            name = f"the general tag of rank {rank + 1}"
            yield Query("one tag", name, Filter(tags_all=c.ids(c.general[rank])))


def _pairs(c: Catalog) -> Iterator[Query]:
    for one, other, about in (
        ("half_a", "half_b", "disjoint halves"),
        ("pair_50k_a", "pair_50k_b", "disjoint 50,000s"),
        ("old_only", "anime", "old and popular"),
        ("old_only", "half_a", "old and half"),
        ("subset_200k", "superset_300k", "one inside the other"),
        ("anime", "half_a", "both popular"),
        ("count_16044", "anime", "middling and popular"),
        ("count_16044", "count_5000", "both rare"),
        ("count_40", "anime", "very rare and popular"),
    ):
        yield Query("two tags", f"{one} and {other}: {about}", Filter(tags_all=c.ids(one, other)))
    yield Query("two tags", "the two commonest general tags", Filter(tags_all=c.popular(2)))
    yield Query("two tags", "two middling general tags", Filter(tags_all=c.middling(2)))


def _without(c: Catalog) -> Iterator[Query]:
    for wanted, unwanted in (
        ("superset_300k", "subset_200k"),
        ("subset_200k", "superset_300k"),
        ("anime", "half_a"),
        ("half_a", "anime"),
        ("count_16044", "anime"),
        ("old_only", "half_a"),
    ):
        tags = Filter(tags_all=c.ids(wanted), tags_none=c.ids(unwanted))
        yield Query("A and not B", f"{wanted} and not {unwanted}", tags)
    yield Query("A and not B", "not anime", Filter(tags_none=c.ids("anime")))
    yield Query("A and not B", "none of the ten commonest", Filter(tags_none=c.popular(10)))


def _any_of(c: Catalog) -> Iterator[Query]:
    group = "any of"
    yield Query(group, "half_a or half_b", Filter(tags_any=c.ids("half_a", "half_b")))
    yield Query(group, "count_40 or count_5000", Filter(tags_any=c.ids("count_40", "count_5000")))
    yield Query(group, "ten middling tags", Filter(tags_any=c.middling(10)))
    narrowed = Filter(tags_all=c.ids("half_a"), tags_any=c.ids("old_only", "count_40"))
    yield Query(group, "half_a and (old_only or count_40)", narrowed)


def _many_tags(c: Catalog) -> Iterator[Query]:
    yield Query("many tags", "five popular", Filter(tags_all=c.popular(5)))
    yield Query("many tags", "ten middling", Filter(tags_all=c.middling(10)))
    yield Query("many tags", "ten mixed", Filter(tags_all=c.mixed(10)))
    for count in range(1, len(c.item_tags) + 1):
        tags = c.ids(*c.item_tags[:count])
        yield Query("K tags of one item", f"K = {count}", Filter(tags_all=tags))
    for count in range(1, _MOST_TAGS + 1):
        yield Query("K popular tags", f"K = {count}", Filter(tags_all=c.popular(count)))


def _people(c: Catalog) -> Iterator[Query]:
    busy, quiet, anime = c.creator(0), c.creator(len(c.users) * 3 // 4), c.ids("anime")
    own = Filter(content_source_types=ALL_KINDS[:2], viewer=busy, tags_all=anime)
    others = Filter(content_source_types=ALL_KINDS[2:], viewer=busy, tags_all=anime)
    for name, wanted in (
        ("the busiest creator", Filter(creators=(busy,))),
        ("a quiet creator", Filter(creators=(quiet,))),
        ("the busiest creator, anime", Filter(creators=(busy,), tags_all=anime)),
        ("a quiet creator, half_a", Filter(creators=(quiet,), tags_all=c.ids("half_a"))),
        ("the viewer's own", replace(own, viewer=quiet, tags_all=())),
        ("the viewer's own, anime", own),
        ("the viewer's own, old_only", replace(own, tags_all=c.ids("old_only"))),
        ("the community's, anime", others),
        ("the regular ones, anime", replace(others, content_source_types=(ALL_KINDS[2],))),
    ):
        yield Query("creators and privacy", name, wanted)


def _other_conditions(c: Catalog) -> Iterator[Query]:
    tenth, half, nine_tenths = c.quantiles
    half_a = c.ids("half_a")
    for name, wanted in (
        ("videos, half_a", Filter(content_types=("video/mp4",), tags_all=half_a)),
        ("quality from 0.9, half_a", Filter(min_quality=0.9, tags_all=half_a)),
        ("the newest tenth, half_a", Filter(created_from=nine_tenths, tags_all=half_a)),
        ("the oldest tenth, half_a", Filter(created_before=tenth, tags_all=half_a)),
        ("the newer half, old_only", Filter(created_from=half, tags_all=c.ids("old_only"))),
    ):
        yield Query("other conditions", name, wanted)


def _search(c: Catalog) -> Iterator[Query]:
    group, anime = "search", c.ids("anime")
    yield Query(group, "a common word", Filter(search="landscape"))
    yield Query(group, "a rare phrase", Filter(search='"iridescent marionette" etching'))
    yield Query(group, "nothing has it", Filter(search="qwertyuiop"))
    yield Query(group, "a common word, anime", Filter(search="landscape", tags_all=anime))
    rare = Filter(search="marionette", tags_all=c.ids("count_16044"))
    yield Query(group, "a rare word, count_16044", rare)


def _deep_pages(c: Catalog) -> Iterator[Query]:
    for name, wanted in (
        ("everything", Filter()),
        ("anime", Filter(tags_all=c.ids("anime"))),
        ("half_a and anime", Filter(tags_all=c.ids("half_a", "anime"))),
        ("count_16044", Filter(tags_all=c.ids("count_16044"))),
    ):
        for page, rank in (("page 2", PAGE_SIZE), ("page 100", 99 * PAGE_SIZE), ("last page", -1)):
            yield Query("deep pages", f"{name}, {page}", wanted, rank=rank)


def _sorts(c: Catalog) -> Iterator[Query]:
    for name, wanted in (
        ("everything", Filter()),
        ("anime", Filter(tags_all=c.ids("anime"))),
        ("old_only", Filter(tags_all=c.ids("old_only"))),
        ("disjoint halves", Filter(tags_all=c.ids("half_a", "half_b"))),
        ("count_16044", Filter(tags_all=c.ids("count_16044"))),
        ("count_16044 and half_a", Filter(tags_all=c.ids("count_16044", "half_a"))),
    ):
        oldest = Query("sorts", f"{name}, oldest first", wanted, sort_order="asc")
        best = Query("sorts", f"{name}, best first", wanted, sort_field="quality_score")
        worst = replace(best, name=f"{name}, worst first", sort_order="asc")
        yield from (oldest, best, worst)
        if name == "anime":
            yield replace(best, name="anime, best first, page 100", rank=99 * PAGE_SIZE)


def _counts(c: Catalog) -> Iterator[Query]:
    for name, wanted in (
        ("everything", Filter()),
        ("anime", Filter(tags_all=c.ids("anime"))),
        ("anime, all four source types", Filter(
            tags_all=c.ids("anime"), content_source_types=ALL_KINDS, viewer=c.creator(0))),
        ("disjoint halves", Filter(tags_all=c.ids("half_a", "half_b"))),
        ("half_a and anime", Filter(tags_all=c.ids("half_a", "anime"))),
        ("old_only and half_a", Filter(tags_all=c.ids("old_only", "half_a"))),
        ("superset_300k and not subset_200k", Filter(
            tags_all=c.ids("superset_300k"), tags_none=c.ids("subset_200k"))),
        ("count_40", Filter(tags_all=c.ids("count_40"))),
        ("ten mixed", Filter(tags_all=c.mixed(10))),
    ):  # fmt: skip
        yield Query("counts", name, wanted, kind="count")


def _facets(c: Catalog) -> Iterator[Query]:
    for name, tags in (
        ("everything", ()),
        ("half_a", c.ids("half_a")),
        (A_TWELFTH, c.ids("half_a", c.general[84])),
        ("count_16044", c.ids("count_16044")),
        ("count_5000", c.ids("count_5000")),
        ("count_40", c.ids("count_40")),
    ):
        yield Query("facets", name, Filter(tags_all=tags), kind="facets")


def _jumps(c: Catalog) -> Iterator[Query]:
    page_400 = 399 * PAGE_SIZE
    for name, tags in (
        ("everything", ()),
        ("anime", c.ids("anime")),
        ("half_a and anime", c.ids("half_a", "anime")),
    ):
        yield Query("jumps", f"{name}, to page 400", Filter(tags_all=tags), "jump", page_400)
    anime = Filter(tags_all=c.ids("anime"))
    yield Query("jumps", "anime, to the last page", anime, "jump", -1)


def _row(connection: psycopg.Connection[Any], query: Any, params: Sequence[Any] = ()) -> Any:
    return connection.execute(query, params).fetchone()


def _by_rank(general: Sequence[str], names: Iterable[str]) -> list[str]:
    ranks = {name: rank for rank, name in enumerate(general)}
    return sorted(names, key=ranks.__getitem__)


def _spread(names: Sequence[str]) -> list[str]:
    """At most fifteen of them, evenly spread."""
    count = min(_MOST_TAGS, len(names))
    return [names[round(n * (len(names) - 1) / max(1, count - 1))] for n in range(count)]
