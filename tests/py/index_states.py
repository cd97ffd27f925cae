"""The same gallery with its derived data in every state that a reader may meet it in.

Blocks of the bitmap index hold thousands of items, and thresholds of thousands decide between its
ways of doing things. `shrink_index` makes both so small that a few hundred items fill many blocks
and every way is taken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from uuid import UUID

import calls
from calls import Connection
from galleries import Gallery, random_item, random_moments, random_tags, random_uuid
from oracle import Item, Key
from pg_gallery.repeatables import read_functions

# What db/functions/basics/tuning.sql has, as small as these galleries.
SMALL = {
    "block_capacity": 40,
    "chunk_capacity": 8,
    "sparse_limit": 5,
    "block_gap": 4,
    "wide_window": 3,
    "few_bits": 4,
    "most_first_blocks": 6,
    "most_blocks": 6,
    "counted_blocks": 2,
    "most_places": 12,
    "few_candidates": 3,
    "patience": 3,
    "few_changed": 5,
    "first_changed": 3,
    "few_faceted": 3,
    "first_facet_batch": 3,
    "most_facet_batch": 5,
    "refresh_batch": 9,
    "refreshed_whole": 800,
    "changed_bits_most": 12,
}


def tune(conn: Connection, **numbers: int) -> None:
    """Give numbers of tuning.sql other values, for as long as the database stands."""
    for name, number in numbers.items():
        (kind,) = conn.execute(
            "SELECT prorettype::regtype::text FROM pg_proc WHERE oid = %s::regproc",
            (f"gallery.{name}",),
        ).fetchone() or (None,)
        conn.execute(
            calls.query(
                f"CREATE OR REPLACE FUNCTION gallery.{name}() RETURNS {kind}"
                f" LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN {number}::{kind}"
            )
        )


def shrink_index(conn: Connection) -> None:
    """Make the numbers small that decide between ways of doing things, and the index anew."""
    tune(conn, **SMALL)
    calls.install(conn, read_functions()["bitmap/bits.sql"])  # an aggregate's start is a block
    conn.execute("CALL gallery_rebuild()")


# --- states ---


State = Callable[[Connection, Random, Gallery], None]


def behind(conn: Connection, random: Random, gallery: Gallery) -> None:
    """Everything has changed since the last refresh: the index can't be used."""
    conn.execute("SELECT gallery_configure('{\"dirty_limit\": null}')")
    calls.store(conn, gallery)


def rebuilt(conn: Connection, random: Random, gallery: Gallery) -> None:
    """Built anew, and nothing has changed since."""
    behind(conn, random, gallery)
    conn.execute("CALL gallery_rebuild()")


def dirty(conn: Connection, random: Random, gallery: Gallery) -> None:
    """The index knows an older gallery: everything that can change has changed since."""
    older = older_gallery(random, gallery)
    rebuilt(conn, random, older.gallery)
    older.become(conn, gallery)


def overdue(conn: Connection, random: Random, gallery: Gallery) -> None:
    """More items have changed since than a reader is to test: the index is passed over."""
    dirty(conn, random, gallery)
    conn.execute("SELECT gallery_configure('{\"dirty_limit\": 0}')")


def refreshed(conn: Connection, random: Random, gallery: Gallery) -> None:
    """The index knew an older gallery and has been brought up to date since, in two goes."""
    between = older_gallery(random, gallery)
    older = older_gallery(random, between.gallery)
    rebuilt(conn, random, older.gallery)
    older.become(conn, between.gallery)
    conn.execute("CALL gallery_refresh()")
    between.become(conn, gallery)
    conn.execute("CALL gallery_refresh()")


USABLE: tuple[State, ...] = (rebuilt, dirty, refreshed)
STATES: tuple[State, ...] = (*USABLE, behind, overdue)


# --- what the gallery was before ---


@dataclass
class OlderGallery:
    """A gallery, and what leads from it to a younger one besides plain changes of rows."""

    gallery: Gallery
    renamed: dict[Key, Key]  # items that stood under another key: older to younger
    doomed_tag: UUID
    doomed_user: UUID

    def become(self, conn: Connection, younger: Gallery) -> None:
        """Make the stored gallery the younger one by the fewest changes, in one transaction."""
        new = {item.key: item for item in younger.items}
        with conn.transaction():
            conn.execute("DELETE FROM tags WHERE id = %s", (self.doomed_tag,))
            conn.execute("DELETE FROM users WHERE id = %s", (self.doomed_user,))
            for item in self.gallery.items:
                survivor = new.pop(self.renamed.get(item.key, item.key), None)
                if survivor is None:
                    delete_item(conn, item.key)
                elif survivor != item:
                    change_item(conn, item, survivor)
            calls.insert_items(conn, list(new.values()))


def older_gallery(random: Random, gallery: Gallery) -> OlderGallery:
    """About half of the items as they are; the others absent, changed, elsewhere or doomed."""
    doomed_tag, doomed_user = random_uuid(random), random_uuid(random)
    items: list[Item] = []
    renamed: dict[Key, Key] = {}
    for item in gallery.items:
        chance = random.random()
        before = item
        if chance < 0.2:
            continue
        if chance < 0.4:  # its prompt never changes
            before = replace(another_item(random, gallery, item.key), prompt=item.prompt)
        elif chance < 0.5:
            before = replace(item, id=spare_id(random), source_type=random.choice(gallery.sources))
            renamed[before.key] = item.key
        if random.random() < 0.1:
            before = replace(before, tags=before.tags | {doomed_tag})
        if item.creator_id is None and random.random() < 0.3:
            before = replace(before, creator_id=doomed_user)
        items.append(before)
    gone = [(spare_id(random), random.choice(gallery.sources)) for _ in range(len(items) // 5)]
    items += [another_item(random, gallery, key) for key in gone]
    random.shuffle(items)
    older = replace(
        gallery,
        items=items,
        tags=gallery.tags | {doomed_tag: str(doomed_tag)},
        users=[*gallery.users, doomed_user],
    )
    return OlderGallery(older, renamed, doomed_tag, doomed_user)


def spare_id(random: Random) -> int:
    """An id that no item of a random gallery has."""
    return random.randrange(10**6, 10**15)


def another_item(random: Random, gallery: Gallery, key: Key) -> Item:
    carried = random_tags(random, list(gallery.tags)[:16], is_oldest=False)
    near = random.choice([item.created_at for item in gallery.items] + random_moments(random, 2))
    return random_item(random, key, near, gallery.users, carried)


def delete_item(conn: Connection, key: Key) -> None:
    conn.execute("DELETE FROM content_items_all WHERE (id, source_type) = (%s, %s)", key)


def change_item(conn: Connection, old: Item, new: Item) -> None:
    """Update the row of an item, its key included, then its tags."""
    conn.execute(
        "UPDATE content_items_all SET (id, source_type, created_at, quality_score, creator_id,"
        " is_private, content_type, title) = (%s, %s, %s::timestamptz, %s, %s, %s, %s, %s)"
        " WHERE (id, source_type) = (%s, %s)",
        (
            *new.key,
            new.created_at.text,
            new.quality_score,
            new.creator_id,
            new.is_private,
            new.content_type,
            new.title,
            *old.key,
        ),
    )
    conn.execute(
        "DELETE FROM content_tags WHERE (content_id, content_source) = (%s, %s)"
        " AND tag_id = ANY (%s)",
        (*new.key, list(old.tags - new.tags)),
    )
    calls.insert_tags(conn, ((new.key, tag) for tag in new.tags - old.tags))
