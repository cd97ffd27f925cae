"""Random galleries and random filters: small, and as awkward as the contract allows.

Everything is drawn from one `random.Random`, so a gallery is known by its seed and size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import TypeVar
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st

from oracle import (
    BEGINNING_OF_TIME,
    END_OF_TIME,
    SOURCE_LABELS,
    STRANGE_MOMENTS,
    Filter,
    Item,
    Key,
    Moment,
    moment,
)

T = TypeVar("T")

SOURCE_TYPES = ("items", "auto")  # of every database
THIRD_SOURCE = "animation"  # added to some: it begins as another does, and comes before it
THREE_SOURCES = (*SOURCE_TYPES, THIRD_SOURCE)
CONTENT_TYPES = ("image", "video", "it's", "")
STRANGE_IDS = (0, -1, 2**63 - 1, -(2**63) + 1, 2**53, 2**53 + 1)
STRANGE_QUALITIES = (math.inf, -math.inf, math.nan, 0.1 + 0.2, 5e-324, -0.0)
# Words whose case PostgreSQL folds alike under every locale: ASCII, and letters without case.
TEXTS = (
    "Sunset over the SEA",
    "sun set",
    "100% cotton_wool",
    "100 cotton wool",
    "back\\slash",
    "it's a 'quoted' \"Phrase here\"",
    "phrase  here",
    "\U0001f408 cat \U0001f408\u200d\u2b1b 猫",
    "$1 %s {} :name ?; --",
    " ",
    "",
)
SEARCHES = (
    "sun",
    "SUN sea",
    "sun set",
    '"sun set"',
    '"set over" sun',
    "%",
    "_",
    "100%",
    "\\",
    "'",
    '"',
    'phrase"',
    '"phrase here',
    '"Phrase here"',
    '"phrase  here" ',
    "\U0001f408",
    "猫",
    "$1",
    "nowhere",
    "",
    " \t\n ",
    '""',
)


@dataclass
class Gallery:
    """The rows of a database, held in Python."""

    items: list[Item]
    tags: dict[UUID, str]
    users: list[UUID]
    spare_tags: list[UUID] = field(default_factory=list)  # known to nobody
    sources: Sequence[str] = SOURCE_TYPES


def seeds() -> st.SearchStrategy[int]:
    """Seeds of galleries."""
    return st.integers(min_value=0, max_value=2**32 - 1)


def examples(number: int) -> settings:
    """So many galleries where the profile asks for 50 examples, and in proportion elsewhere."""
    return settings(max_examples=-(-number * settings().max_examples // 50))


def sizes(largest: int = 300) -> st.SearchStrategy[int]:
    """Numbers of items: empty and tiny galleries are as likely as large ones."""
    return st.one_of(st.integers(0, 3), st.integers(4, 40), st.integers(41, largest))


def random_uuid(random: Random) -> UUID:
    return UUID(int=random.getrandbits(128), version=4)


def random_gallery(
    random: Random, size: int, twins: float = 0.5, sources: Sequence[str] = SOURCE_TYPES
) -> Gallery:
    """A gallery of that many items, full of ties and of namesakes in the other partitions.

    A share of the namesakes are twins: equal in all that they are sorted by but their source.
    """
    users = [random_uuid(random) for _ in range(4)]
    tags = {random_uuid(random): f"tag {number:02}" for number in range(16)}
    moments = random_moments(random, size)
    keys = random_keys(random, size, sources)
    oldest = min(moments, default=None)
    items: dict[Key, Item] = {}
    for key, created_at in zip(keys, moments, strict=True):
        carried = random_tags(random, list(tags), is_oldest=created_at == oldest)
        item = random_item(random, key, created_at, users, carried)
        namesakes = [items[key[0], other] for other in sources if (key[0], other) in items]
        twin = random.choice(namesakes) if namesakes else None
        if twin is not None and random.random() < twins:
            item = replace(item, created_at=twin.created_at, quality_score=twin.quality_score)
        items[key] = item
    spare_tags = [random_uuid(random) for _ in range(3)]
    return Gallery(list(items.values()), tags, users, spare_tags, sources)


def random_keys(random: Random, size: int, sources: Sequence[str]) -> list[Key]:
    """Ids that often stand in several partitions; now and then the ends of bigint."""
    numbers = list(range(1, 2 * size // 3 + 1)) + list(STRANGE_IDS)
    pool = [(number, source) for number in numbers for source in sources]
    return random.sample(pool, size)


def random_moments(random: Random, size: int) -> list[Moment]:
    """Creation times: many ties, many a microsecond apart, some that no calendar holds."""
    few = [moment(random.randrange(10**15)) for _ in range(max(1, size // 8))]
    near = random.randrange(10**15)

    def one() -> Moment:
        chance = random.random()
        if chance < 0.5:
            return random.choice(few)
        if chance < 0.8:
            return moment(near + random.randrange(-3, 4))
        if chance < 0.97:
            return moment(random.randrange(10**15))
        return random.choice(STRANGE_MOMENTS)

    return [one() for _ in range(size)]


def random_quality(random: Random) -> float | None:
    """NULL, tied, distinct, or a number that JSON can't write."""
    chance = random.random()
    if chance < 0.3:
        return None
    if chance < 0.65:
        return random.choice((0.0, 0.25, 0.5))
    if chance < 0.9:
        return random.uniform(-1, 1)
    return random.choice(STRANGE_QUALITIES)


