"""A container is one set of slots, in either of its two forms: an array of few, or bits of many."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitmap.drawn_bits import BLOCK, as_text
from calls import Connection
from galleries import examples, seeds

LIMIT = 128  # gallery.sparse_limit(): so many slots are an array at most
TAG = 0  # a kind of keys


class Container(NamedTuple):
    """A container as it is stored: in one of the two forms, and the number of its slots."""

    bits: str | None
    slots: list[int] | None
    cardinality: int

    def holds(self) -> set[int]:
        if self.bits is None:
            return set(self.slots or ())
        return {slot for slot, bit in enumerate(self.bits) if bit == "1"}


def array(slots: Collection[int]) -> Container:
    return Container(None, sorted(slots), len(slots))


def bits(slots: Collection[int]) -> Container:
    return Container(as_text(BLOCK, slots), None, len(slots))


def changed(
    conn: Connection, old: Container, sets: Collection[int], clears: Collection[int]
) -> Container:
    query = """
        SELECT bits, slots, cardinality
        FROM gallery.container_change(%s::bit varying, %s::smallint[], %s::int[], %s::int[])"""
    given = (old.bits, old.slots, list(sets) or None, list(clears) or None)
    return Container(*conn.execute(query, given).fetchall()[0])


def some_slots(least: int = 0, most: int = BLOCK) -> st.SearchStrategy[set[int]]:
    """So many slots, anywhere in a block."""

    def drawn(seed: int, size: int) -> set[int]:
        return set(Random(seed).sample(range(BLOCK), size))

    return st.builds(drawn, seeds(), st.integers(least, most))


def containers() -> st.SearchStrategy[Container]:
    """Arrays and bits, most of them of about as many slots as the limit between the forms."""
    return (
        some_slots(0, LIMIT).map(array)
        | some_slots(LIMIT // 2 + 1, LIMIT + 20).map(bits)
        | some_slots(LIMIT // 2 + 1).map(bits)
    )


def test_the_limit_of_arrays_is_that_of_these_tests(conn: Connection) -> None:
    assert conn.execute("SELECT gallery.sparse_limit()").fetchone() == (LIMIT,)


@given(old=containers(), seed=seeds(), data=st.data())
@examples(60)
def test_a_changed_container_holds_what_was_set_and_not_what_was_cleared(
    conn: Connection, old: Container, seed: int, data: st.DataObject
) -> None:
    """Also where a slot was set before that is to be set, or was not that is to be cleared."""
    random, held = Random(seed), sorted(old.holds())
    sets = {*random.sample(range(BLOCK), data.draw(st.integers(0, 90))), *held[:1]}
    clears = set(random.sample(held, data.draw(st.integers(0, len(held))))) | {random.randrange(9)}
    clears -= sets
    new = changed(conn, old, sets, clears)
    expected = (old.holds() | sets) - clears
    assert new.holds() == expected
    assert new.cardinality == len(expected)
    assert (new.bits is None) != (new.slots is None)
    assert new.slots in (None, sorted(expected))
    most = LIMIT if old.bits is None else LIMIT // 2
    assert (new.slots is not None) == (len(expected) <= most)


def test_a_container_at_the_limit_does_not_change_its_form_back_and_forth(conn: Connection) -> None:
    """What one slot more has made bits is an array again when it has lost half."""
    full = changed(conn, array(range(LIMIT - 1)), [LIMIT - 1], [])
    assert full.slots == list(range(LIMIT))
    more = changed(conn, full, [LIMIT], [])
    assert more.bits is not None
    less = changed(conn, more, [], range(LIMIT // 2, LIMIT))
    assert (less.bits is None, less.cardinality) == (False, LIMIT // 2 + 1)
    half = changed(conn, less, [], [LIMIT])
    assert half.slots == list(range(LIMIT // 2))


@pytest.mark.parametrize("old", [array([5]), bits(range(LIMIT))], ids=["array", "bits"])
def test_a_container_that_loses_all_is_an_empty_array(conn: Connection, old: Container) -> None:
    assert changed(conn, old, [], old.holds()) == Container(None, [], 0)


# --- the stored ones ---


@given(seed=seeds())
@examples(15)
def test_changes_of_bits_leave_containers_and_counts_as_a_list_of_sets_would(
    conn: Connection, seed: int
) -> None:
    """Asked for over and over, in blocks and keys that there are and that there aren't yet."""
    random = Random(seed)
    keys = [UUID(int=random.getrandbits(128)) for _ in range(2)]
    source = {slot: random.choice(("items", "auto")) for slot in range(BLOCK)}
    held: dict[tuple[UUID, int], set[int]] = defaultdict(set)
    with conn.transaction(force_rollback=True):
        for _ in range(6):
            asked = {
                (random.choice(keys), random.randrange(2), slot): random.random() < 0.6
                for slot in random.sample(range(400), random.choice((1, 9, 300)))
            }
            ask(conn, asked, source)
            for (key, block_no, slot), present in asked.items():
                (held[key, block_no].add if present else held[key, block_no].discard)(slot)
        assert stored(conn) == {place: slots for place, slots in held.items() if slots}
        assert statistics(conn) == {
            (key, name): count
            for key in keys
            for name in ("items", "auto")
            if (
                count := sum(
                    source[slot] == name for block in range(2) for slot in held[key, block]
                )
            )
        }


def ask(conn: Connection, asked: dict[tuple[UUID, int, int], bool], source: dict[int, str]) -> None:
    columns: tuple[list[Any], ...] = (
        [TAG for _ in asked],
        [key for key, _, _ in asked],
        [block_no for _, block_no, _ in asked],
        [slot for _, _, slot in asked],
        [source[slot] for _, _, slot in asked],
        list(asked.values()),
    )
    conn.execute(
        "SELECT gallery.change_bits(%s::smallint[], %s::uuid[], %s::int[], %s::int[], %s::text[],"
        " %s::boolean[])",
        columns,
    )


def stored(conn: Connection) -> dict[tuple[UUID, int], set[int]]:
    """What each container holds."""
    rows = conn.execute(
        "SELECT key, block_no, bits, slots, cardinality FROM gallery.bitmap_container"
    ).fetchall()
    return {(row[0], row[1]): Container(*row[2:]).holds() for row in rows}


def statistics(conn: Connection) -> dict[tuple[UUID, str], int]:
    rows = conn.execute("SELECT tag_id, content_source, cardinality FROM tag_cardinality_stats")
    return {(row[0], row[1]): row[2] for row in rows}
