"""Every function's answer compared with the oracle's, in the session and the world as they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any
from uuid import UUID

import psycopg

import calls
import tag_walks
from calls import STRATEGIES, Connection
from galleries import Gallery, random_filter
from oracle import SORTS, Filter, Item, Key, Sort, facets, ordered
from walks import check_walk, keys_of, lacks_seeds


class Asker:
    """Asks every function of random filters, and compares what it says with the oracle.

    A statement that may fail stands in a transaction of its own, so that all may be asked in one
    snapshot. `tally` counts what was asked, and of strategies what answered.
    """

    def __init__(
        self, conn: Connection, random: Random, gallery: Gallery, *, bitmap_refused: bool = False
    ):
        """`gallery`: what the session may see.

        `bitmap_refused`: whether strategy bitmap must be refused (TG006), as under row security,
        where there is anything to find; else it may be, where the index can't be used.
        """
        self.conn = conn
        self.random = random
        self.gallery = gallery
        self.bitmap_refused = bitmap_refused
        self.tally: Counter[str] = Counter()

    def ask(self, filters: int, *, tags: bool = True) -> None:
        """So many filters; `tags`: also gallery_tags, whose counts are those of the last refresh.

        What is asked of names and tags is asked once.
        """
        for _ in range(filters):
            wanted, sort = self.some_filter(), self.random.choice(SORTS)
            result = ordered(self.gallery.items, wanted, sort)
            self.ask_pages(wanted, sort, keys_of(result))
            self.ask_jump(wanted, sort, keys_of(result))
            self.ask_count_and_facets(wanted, result)
        self.ask_names()
        if tags:
            self.ask_tags()

    def some_filter(self) -> Filter:
        """Any; or one tag and nothing else, which has ways of its own."""
        carried = [tag for item in self.gallery.items for tag in sorted(item.tags)]
        if carried and self.random.random() < 0.4:
            return Filter(tags_all=[self.random.choice(carried)])
        return random_filter(self.random, self.gallery)

    def ask_pages(self, wanted: Filter, sort: Sort, expected: list[Key]) -> None:
        """The planner's pages and those of two strategies, forward and back, and what explains."""
        size = self.page_size(len(expected))
        for strategy in [None, "ordered_walk", self.random.choice(STRATEGIES[2:])]:
            if lacks_seeds(wanted, strategy):
                continue
            if strategy == "bitmap":
                self.ask_bitmap(wanted, sort, size, expected)
                continue
            check_walk(self.conn, wanted, sort, size, expected, strategy=strategy)
            self.tally[strategy or "planner"] += 1
        given = self.given(wanted, sort, page_size=size)
        explained = calls.value_of(self.conn, "gallery_explain", **given)
        assert explained["took"]["rows"] == len(expected[:size]), (wanted, sort)
        (picked,) = calls.rows_of(self.conn, "gallery_pick_strategy", **calls.arguments(wanted))
        assert picked.strategy in STRATEGIES

    def ask_bitmap(self, wanted: Filter, sort: Sort, size: int, expected: list[Key]) -> None:
        """Pages by bitmaps, or a refusal where the index can't be used."""
        try:
            with self.conn.transaction():
                check_walk(self.conn, wanted, sort, size, expected, strategy="bitmap")
        except psycopg.Error as refusal:
            if refusal.sqlstate != "TG006":
                raise
            self.tally["bitmap refused"] += 1
            return
        self.tally["bitmap"] += 1
        assert not (self.bitmap_refused and expected), "the bitmaps answered"

    def page_size(self, length: int) -> int:
        """From a page that holds an eighth of the result to the largest there is."""
        least = 1 + length // 8
        if self.random.random() < 0.3:
            return self.random.randint(least, 500)
        return self.random.randint(least, max(least, length + 1))

    def ask_jump(self, wanted: Filter, sort: Sort, expected: list[Key]) -> None:
        rank = self.random.randint(0, len(expected) + 1)
        given = self.given(wanted, sort, rank=rank)
        cursor = calls.value_of(self.conn, "gallery_cursor_at", **given)
        turned = calls.page(self.conn, wanted, sort, page_size=3, cursor=cursor)
        assert turned.keys == expected[rank : rank + 3], (rank, wanted, sort)

    def ask_count_and_facets(self, wanted: Filter, result: Sequence[Item]) -> None:
        given = calls.arguments(wanted)
        assert calls.value_of(self.conn, "gallery_count", **given) == len(result), wanted
        limit = self.random.choice((1, 2, 5, 100))
        counted = calls.rows_of(self.conn, "gallery_facets", **given, facet_limit=limit)
        names = self.gallery.tags
        named = [replace(item, tags=item.tags & names.keys()) for item in result]
        assert counted == facets(named, Filter(viewer=wanted.viewer), names, limit), (wanted, limit)

    def ask_names(self) -> None:
        """Names lead to ids; a name that isn't seen is unknown."""
        some = self.random.sample(list(self.gallery.tags.items()), min(3, len(self.gallery.tags)))
        assert self.tag_ids([name for _, name in some]) == [tag for tag, _ in some]
        try:
            with self.conn.transaction():
                self.tag_ids(["no such name"])
        except psycopg.Error as refusal:
            assert refusal.sqlstate == "TG003", refusal
        else:
            raise AssertionError("a name that isn't there has an id")

    def tag_ids(self, names: list[str]) -> list[UUID]:
        ids: list[UUID] = calls.value_of(self.conn, "gallery_tag_ids", names=names)
        return ids

    def ask_tags(self) -> None:
        tags = tag_walks.carried_tags(self.gallery.items, self.gallery.tags)
        wanted = tag_walks.random_wanted(self.random, tags, self.gallery.sources)
        tag_walks.check_walk(self.conn, tags, wanted, self.random.choice((3, 500)))

    @staticmethod
    def given(wanted: Filter, sort: Sort, **others: Any) -> dict[str, Any]:
        return calls.arguments(wanted, sort_field=sort.field, sort_order=sort.order, **others)