def random_tags(random: Random, tags: Sequence[UUID], *, is_oldest: bool) -> frozenset[UUID]:
    """Tags of fixed roles, and a tail that thins out as in a real gallery.

    The roles: popular, two halves without overlap, one inside another, rare, only in the oldest.
    """
    popular, left, right, outer, inner, rare, old_only, *tail = tags
    carried = {popular} if random.random() < 0.9 else set()
    carried.add(random.choice((left, right)))
    if random.random() < 0.4:
        carried |= {outer, inner} if random.random() < 0.5 else {outer}
    if random.random() < 0.03:
        carried.add(rare)
    if is_oldest:
        carried.add(old_only)
    carried |= {tag for rank, tag in enumerate(tail, 2) if random.random() < 1.4 / rank}
    return frozenset(carried) if random.random() < 0.95 else frozenset()


def random_item(
    random: Random, key: Key, created_at: Moment, users: Sequence[UUID], tags: frozenset[UUID]
) -> Item:
    return Item(
        id=key[0],
        source_type=key[1],
        created_at=created_at,
        quality_score=random_quality(random),
        creator_id=random.choice([None, *users, users[0]]),
        is_private=random.random() < 0.2,
        content_type=random.choices(CONTENT_TYPES, (6, 2, 1, 1))[0],
        title=random.choice((None, *TEXTS)),
        prompt=random.choice((None, *TEXTS)),
        tags=tags,
    )


def random_filter(random: Random, gallery: Gallery) -> Filter:
    """Any combination of the filter's arguments, more often few than many."""
    eagerness = random.choice((0.05, 0.15, 0.4))

    def perhaps(draw: Callable[[], T]) -> T | None:
        return draw() if random.random() < eagerness else None

    viewer = random.choice([None, *gallery.users, random_uuid(random)])
    whose = ("user", "community") if viewer is not None else ("community",)
    kinds = [f"{who}-{SOURCE_LABELS[source]}" for who in whose for source in gallery.sources]
    moments = [item.created_at for item in gallery.items] + [BEGINNING_OF_TIME, END_OF_TIME]
    edges = sorted(random.choice(moments) for _ in range(2))
    return Filter(
        tags_all=some_tags(random, gallery) if random.random() < 0.7 else None,
        tags_any=perhaps(lambda: some_tags(random, gallery)),
        tags_none=perhaps(lambda: some_tags(random, gallery)),
        content_source_types=perhaps(lambda: some_of(random, kinds)),
        viewer=viewer,
        creators=perhaps(lambda: some_of(random, [*gallery.users, *gallery.users])),
        content_types=perhaps(lambda: some_of(random, [*CONTENT_TYPES, "no such type"])),
        search=perhaps(lambda: random.choice(SEARCHES)),
        created_from=perhaps(lambda: edges[0]),
        created_before=perhaps(lambda: edges[1]),
        min_quality=perhaps(lambda: random.choice((0.0, 0.25, math.inf, -math.inf, 0.3))),
    )


def some_tags(random: Random, gallery: Gallery) -> list[UUID]:
    """Tags in any order, sometimes twice, sometimes unknown, sometimes none at all."""
    if random.random() < 0.04:
        return some_of(random, gallery.spare_tags)
    if gallery.items and random.random() < 0.5:  # tags that do occur together
        together = sorted(random.choice(gallery.items).tags)
        if together:
            return some_of(random, together)
    return some_of(random, list(gallery.tags)[: random.choice((3, 7, 16))])


def some_of(random: Random, pool: Sequence[T]) -> list[T]:
    """A random choice of the pool, now and then empty or with repetitions."""
    if random.random() < 0.03 or not pool:
        return []
    size = min(len(pool), 1 + int(random.expovariate(0.6)))
    chosen = random.sample(list(pool), size)
    return [*chosen, random.choice(chosen)] if random.random() < 0.1 else chosen
