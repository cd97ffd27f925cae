"""Places in the page order and slots of the index lead to each other, whatever is equal."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given

from calls import Connection
from galleries import Gallery, examples, random_gallery, seeds
from index_states import State, rebuilt, refreshed
from oracle import BEGINNING_OF_TIME, END_OF_TIME, Item, Sort, moment, place

OLDEST_FIRST = Sort("created_at", "asc")  # the order in which slots are numbered
POSITION = "row(false, %s::timestamptz, NULL, %s, %s)::gallery.position"
LEAST_ID, GREATEST_ID = -(2**63), 2**63 - 1


@pytest.fixture(scope="module")
def database_url(small_index_url: str) -> str:
    return small_index_url


@pytest.mark.parametrize("after", [False, True], ids=["at or after", "after"])
@pytest.mark.parametrize("state", [rebuilt, refreshed], ids=lambda state: state.__name__)
@given(seed=seeds())
@examples(8)
def test_a_place_is_located_behind_all_that_come_before_it(
    conn: Connection, state: State, after: bool, seed: int
) -> None:
    """Where no item stands at the place, and where one does: with it among them, or not."""
    random = Random(seed)
    gallery = random_gallery(random, random.choice((0, 1, 30, 200)))
    state(conn, random, gallery)
    places = sorted(place(item, OLDEST_FIRST) for item in gallery.items)
    for sought in some_places(random, gallery):
        own = place(sought, OLDEST_FIRST)
        expected = [other for other in places if other < own or (after and other == own)]
        assert items_before(conn, sought, after) == len(expected), sought


def some_places(random: Random, gallery: Gallery) -> list[Item]:
    """Items' own, some beside them, and both ends: as items."""
    chosen = random.sample(gallery.items, min(8, len(gallery.items)))
    return [
        *(near for item in chosen for near in places_near(random, item)),
        Item(LEAST_ID, "auto", BEGINNING_OF_TIME),
        Item(GREATEST_ID, "items", END_OF_TIME),
    ]


def places_near(random: Random, item: Item) -> list[Item]:
    """The item's own, and its neighbours' in source, id and time."""
    return [
        item,
        replace(item, source_type="auto" if item.source_type == "items" else "items"),
        replace(item, id=max(item.id - 1, LEAST_ID)),
        replace(item, id=min(item.id + 1, GREATEST_ID)),
        replace(item, id=LEAST_ID, source_type="auto"),
        replace(item, created_at=moment(random.randrange(10**15))),
    ]


def position(item: Item) -> tuple[Any, ...]:
    return item.created_at.text, item.id, item.source_type


def items_before(conn: Connection, item: Item, after: bool) -> int:
    """How many items stand in slots before the one at which a place is located."""
    query = f"""
        SELECT (SELECT count(*) FROM gallery.bitmap_item b
                WHERE (b.block_no, b.slot) < (l.block_no, l.slot))
        FROM gallery.bitmap_locate({POSITION}, %s) l"""
    ((number,),) = conn.execute(query.encode(), (*position(item), after)).fetchall()
    return int(number)


@pytest.mark.parametrize("state", [rebuilt, refreshed], ids=lambda state: state.__name__)
@given(seed=seeds())
@examples(8)
def test_a_slot_leads_to_the_place_of_the_item_that_stands_in_it(
    conn: Connection, state: State, seed: int
) -> None:
    """Many slots at once, in any order: their places come in the same."""
    random = Random(seed)
    gallery = random_gallery(random, random.choice((1, 30, 200)))
    state(conn, random, gallery)
    slots = conn.execute(
        "SELECT block_no, slot, content_id, content_source FROM gallery.bitmap_item"
    ).fetchall()
    random.shuffle(slots)
    found = conn.execute(
        "SELECT p.id, p.source, p.created_at::text"
        " FROM unnest(gallery.bitmap_places(%s, %s)) WITH ORDINALITY"
        " p (segment, created_at, quality, id, source, n) ORDER BY p.n",
        ([row[0] for row in slots], [row[1] for row in slots]),
    ).fetchall()
    assert [row[:2] for row in found] == [(row[2], row[3]) for row in slots]
    assert sorted(row[:2] for row in found) == sorted(item.key for item in gallery.items)
    stored = {
        row[:2]: row[2]
        for row in conn.execute("SELECT id, source_type, created_at::text FROM content_items_all")
    }
    assert {row[:2]: row[2] for row in found} == stored


@pytest.mark.parametrize("state", [rebuilt, refreshed], ids=lambda state: state.__name__)
@given(seed=seeds())
@examples(4)
def test_slots_are_numbered_in_page_order_through_all_blocks(
    conn: Connection, state: State, seed: int
) -> None:
    random = Random(seed)
    gallery = random_gallery(random, 200)
    state(conn, random, gallery)
    numbered = conn.execute(
        "SELECT content_id, content_source FROM gallery.bitmap_item ORDER BY block_no, slot"
    ).fetchall()
    in_order = sorted(gallery.items, key=lambda item: place(item, OLDEST_FIRST))
    assert numbered == [item.key for item in in_order]
