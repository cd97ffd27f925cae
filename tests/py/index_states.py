"""The same gallery with its derived data in every state that a reader may meet it in.

Blocks of the bitmap index hold thousands of items. `shrink_blocks` makes them so small that a few
hundred items fill many, and the edges of blocks, chunks and sparse containers are met all the time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import calls
from calls import Connection
from galleries import SOURCE_TYPES, Gallery, random_item, random_moments, random_tags
from oracle import Item, Key

CONSTANTS_FILE = Path(__file__).parents[2] / "db" / "functions" / "360_bitmap_bits.sql"
SMALL_BLOCKS = {"block_capacity": 40, "chunk_capacity": 8, "sparse_limit": 5}


def shrink_blocks(conn: Connection) -> None:
    """Install the constants of the bitmap index anew, small; before anything is stored."""
    text = CONSTANTS_FILE.read_text(encoding="utf-8")
    for name, value in SMALL_BLOCKS.items():
        definition = rf"(create or replace function gallery\.{name}\(\).*?\breturn )\d+"
        text, found = re.subn(definition, rf"\g<1>{value}", text, flags=re.DOTALL)
        assert found == 1, f"{name} is where it was"
    with conn.transaction():
        conn.execute("SET LOCAL search_path = public, pg_temp")
        conn.execute(calls.query(text))
    conn.execute("CALL gallery_rebuild()")


# --- states ---


State = Callable[[Connection, Random, Gallery], None]


def behind(conn: Connection, random: Random, gallery: Gallery) -> None:
    """Everything has changed since the last refresh: the index can't be used."""
    calls.store(conn, gallery)


def rebuilt(conn: Connection, random: Random, gallery: Gallery) -> None:
    """Built anew, and nothing has changed since."""
    calls.store(conn, gallery)
    conn.execute("CALL gallery_rebuild()")


def dirty(conn: Connection, random: Random, gallery: Gallery) -> None:
    """The index knows an older gallery: items have come, gone and changed since."""
    older = older_gallery(random, gallery)
    rebuilt(conn, random, older)
    become(conn, older, gallery)


def refreshed(conn: Connection, random: Random, gallery: Gallery) -> None:
    """The index knew an older gallery and has been brought up to date since, in two goes."""
    older = older_gallery(random, gallery)
    between = older_gallery(random, gallery)
    rebuilt(conn, random, older)
    for before, after in ((older, between), (between, gallery)):
        become(conn, before, after)
        conn.execute("CALL gallery_refresh()")


STATES: tuple[State, ...] = (behind, rebuilt, dirty, refreshed)


def older_gallery(random: Random, gallery: Gallery) -> Gallery:
    """A gallery of the same tags and users, about half of whose items are other ones."""
    items: list[Item] = []
    for item in gallery.items:
        chance = random.random()
        if chance < 0.5:
            items.append(item)
        elif chance < 0.8:  # the same item as it was before, but its prompt never changes
            items.append(replace(another_item(random, gallery, item.key), prompt=item.prompt))
    gone = [(10**6 + number, random.choice(SOURCE_TYPES)) for number in range(len(items) // 5)]
    items += [another_item(random, gallery, key) for key in gone]
    return replace(gallery, items=items)


def another_item(random: Random, gallery: Gallery, key: Key) -> Item:
    carried = random_tags(random, list(gallery.tags), is_oldest=False)
    near = random.choice([item.created_at for item in gallery.items] + random_moments(random, 2))
    return random_item(random, key, near, gallery.users, carried)


def become(conn: Connection, before: Gallery, after: Gallery) -> None:
    """Make the stored gallery another by the fewest changes of rows: deletes, updates, inserts."""
    old = {item.key: item for item in before.items}
    new = {item.key: item for item in after.items}
    with conn.transaction():
        for key in old.keys() - new.keys():
            conn.execute("DELETE FROM content_items_all WHERE (id, source_type) = (%s, %s)", key)
        for key in old.keys() & new.keys():
            if old[key] != new[key]:
                change_item(conn, old[key], new[key])
        calls.insert_items(conn, [item for key, item in new.items() if key not in old])


def change_item(conn: Connection, old: Item, new: Item) -> None:
    """Update the row of an item, then its tags."""
    conn.execute(
        "UPDATE content_items_all SET (created_at, quality_score, creator_id, is_private,"
        " content_type, title) = (%s::timestamptz, %s, %s, %s, %s, %s)"
        " WHERE (id, source_type) = (%s, %s)",
        (
            new.created_at.text,
            new.quality_score,
            new.creator_id,
            new.is_private,
            new.content_type,
            new.title,
            *new.key,
        ),
    )
    conn.execute(
        "DELETE FROM content_tags WHERE (content_id, content_source) = (%s, %s)"
        " AND tag_id = ANY (%s)",
        (*new.key, list(old.tags - new.tags)),
    )
    calls.insert_tags(conn, ((new.key, tag) for tag in new.tags - old.tags))
