"""A query is evaluated window by window; together they hold the slots of all that matches it."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given

import calls
from bitmap.drawn_filters import keyed_filter, made_filter
from calls import Connection
from galleries import Gallery, examples, random_gallery, seeds
from index_states import State, rebuilt, refreshed
from oracle import Filter, Key, matches

Slot = tuple[int, int]  # a block's number, and the slot in it


class Range(NamedTuple):
    """The slots from the first of these on, and before the last."""

    first_block: int = -(2**31)
    first_slot: int = 0
    last_block: int = 2**31 - 1
    last_slot: int = 0

    def holds(self, slot: Slot) -> bool:
        return self[:2] <= slot < self[2:]


@pytest.fixture(scope="module")
def database_url(small_index_url: str) -> str:
    return small_index_url


@pytest.mark.parametrize("descending", [True, False], ids=["descending", "ascending"])
@pytest.mark.parametrize("blocks", [1, 2, 6], ids=lambda blocks: f"{blocks} blocks a window")
@pytest.mark.parametrize("state", [rebuilt, refreshed], ids=lambda state: state.__name__)
@given(seed=seeds())
@examples(4)
def test_the_windows_of_a_query_hold_what_matches_in_the_direction_of_travel(
    conn: Connection, state: State, blocks: int, descending: bool, seed: int
) -> None:
    """Between any two slots; narrow windows and wide ones, which are read in other ways."""
    random = Random(seed)
    gallery = random_gallery(random, random.choice((0, 30, 300, 300)))
    state(conn, random, gallery)
    slots = read_slots(conn)
    for _ in range(20):
        wanted, between = some_filter(random, gallery), some_range(random, list(slots.values()))
        expected = [
            slots[item.key]
            for item in gallery.items
            if matches(item, wanted) and between.holds(slots[item.key])
        ]
        found = read_windows(conn, wanted, between, descending, blocks)
        assert found == sorted(expected, reverse=descending), (wanted, between)


def some_filter(random: Random, gallery: Gallery) -> Filter:
    """Any, or one that asks for several tags which are found together, beside all else."""
    wanted = keyed_filter(random, gallery)
    if gallery.items and random.random() < 0.5:
        together = sorted(random.choice(gallery.items).tags)
        some = random.sample(together, min(len(together), random.randint(1, 5)))
        return Filter(tags_all=some, viewer=wanted.viewer)
    return wanted


def read_slots(conn: Connection) -> dict[Key, Slot]:
    rows = conn.execute(
        "SELECT content_id, content_source, block_no, slot FROM gallery.bitmap_item"
    )
    return {(row[0], row[1]): (row[2], row[3]) for row in rows}


def some_range(random: Random, slots: list[Slot]) -> Range:
    """Everything, or what lies between two items, each taken in or not."""
    if len(slots) < 2 or random.random() < 0.3:
        return Range()
    (first, first_slot), (last, last_slot) = sorted(random.sample(slots, 2))
    return Range(first, first_slot + random.randrange(2), last, last_slot + random.randrange(2))


def read_windows(
    conn: Connection, wanted: Filter, between: Range, descending: bool, blocks: int
) -> list[Slot]:
    """The slots of one window after the other, until there is none."""
    made, given = made_filter(wanted)
    query = f"""
        SELECT f.impossible, w.reached, a.block_nos, a.slots,
               gallery.range_beyond(r, w.reached, %(descending)s)
        FROM {made} f
        CROSS JOIN CAST(%(between)s AS gallery.block_range) r
        CROSS JOIN LATERAL gallery.bitmap_window(
            gallery.bitmap_query(f), r, %(descending)s, %(blocks)s) w
        CROSS JOIN LATERAL gallery.all_bits(w.block_nos, w.bits, %(descending)s) a"""
    given |= {
        "descending": descending,
        "blocks": blocks,
        "between": f"({','.join(map(str, between))})",
    }
    found: list[Slot] = []
    while True:
        ((impossible, reached, block_nos, slots, given["between"]),) = conn.execute(
            calls.query(query), given
        ).fetchall()
        if impossible or reached is None:
            return found
        found += zip(block_nos or (), slots or (), strict=True)
