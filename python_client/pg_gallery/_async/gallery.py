"""`AsyncGallery`: the gallery's functions as methods.

It is thin. A method builds its call (`_calls`) and has it run by an executor; the arguments are
those of the SQL functions and stand, with their meaning, in `arguments`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from .. import _calls
from .._calls import Call
from ..errors import translated
from ..results import (
    Discrepancy,
    Facet,
    HealthCheck,
    Item,
    PageRows,
    ScheduledJob,
    Setting,
    StrategyChoice,
    TagCount,
)
from .executor import AsyncExecutor
from .observed import AsyncObservedExecutor
from .page import AsyncPage
from .sources import AsyncSource, executor_over

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from ..arguments import (
        FacetArguments,
        FilterArguments,
        PageArguments,
        RankArguments,
        TagArguments,
    )
    from ..telemetry import Telemetry

T = TypeVar("T")


class AsyncGallery:
    """The gallery in one database.

    ``source`` is a URL (or libpq connection string), a psycopg `AsyncConnection` or
    `AsyncConnectionPool`, or a SQLAlchemy `AsyncSession`, `AsyncConnection` or `AsyncEngine`. A
    connection or session is used in the transaction that it is in, and neither committed nor
    closed; from a pool or an engine each call takes a connection and a transaction of its own; for
    a URL the gallery opens one autocommit connection when it first needs it, and closes it with
    `close` or at the end of its ``async with`` block.

    ``schema`` names the schema of the gallery's tables and functions where the search_path does not
    lead to it. ``telemetry`` records what the calls take (module `telemetry`).

    Over psycopg nothing is prepared on the server, so that a connection may lead through a pooler
    in transaction mode; for that, an engine of SQLAlchemy's needs
    ``connect_args={"prepare_threshold": None}``.

    Every method raises `GalleryError` (module `errors`) for what the gallery refuses and for a
    connection that can't be made, and the driver's own exceptions for everything else.
    """

    def __init__(
        self, source: AsyncSource, *, schema: str | None = None, telemetry: Telemetry | None = None
    ) -> None:
        self._executor: AsyncExecutor = executor_over(source)
        if telemetry is not None:
            self._executor = AsyncObservedExecutor(self._executor, telemetry)
        self._schema = schema

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close what the gallery opened: the connection made from a URL."""
        await self._executor.close()

    async def _run(self, call: Call[T]) -> T:
        with translated(call.function):
            return await self._executor.run(call, self._schema)

    async def _page(self, call: Call[PageRows[T]]) -> AsyncPage[T]:
        rows = await self._run(call)
        return AsyncPage(
            rows.items,
            rows.next_cursor,
            rows.prev_cursor,
            lambda cursor: self._page(call.at(cursor)),
        )

    # --- reading ---

    async def page(self, **arguments: Unpack[PageArguments]) -> AsyncPage[Item]:
        """The page of items that match, newest first unless another order is asked for."""
        return await self._page(_calls.page(arguments))

    async def pages(self, **arguments: Unpack[PageArguments]) -> AsyncIterator[AsyncPage[Item]]:
        """This page and all after it, each fetched when it is asked for; at least one."""
        page: AsyncPage[Item] | None = await self.page(**arguments)
        while page is not None:
            yield page
            page = await page.next()

    async def items(self, **arguments: Unpack[PageArguments]) -> AsyncIterator[Item]:
        """The items of this page and of all after it, fetched a page at a time."""
        async for page in self.pages(**arguments):
            for item in page:
                yield item

    async def count(self, **arguments: Unpack[FilterArguments]) -> int:
        """How many items match, exactly."""
        return await self._run(_calls.count(arguments))

    async def facets(self, **arguments: Unpack[FacetArguments]) -> tuple[Facet, ...]:
        """The tags most carried by the items that match, with exact counts."""
        return await self._run(_calls.facets(arguments))

    async def cursor_at(self, **arguments: Unpack[RankArguments]) -> str | None:
        """The cursor with which `page` starts at that rank, from 0; None for the first page."""
        return await self._run(_calls.cursor_at(arguments))

    async def tags(self, **arguments: Unpack[TagArguments]) -> AsyncPage[TagCount]:
        """The tags with the number of items that carry each, the most carried first."""
        return await self._page(_calls.tags(arguments))

    async def tag_ids(self, names: Iterable[str]) -> tuple[UUID, ...]:
        """The ids of the tags, in the order of the names. Raises UnknownTag."""
        return await self._run(_calls.tag_ids(names))

    async def pick_strategy(self, **arguments: Unpack[FilterArguments]) -> StrategyChoice:
        """What the planner would do with this filter."""
        return await self._run(_calls.pick_strategy(arguments))

    async def explain(self, **arguments: Unpack[PageArguments]) -> dict[str, Any]:
        """Every strategy with its estimate, the one chosen and why, and what it really took."""
        return await self._run(_calls.explain(arguments))

    async def version(self) -> str:
        """The version of pg_gallery that is installed in the database."""
        return await self._run(_calls.version())

    # --- upkeep ---

    async def refresh(self) -> None:
        """Bring statistics and bitmap index up to date with the tables.

        Runs outside of any transaction: raises ActiveTransaction where one is open. If another
        refresh is at work, this one leaves with a notice of the server.
        """
        await self._run(_calls.refresh())

    async def rebuild(self) -> None:
        """Build statistics and bitmap index anew, or go on where that was stopped.

        Commits as it goes: raises ActiveTransaction where a transaction is open.
        """
        await self._run(_calls.rebuild())

    async def schedule(self, every: str | None = None) -> tuple[ScheduledJob, ...]:
        """Let pg_cron refresh the gallery: every '1 minute', '30 seconds', or in cron syntax.

        Raises MissingPrerequisite where there is no pg_cron, or one too old for seconds.
        """
        return await self._run(_calls.schedule(every))

    async def unschedule(self) -> tuple[str, ...]:
        """Remove those jobs; gives their names."""
        return await self._run(_calls.unschedule())

    async def health(self) -> tuple[HealthCheck, ...]:
        """What may need an operator's hand, and what to do."""
        return await self._run(_calls.health())

    async def verify(self, sample: float | None = None) -> tuple[Discrepancy, ...]:
        """What in the derived data disagrees with the tables: nothing, or it is a bug.

        ``sample`` is the share of the index to compare, from 0 to 1; by default all of it.
        """
        return await self._run(_calls.verify(sample))

    async def configure(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Change settings by a document like config/base.json, whole or in part.

        Gives the settings then in force. Raises InvalidSetting.
        """
        return await self._run(_calls.configure(document))

    async def settings(self) -> tuple[Setting, ...]:
        """The settings in force, with what they mean."""
        return await self._run(_calls.settings())
