"""The benchmark's writes: new items with their tags, retags and deletions, undone in the end."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

_INSERT_ITEM = (
    b"INSERT INTO content_items_all (source_type, title, content_type, creator_id)"
    b" VALUES ('auto', 'a new item', 'image/png', %s) RETURNING id"
)
_INSERT_TAGS = (
    b"INSERT INTO content_tags (content_id, content_source, tag_id)"
    b" SELECT %s, 'auto', unnest(%s::uuid[])"
)
_DELETE_TAG = (
    b"DELETE FROM content_tags WHERE content_id = %s AND content_source = 'auto' AND tag_id = %s"
)
_DELETE_ITEM = b"DELETE FROM content_items_all WHERE id = ANY (%s) AND source_type = 'auto'"


@dataclass(frozen=True)
class WriterPlan:
    """What new items are made of: tags and creators, from the commonest, and tags an item."""

    tags: Sequence[UUID]
    creators: Sequence[UUID]
    tags_per_item: int


class Writer:
    """Writes on one autocommit connection, and knows what it has written."""

    def __init__(self, connection: psycopg.Connection[Any], plan: WriterPlan) -> None:
        self._connection = connection
        self._plan = plan
        self._random = random.Random(1)
        self._written: dict[int, list[UUID]] = {}

    def insert(self) -> None:
        """A new item with its tags, in one transaction."""
        tags = self._some_tags()
        with self._connection.transaction():
            row = self._connection.execute(
                _INSERT_ITEM, [self._one(self._plan.creators)]
            ).fetchone()
            assert row is not None
            self._connection.execute(_INSERT_TAGS, [row[0], tags])
        self._written[row[0]] = tags

    def change_something(self) -> None:
        """Six in ten insert an item, three give one another tag, one deletes one."""
        drawn = self._random.random()
        if drawn < 0.6 or not self._written:
            self.insert()
            return
        item = self._random.choice(list(self._written))
        if drawn < 0.9:
            self._retag(item)
        else:
            self._connection.execute(_DELETE_ITEM, [[item]])
            del self._written[item]

    def forget(self) -> None:
        """What was written was taken back by its transaction."""
        self._written.clear()

    def undo(self) -> None:
        """Deletes every item that was written."""
        self._connection.execute(_DELETE_ITEM, [list(self._written)])
        self._written.clear()

    def _retag(self, item: int) -> None:
        tags = self._written[item]
        new = next(tag for tag in iter(lambda: self._one(self._plan.tags), None) if tag not in tags)
        with self._connection.transaction():
            self._connection.execute(_DELETE_TAG, [item, tags.pop(0)])
            self._connection.execute(_INSERT_TAGS, [item, [new]])
        tags.append(new)

    def _some_tags(self) -> list[UUID]:
        tags: dict[UUID, None] = {}
        while len(tags) < self._plan.tags_per_item:
            tags[self._one(self._plan.tags)] = None
        return list(tags)

    def _one(self, choices: Sequence[UUID]) -> UUID:
        return choices[int(len(choices) * self._random.random() ** 3)]
