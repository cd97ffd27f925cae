"""Random changes of the items of a gallery, made to the tables and remembered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from random import Random
from typing import Any
from uuid import UUID

import calls
from calls import Connection
from galleries import Gallery, random_item, random_moments, random_tags
from oracle import Item, Key, Moment


class Changes:
    """Random changes of the items that may change, made to the tables and to a list alike."""

    def __init__(self, conn: Connection, random: Random, gallery: Gallery, loose: Sequence[Item]):
        self.conn = conn
        self.random = random
        self.gallery = gallery
        self.loose = {item.key: item for item in loose}
        self.moved: set[Key] = set()  # items whose place in the page order was changed
        self.fresh_ids = count(random.randrange(10**6, 10**15))

    def make_some(self) -> None:
        """A few changes in one transaction, which now and then is rolled back."""
        before = dict(self.loose)
        with self.conn.transaction(force_rollback=self.random.random() < 0.15) as transaction:
            for _ in range(self.random.randint(1, 3)):
                self.make_one()
        if transaction.force_rollback:
            self.loose = before

    def make_one(self) -> None:
        self.random.choice(self.kinds())()

    def kinds(self) -> list[Callable[[], None]]:
        """The changes that can be made now; the likely ones several times."""
        kinds = [self.insert, self.insert]
        if self.loose:
            kinds += [self.delete, self.delete, self.retag, self.retag, self.move, self.hide]
        return kinds

    def insert(self) -> None:
        near = self.random.choice([*self.gallery.items, None])
        item = self.fresh_item(near.created_at if near else self.moment())
        calls.insert_items(self.conn, [item])
        self.loose[item.key] = item

    def fresh_item(self, when: Moment) -> Item:
        key = (next(self.fresh_ids), self.random.choice(self.gallery.sources))
        return random_item(self.random, key, when, self.gallery.users, self.some_tags())

    def some_tags(self) -> frozenset[UUID]:
        return random_tags(self.random, list(self.gallery.tags), is_oldest=False)

    def moment(self) -> Moment:
        return random_moments(self.random, 1)[0]

    def delete(self) -> None:
        item = self.pick()
        self.execute("DELETE FROM content_items_all WHERE (id, source_type) = (%s, %s)", item)
        del self.loose[item.key]

    def retag(self) -> None:
        item = self.pick()
        carried = self.some_tags()
        self.execute("DELETE FROM content_tags WHERE (content_id, content_source) = (%s, %s)", item)
        calls.insert_tags(self.conn, ((item.key, tag) for tag in carried))
        self.loose[item.key] = replace(item, tags=carried)

    def move(self) -> None:
        item = self.pick()
        when = self.moment()
        self.moved.add(item.key)
        self.execute(
            "UPDATE content_items_all SET created_at = %s::timestamptz, quality_score = NULL"
            " WHERE (id, source_type) = (%s, %s)",
            item,
            when.text,
        )
        self.loose[item.key] = replace(item, created_at=when, quality_score=None)

    def hide(self) -> None:
        item = self.pick()
        self.execute(
            "UPDATE content_items_all SET is_private = NOT is_private, creator_id = %s"
            " WHERE (id, source_type) = (%s, %s)",
            item,
            self.gallery.users[0],
        )
        self.loose[item.key] = replace(
            item, is_private=not item.is_private, creator_id=self.gallery.users[0]
        )

    def pick(self) -> Item:
        return self.random.choice(list(self.loose.values()))

    def execute(self, statement: str, item: Item, *values: Any) -> None:
        self.conn.execute(calls.query(statement), (*values, *item.key))
