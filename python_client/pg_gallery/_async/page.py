"""A page that can fetch the pages beside it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from ..results import PageRows

RowT = TypeVar("RowT")


@dataclass(frozen=True)
class AsyncPage(PageRows[RowT]):
    """A page that knows its neighbours. Iterating over it gives its items."""

    _at: Callable[[str], Awaitable[AsyncPage[RowT]]] = field(repr=False, compare=False)

    async def next(self) -> AsyncPage[RowT] | None:
        """The page after this one, or None where there is none."""
        return await self._at(self.next_cursor) if self.next_cursor is not None else None

    async def prev(self) -> AsyncPage[RowT] | None:
        """The page before this one, or None where there is none."""
        return await self._at(self.prev_cursor) if self.prev_cursor is not None else None
