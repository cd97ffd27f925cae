"""Bits of blocks, drawn by hypothesis: as sets of slots, and as the text that PostgreSQL reads."""

from __future__ import annotations

from collections.abc import Collection

from hypothesis import strategies as st

BLOCK = 15360  # gallery.block_capacity()
LENGTHS = (8, 40, 384, BLOCK)  # whole bytes, as a block's are

Bits = tuple[int, frozenset[int]]  # how many there are, and which of them are set


def as_text(length: int, slots: Collection[int]) -> str:
    return "".join("01"[slot in slots] for slot in range(length))


@st.composite
def some_bits(draw: st.DrawFn, length: int | None = None) -> Bits:
    """Few bits, all but a few, long runs: what containers of rare and of popular tags look like."""
    length = length or draw(st.sampled_from(LENGTHS))
    slots = st.integers(0, length - 1)
    few = frozenset(draw(st.sets(slots, max_size=40)))
    kind = draw(st.sampled_from(("few", "most", "run")))
    if kind == "few":
        return length, few
    if kind == "most":
        return length, frozenset(range(length)) - few
    first, last = sorted((draw(slots), draw(slots)))
    return length, frozenset(range(first, last + 1)) ^ few


def windows() -> st.SearchStrategy[list[frozenset[int]]]:
    """The bits of some whole blocks."""
    return st.lists(some_bits(BLOCK).map(lambda bits: bits[1]), max_size=4)
