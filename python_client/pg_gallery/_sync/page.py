# Made by scripts/unasync.py of _async/page.py: change that, then run `make sync-client`.
"""A page that can fetch the pages beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from ..results import PageRows

RowT = TypeVar("RowT")


@dataclass(frozen=True)
class Page(PageRows[RowT]):
    """A page that knows its neighbours. Iterating over it gives its items."""

    _at: Callable[[str], Page[RowT]] = field(repr=False, compare=False)

    def next(self) -> Page[RowT] | None:
        """The page after this one, or None where there is none."""
        return self._at(self.next_cursor) if self.next_cursor is not None else None

    def prev(self) -> Page[RowT] | None:
        """The page before this one, or None where there is none."""
        return self._at(self.prev_cursor) if self.prev_cursor is not None else None
