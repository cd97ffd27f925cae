"""Queries drawn at random, so that no slow one hides between the named ones of the matrix.

A tag is drawn by its rank, over all orders of magnitude: one of the first ten is as likely as one
of the next ninety. Half of the words are the first two letters of one, which most items have.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

from . import words
from .matrix import Catalog
from .query import Filter, Kind, Query

_ABSENT = "qz"  # of the letters of an absent word: nothing in the vocabulary has both together
_DEEPEST = 1_000_000


@dataclass(frozen=True)
class Shape:
    """What the queries of one shape have in common."""

    name: str
    tags: tuple[int, int] = (0, 0)  # at least and at most so many
    any_of: int = 0
    unwanted: int = 0
    words: int = 0
    absent: bool = False  # one more word, which no item has
    best_first: bool = False
    deep: bool = False  # at a rank over all orders of magnitude
    kind: Kind = "page"

    def draw(self, catalog: Catalog, random: Random, name: str) -> Query:
        """One of the shape, whose name also says what it asks for."""
        count = random.randint(*self.tags)
        tags = _tags(catalog, random, count + self.any_of + self.unwanted)
        wanted, any_of = tags[:count], tags[count : count + self.any_of]
        unwanted = tags[count + self.any_of :]
        terms = [_word(random) for _ in range(self.words)]
        if self.absent:
            terms.append("".join(random.choices(_ABSENT, k=6)))
        rank = _by_magnitude(random, _DEEPEST) if self.deep else 0
        said = [*wanted, *(f"or {tag}" for tag in any_of), *(f"not {tag}" for tag in unwanted)]
        said += [f'"{term}"' for term in terms] + ([f"rank {rank}"] if rank else [])
        return Query(
            self.name,
            f"{name}: {', '.join(said)}",
            Filter(
                tags_all=catalog.ids(*wanted),
                tags_any=catalog.ids(*any_of),
                tags_none=catalog.ids(*unwanted),
                search=" ".join(terms),
            ),
            self.kind,
            rank,
            "quality_score" if self.best_first else "created_at",
        )


SHAPES = (
    Shape("one tag", tags=(1, 1)),
    Shape("two tags", tags=(2, 2)),
    Shape("three to six tags", tags=(3, 6)),
    Shape("one tag without another", tags=(1, 1), unwanted=1),
    Shape("any of three tags", any_of=3),
    Shape("two tags, anywhere in the list", tags=(2, 2), deep=True),
    Shape("a word", words=1),
    Shape("a word and a tag", words=1, tags=(1, 1)),
    Shape("two words and two tags", words=2, tags=(2, 2)),
    Shape("an absent word", absent=True),
    Shape("an absent word and a tag", absent=True, tags=(1, 1)),
    Shape("one tag, best first", tags=(1, 1), best_first=True),
    Shape("two tags, best first", tags=(2, 2), best_first=True),
    Shape("a word and a tag, best first", words=1, tags=(1, 1), best_first=True),
    Shape("count of two tags", tags=(2, 2), kind="count"),
    Shape("count of a word and a tag", words=1, tags=(1, 1), kind="count"),
    Shape("jump in one tag", tags=(1, 1), deep=True, kind="jump"),
    Shape("jump in two tags, best first", tags=(2, 2), best_first=True, deep=True, kind="jump"),
)


def random_queries(catalog: Catalog, of_each: int, seed: int) -> list[Query]:
    """So many of each shape; the same seed draws the same from the same gallery."""
    random = Random(seed)
    return [
        shape.draw(catalog, random, str(number + 1))
        for shape in SHAPES
        for number in range(of_each)
    ]


def _by_magnitude(random: Random, most: int) -> int:
    """From 1 on, each order of magnitude as likely as another."""
    return int(math.exp(random.uniform(0, math.log(most))))


def _tags(catalog: Catalog, random: Random, count: int) -> list[str]:
    """Names of different tags."""
    names: dict[str, None] = {}
    while len(names) < count:
        names[catalog.general[_by_magnitude(random, len(catalog.general)) - 1]] = None
    return list(names)


def _word(random: Random) -> str:
    word = random.choice(words.NOUNS + words.ADJECTIVES)
    return random.choice((word, word[:2]))
