"""What the generated gallery holds: how many of everything, and each item and tag row, from a seed.

Nothing here touches a database. Every random stream is named by (seed, purpose, part), so the
same seed and size give the same rows whatever the order in which they are asked for (as long as
numpy's generators give the same numbers, which they have since they came).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt

from . import BenchError, words

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
UuidArray = npt.NDArray[np.void]  # 16 bytes each

FULL_ITEMS = 65_204
FULL_AUTO = 1_104_089
FULL_TOTAL = FULL_ITEMS + FULL_AUTO
FULL_TAG_ROWS = 88_146_610
FULL_TAGS = 20_000
FULL_CREATORS = 2_000

_FIRST_DAY_US = 1_609_459_200_000_000  # 2021-01-01 00:00 UTC
_DAY_US = 86_400_000_000
_SPAN_US = 4 * 365 * _DAY_US

_CHUNK_ITEMS = 1 << 14  # small enough to stay in the processor's cache while its tags are sorted
_TAG_BITS = 16


class _Stream(IntEnum):
    """What random numbers are drawn for; the values are part of the data's identity."""

    ITEMS = 1
    TEXTS = 2
    SPECIALS = 3
    TAGS = 4
    USERS = 5
    TAG_ROWS = 6


@dataclass(frozen=True)
class Size:
    """How many of everything; ``Size.scaled(1.0)`` is the size of the real gallery."""

    items: int
    auto: int
    tag_rows: int
    tags: int
    creators: int

    @classmethod
    def scaled(cls, scale: float = 1.0, tags_per_item: float | None = None) -> Size:
        """The real gallery times ``scale``; see :meth:`of`."""
        return cls.of(round(FULL_TOTAL * scale), tags_per_item)

    @classmethod
    def of(cls, total: int, tags_per_item: float | None = None) -> Size:
        """A gallery of ``total`` items, in the real proportions.

        Items and tag rows grow in proportion, the vocabulary and the number of creators with the
        square root (Heaps' law). ``tags_per_item`` defaults to the real 75.4.

        Raises BenchError for fewer than 100 items, or tags an item outside 4 to 100.
        """
        if total < 100:
            raise BenchError("A gallery for benchmarks needs at least 100 items.")
        mean = FULL_TAG_ROWS / FULL_TOTAL if tags_per_item is None else tags_per_item
        if not 4 <= mean <= 100:
            raise BenchError("The tags an item must be between 4 and 100.")
        scale = total / FULL_TOTAL
        items = round(FULL_ITEMS * scale)
        return cls(
            items=items,
            auto=total - items,
            tag_rows=round(mean * total),
            tags=min(max(300, round(FULL_TAGS * scale**0.5)), (1 << _TAG_BITS) - 100),
            creators=max(20, round(FULL_CREATORS * scale**0.5)),
        )

    @property
    def total(self) -> int:
        """All items of both sources."""
        return self.items + self.auto

    def share(self, full_count: int) -> int:
        """A count of the real gallery brought to this size, at least 1."""
        return max(1, round(full_count * self.total / FULL_TOTAL))


@dataclass(frozen=True)
class Items:
    """All items, a column each: those of source 'items' by id, then those of 'auto' by id.

    An item's index in these columns is called its place.
    """

    first_auto: int
    ids: IntArray
    created_us: IntArray
    creator: IntArray  # rank of the creator, -1 for none
    quality: npt.NDArray[np.float64]  # NaN for none
    private: BoolArray

    def oldest_first(self) -> IntArray:
        """The places in the gallery's page order, ascending."""
        is_items = np.arange(len(self.ids)) < self.first_auto  # 'auto' sorts before 'items'
        return np.lexsort((is_items, self.ids, self.created_us))


@dataclass(frozen=True)
class Texts:
    """Titles and prompts of a run of items; None for none."""

    titles: list[str | None]
    prompts: list[str | None]


@dataclass(frozen=True)
class TagRows:
    """A run of tag rows of one source, sorted by item and tag."""

    source: str
    content_id: IntArray
    tag_id: UuidArray

    def __len__(self) -> int:
        return len(self.content_id)


