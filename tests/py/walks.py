"""Walking a result page by page, and comparing every page with the oracle's."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg

from calls import Connection, Page, page
from oracle import Filter, Item, Key, Sort

# How many different wanted tags a strategy needs to start from.
SEEDS = {"self_join": 1, "group_having": 1, "two_phase_single": 1, "two_phase_dual": 2}


def keys_of(items: Sequence[Item]) -> list[Key]:
    return [item.key for item in items]


def check_walk(
    conn: Connection,
    wanted: Filter,
    sort: Sort,
    page_size: int,
    expected: Sequence[Key],
    *,
    strategy: str | None = None,
) -> None:
    """Walk forward to the end and back to the start: every page, size and cursor as it must be.

    A strategy may refuse (TG005) a filter without the tags that it starts from, and no other.
    """

    def turn_to(cursor: str | None, start: int) -> Page:
        turned = page(conn, wanted, sort, page_size=page_size, cursor=cursor, strategy=strategy)
        where = f"rank {start} of {len(expected)}, {page_size} a page, {strategy}, {sort}, {wanted}"
        due = list(expected[start : start + page_size])
        assert turned.keys == due, f"{turned.keys} instead of {due}: {where}"
        assert (turned.next_cursor is None) == (start + page_size >= len(expected)), where
        assert (turned.prev_cursor is None) == (start == 0), where
        return turned

    starts = list(range(0, len(expected), page_size)) or [0]
    try:
        turned = turn_to(None, 0)
    except psycopg.Error as refusal:
        if refusal.sqlstate == "TG005" and lacks_seeds(wanted, strategy):
            return
        raise
    for start in starts[1:]:
        turned = turn_to(turned.next_cursor, start)
    for start in reversed(starts[:-1]):
        turned = turn_to(turned.prev_cursor, start)
    if len(starts) > 1:  # and forward again from a page that was reached backwards
        turn_to(turned.next_cursor, starts[1])


def lacks_seeds(wanted: Filter, strategy: str | None) -> bool:
    """Whether the filter has fewer wanted tags than the strategy starts from."""
    return len(set(wanted.tags_all or ())) < SEEDS.get(strategy or "", 0)
