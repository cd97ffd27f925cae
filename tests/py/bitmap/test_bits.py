"""Bit strings and lists of slots are the same sets, whichever way one is turned into the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import calls
from bitmap.drawn_bits import BLOCK, Bits, as_text, some_bits, windows
from calls import Connection
from galleries import examples


def value(conn: Connection, query: str, *given: Any) -> Any:
    ((answer,),) = conn.execute(calls.query(f"SELECT {query}"), given).fetchall()
    return answer


def texts(window: Sequence[frozenset[int]]) -> list[str]:
    return [as_text(BLOCK, slots) for slots in window]


def test_a_block_has_whole_bytes_of_slots(conn: Connection) -> None:
    assert value(conn, "gallery.block_capacity()") == BLOCK
    assert BLOCK % 8 == 0, "all_bits counts slots by bytes"
    assert value(conn, "gallery.all_slots()::text") == as_text(BLOCK, range(BLOCK))
    assert value(conn, "gallery.no_slots()::text") == as_text(BLOCK, ())


@given(bits=some_bits())
def test_bits_turn_into_the_slots_that_are_set_ascending(conn: Connection, bits: Bits) -> None:
    length, slots = bits
    found = value(conn, "gallery.bits_to_slots(%s::bit varying)", as_text(length, slots))
    assert found == (sorted(slots) or None)


@given(slots=st.lists(st.integers(0, BLOCK - 1) | st.none(), max_size=40))
def test_slots_in_any_order_and_given_twice_turn_into_the_bits_of_a_block(
    conn: Connection, slots: list[int | None]
) -> None:
    """Of no slots at all: into none set, rather than NULL."""
    query = "(SELECT gallery.slots_to_bits(s, 1)::text FROM unnest(%s::int[]) s)"
    named = {slot for slot in slots if slot is not None}
    assert value(conn, query, slots) == as_text(BLOCK, named)


@given(bits=some_bits())
@examples(30)
def test_the_slot_of_each_bit_is_found(conn: Connection, bits: Bits) -> None:
    length, slots = bits
    ranks = [rank for rank in range(len(slots)) if rank < 50 or rank >= len(slots) - 50]
    query = "ARRAY(SELECT gallery.slot_of_bit(%s::bit varying, n) FROM unnest(%s::int[]) n)"
    found = value(conn, query, as_text(length, slots), ranks)
    assert found == [sorted(slots)[rank] for rank in ranks]


@given(window=windows())
@examples(30)
def test_bits_are_counted_over_all_blocks(conn: Connection, window: list[frozenset[int]]) -> None:
    found = value(conn, "gallery.count_bits(%s::bit varying[])", texts(window))
    assert found == (sum(map(len, window)) if window else None)


@given(window=windows(), descending=st.booleans())
@examples(30)
def test_all_bits_come_block_by_block_in_the_direction_of_travel(
    conn: Connection, window: list[frozenset[int]], descending: bool
) -> None:
    """Blocks stay in the order that they are given in, which need not be that of their numbers."""
    numbers = [7 * number % 5 - 2 for number in range(len(window))]
    block_nos, slots = all_bits(conn, numbers, texts(window), descending)
    assert list(zip(block_nos, slots, strict=True)) == travelled(numbers, window, descending)


def all_bits(
    conn: Connection, numbers: list[int], bits: list[str], descending: bool
) -> tuple[list[int], list[int]]:
    query = "SELECT * FROM gallery.all_bits(%s::int[], %s::bit varying[], %s)"
    ((block_nos, slots),) = conn.execute(query, (numbers, bits, descending)).fetchall()
    return block_nos or [], slots or []


def travelled(
    numbers: Sequence[int], window: Sequence[frozenset[int]], descending: bool
) -> list[tuple[int, int]]:
    return [
        (number, slot)
        for number, slots in zip(numbers, window, strict=True)
        for slot in sorted(slots, reverse=descending)
    ]


@given(window=windows(), descending=st.booleans(), data=st.data())
@examples(30)
def test_what_is_taken_of_a_window_and_what_is_left_are_the_window(
    conn: Connection, window: list[frozenset[int]], descending: bool, data: st.DataObject
) -> None:
    """The first bits wanted, also where the last of them lies in the middle of a block."""
    ways = travelled(range(len(window)), window, descending)
    wanted = data.draw(st.integers(0, min(len(ways) + 1, 2**31 - 1)))
    query = """
        SELECT t.taken_blocks, t.taken_slots, r.block_nos, r.slots
        FROM gallery.bitmap_take(%s::int[], %s::bit varying[], %s, %s) t
        CROSS JOIN LATERAL gallery.all_bits(t.block_nos, t.bits, %s) r"""
    given = (list(range(len(window))), texts(window), descending, wanted, descending)
    ((taken_blocks, taken_slots, left_blocks, left_slots),) = conn.execute(query, given).fetchall()
    assert list(zip(taken_blocks, taken_slots, strict=True)) == ways[:wanted]
    assert list(zip(left_blocks or [], left_slots or [], strict=True)) == ways[wanted:]