@dataclass(frozen=True)
class Dataset:
    """A gallery of one size from one seed."""

    size: Size
    seed: int = 1

    @cached_property
    def items(self) -> Items:
        """Every item but its texts."""
        rng = self._stream(_Stream.ITEMS)
        total = self.size.total
        # More arrive as the gallery grows; each moment is shared by the items of a batch.
        moments = np.sort(_SPAN_US * rng.random(max(10, total * 3 // 5)) ** 0.6).astype(np.int64)
        whole_seconds = rng.random(len(moments)) < 0.3
        moments[whole_seconds] -= moments[whole_seconds] % 1_000_000
        created = _FIRST_DAY_US + moments[rng.integers(0, len(moments), total)]
        creator = (self.size.creators * rng.random(total) ** 3).astype(np.int64)
        creator[rng.random(total) < 0.01] = -1
        quality = np.round(rng.beta(5, 3, total), 3)
        quality[rng.random(total) < 0.05] = np.nan
        private = (rng.random(total) < 0.03) & (creator >= 0)
        ids = np.empty(total, np.int64)
        for part in self.parts.values():
            created[part] = created[part][_nearly_in_order(rng, created[part])]
            ids[part] = np.cumsum(1 + (rng.random(part.stop - part.start) < 0.05))
        return Items(self.size.items, ids, created, creator, quality, private)

    @cached_property
    def specials(self) -> dict[str, IntArray]:
        """The popular tag and the hard ones: name to the places of the items that carry it."""
        rng = self._stream(_Stream.SPECIALS)
        size, total = self.size, self.size.total

        def some(count: int, among: IntArray | int = total) -> IntArray:
            return rng.choice(among, count, replace=False, shuffle=False)

        anime = [
            some(round(48_085 * size.items / FULL_ITEMS), size.items),
            some(round(822_800 * size.auto / FULL_AUTO), size.auto) + size.items,
        ]
        halves = rng.permutation(total)
        pair = some(2 * size.share(50_000))
        superset = some(size.share(300_000))
        return {
            "anime": np.concatenate(anime),
            "half_a": halves[: total // 2],
            "half_b": halves[total // 2 :],
            "pair_50k_a": pair[::2],
            "pair_50k_b": pair[1::2],
            "old_only": some(size.share(30_000), self.items.oldest_first()[: total // 10]),
            "superset_300k": superset,
            "subset_200k": some(len(superset) * 2 // 3, superset),
            "count_16044": some(size.share(16_044)),
            "count_5000": some(size.share(5_000)),
            "count_40": some(min(40, total // 10)),
            "count_1": some(1),
        }

    @cached_property
    def tag_names(self) -> list[str]:
        """Names of the general tags by popularity, then of the special ones."""
        return [words.tag_name(rank) for rank in range(self.size.tags)] + list(self.specials)

    @cached_property
    def tag_ids(self) -> UuidArray:
        """The tags' uuids in the order of :attr:`tag_names`."""
        return self._sorted_tag_ids[self._tag_numbers]

    @cached_property
    def user_ids(self) -> UuidArray:
        """The creators' uuids, the busiest first."""
        return _uuids(self._stream(_Stream.USERS), self.size.creators)

    def texts(self, start: int, stop: int) -> Texts:
        """Titles and prompts of the items from one place to another."""
        return _texts(self._stream(_Stream.TEXTS, start), stop - start)

    def tag_rows(self) -> Iterator[TagRows]:
        """All tag rows, a source after the other, by item and tag; exactly ``size.tag_rows``."""
        done = 0
        for source, part in self.parts.items():
            for start in range(part.start, part.stop, _CHUNK_ITEMS):
                stop = min(start + _CHUNK_ITEMS, part.stop)
                # each chunk's share of the rows, so that the shares add up to the whole
                due = self.size.tag_rows * stop // self.size.total
                keys = self._tag_keys(start, stop, due - done)
                done = due
                yield TagRows(
                    source,
                    self.items.ids[start + (keys >> _TAG_BITS).astype(np.intp)],
                    self._sorted_tag_ids[keys & ((1 << _TAG_BITS) - 1)],
                )

    @property
    def parts(self) -> dict[str, slice]:
        """The places of each source's items."""
        return {
            "items": slice(0, self.size.items),
            "auto": slice(self.size.items, self.size.total),
        }

    def _stream(self, purpose: _Stream, part: int = 0) -> np.random.Generator:
        return np.random.default_rng([self.seed, int(purpose), part])

    # A tag's number is the rank of its uuid, so that numbers sort as the primary key does.

    @cached_property
    def _sorted_tag_ids(self) -> UuidArray:
        ids = _uuids(self._stream(_Stream.TAGS), len(self.tag_names))
        return np.frombuffer(b"".join(sorted(ids.tolist())), ids.dtype)

    @cached_property
    def _tag_numbers(self) -> npt.NDArray[np.uint32]:
        """Numbers of the tags in the order of :attr:`tag_names`."""
        numbers = self._stream(_Stream.TAGS, 1).permutation(len(self.tag_names))
        return numbers.astype(np.uint32)

    @cached_property
    def _is_special(self) -> BoolArray:
        """By tag number."""
        special = np.zeros(len(self.tag_names), np.bool_)
        special[self._tag_numbers[self.size.tags :]] = True
        return special

    @cached_property
    def _special_keys(self) -> npt.NDArray[np.int64]:
        """(place, tag number) of every row of a special tag, sorted, the number in the low bits."""
        numbers = self._tag_numbers[self.size.tags :]
        keys = [
            (places << _TAG_BITS) | int(number)
            for places, number in zip(self.specials.values(), numbers, strict=True)
        ]
        return np.sort(np.concatenate(keys))

    @cached_property
    def _urn(self) -> _Urn:
        wanted = self.size.tag_rows - len(self._special_keys)
        return _Urn.filled(wanted / self.size.total, self._tag_numbers[: self.size.tags])

    def _tag_keys(self, start: int, stop: int, count: int) -> npt.NDArray[np.uint32]:
        """``count`` distinct sorted keys (place - start, tag number) for a chunk of items."""
        rng = self._stream(_Stream.TAG_ROWS, start)
        low, high = np.searchsorted(
            self._special_keys, [start << _TAG_BITS, stop << _TAG_BITS]
        ).tolist()
        keys = (self._special_keys[low:high] - (start << _TAG_BITS)).astype(np.uint32)
        surplus = -1
        while surplus < 0:
            keys = _sorted_distinct(np.concatenate([keys, self._urn.draw(rng, stop - start)]))
            surplus = len(keys) - count
            # what is still short takes another, thinner draw
        general = np.flatnonzero(~self._is_special[keys & ((1 << _TAG_BITS) - 1)])
        dropped = rng.choice(general, surplus, replace=False, shuffle=False)
        return np.delete(keys, dropped)


@dataclass(frozen=True)
class _Urn:
    """General tags to draw from: their shares have a Zipf-like tail and themes that go together."""

    draws_per_item: float
    numbers: npt.NDArray[np.uint32]  # by popularity rank
    ranks: npt.NDArray[np.uint16]  # a ticket's rank

    _TICKET_BITS = 22
    _THEMES = 64

    @classmethod
    def filled(cls, mean: float, numbers: npt.NDArray[np.uint32]) -> _Urn:
        """An urn whose draws give an item ``mean`` distinct tags on average, and some to spare."""
        shares = _zipf_shares(mean, len(numbers))
        # Draws are with replacement: this many of a tag leave it on its share of the items.
        draws = -np.log1p(-shares)
        tickets = np.maximum(1, np.round(draws / draws.sum() * (1 << cls._TICKET_BITS)))
        ranks = np.repeat(np.arange(len(numbers), dtype=np.uint16), tickets.astype(np.int64))
        return cls(1.05 * float(draws.sum()), numbers, ranks)

    def draw(self, rng: np.random.Generator, items: int) -> npt.NDArray[np.uint32]:
        """Keys (item, tag number) for so many items, some drawn twice."""
        richness = rng.gamma(8, self.draws_per_item / 8, items)
        item = np.repeat(np.arange(items, dtype=np.uint32), rng.poisson(richness))
        theme = rng.integers(0, self._THEMES, items, dtype=np.uint32)
        rank = self.ranks[rng.integers(0, len(self.ranks), len(item))].astype(np.uint32)
        # A quarter of the tags beyond the commonest is drawn to the item's own theme.
        drawn_to = (rng.integers(0, 4, len(item), dtype=np.uint8) == 0) & (rank >= self._THEMES)
        themed = rank - rank % self._THEMES + theme[item]
        rank = np.where(drawn_to & (themed < len(self.numbers)), themed, rank)
        keys: npt.NDArray[np.uint32] = (item << np.uint32(_TAG_BITS)) | self.numbers[rank]
        return keys


def _zipf_shares(mean: float, tags: int) -> npt.NDArray[np.float64]:
    """Shares of the items, by popularity, that add up to ``mean``; none above 0.65."""
    shape = (np.arange(tags, dtype=np.float64) + 61.0) ** -1.5

    def shares(factor: float) -> npt.NDArray[np.float64]:
        return np.minimum(0.65, factor * shape)

    low, high = 0.0, 1e9  # with this factor every tag is at the limit
    for _ in range(100):
        middle = (low + high) / 2
        if shares(middle).sum() < mean:
            low = middle
        else:
            high = middle
    return shares(high)


def _nearly_in_order(rng: np.random.Generator, created_us: IntArray) -> IntArray:
    """An order by time in which one of fifty stands up to a month from its place (imports)."""
    shift = np.where(
        rng.random(len(created_us)) < 0.02, rng.normal(0, 10 * _DAY_US, len(created_us)), 0
    )
    return np.argsort(created_us + shift, kind="stable")


def _sorted_distinct(keys: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    keys = np.sort(keys)
    distinct: npt.NDArray[np.uint32] = keys[np.concatenate([[True], keys[1:] != keys[:-1]])]
    return distinct


def _uuids(rng: np.random.Generator, count: int) -> UuidArray:
    """Random (version 4) uuids."""
    octets = rng.integers(0, 256, (count, 16), dtype=np.uint8)
    octets[:, 6] = octets[:, 6] & 0x0F | 0x40
    octets[:, 8] = octets[:, 8] & 0x3F | 0x80
    return octets.view("V16").reshape(count)


def _texts(rng: np.random.Generator, count: int) -> Texts:
    """Texts of so many items: words by a skewed law, so that a search finds many, some or few."""

    def pick(choices: tuple[str, ...], skew: float = 1) -> list[str]:
        places = (len(choices) * rng.random(count) ** skew).astype(np.intp)
        return [choices[place] for place in places.tolist()]

    serials = rng.integers(1, 100_000, count).tolist()
    kinds = rng.integers(0, 20, count).tolist()  # of a title: 0, 1 none; 2, 3 numbered
    has_prompt = (rng.random(count) < 0.93).tolist()
    titles: list[str | None] = []
    prompts: list[str | None] = []
    for adjective, noun, place, style, detail, other, serial, kind, prompted in zip(
        pick(words.ADJECTIVES, 2), pick(words.NOUNS, 3), pick(words.PLACES), pick(words.STYLES),
        pick(words.DETAILS), pick(words.DETAILS), serials, kinds, has_prompt, strict=True,
    ):  # fmt: skip
        subject = f"{adjective} {noun}"
        titles.append(
            None if kind < 2 else f"{subject.capitalize()} No. {serial}" if kind < 4
            else f"{subject.capitalize()} {place}"
        )  # fmt: skip
        prompts.append(f"{style} {subject} {place}, {detail}, {other}" if prompted else None)
    return Texts(titles, prompts)
