"""The options that several commands share, each group of them a dataclass.

A command that is decorated with `with_options` takes such a group as one argument:

    @app.command()
    @with_options
    def count(database: Database, filter: Filter) -> None: …
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from typing import Annotated, Any, TypeAlias
from uuid import UUID

import psycopg
import typer
from psycopg.errors import Diagnostic
from typer import Option

from .._connecting import connect, libpq_url
from ..arguments import FilterArguments, SortArguments
from ..client import Gallery
from ..errors import GalleryError, translated
from ._output import tell_notice

AsJson: TypeAlias = Annotated[
    bool, Option("--json", help="Print JSON, for machines, instead of a table.")
]

_FILTER = "Which items"
_ORDER = "In which order"
_DATABASE = "Which database"


@dataclass(frozen=True)
class Database:
    """Where the gallery is."""

    url: Annotated[
        str | None,
        Option(
            help="URL of the database, such as postgresql://user@host/name.",
            envvar=["PG_GALLERY_URL", "DATABASE_URL"],
            show_default=False,
            metavar="URL",
            rich_help_panel=_DATABASE,
        ),
    ] = None
    schema: Annotated[
        str | None,
        Option(
            help="The schema of the gallery's tables, where it is not public.",
            envvar="PG_GALLERY_SCHEMA",
            show_default=False,
            metavar="NAME",
            rich_help_panel=_DATABASE,
        ),
    ] = None

    @property
    def given_url(self) -> str:
        """The URL, as libpq takes it; a usage error where there is none."""
        if not self.url:
            raise typer.BadParameter(
                "No database is named: give --url, or set PG_GALLERY_URL or DATABASE_URL."
                " To look at pg_gallery without one, run pg-gallery demo."
            )
        try:
            return libpq_url(self.url)
        except GalleryError as error:
            raise typer.BadParameter(f"{error} {error.hint}", param_hint="--url") from None

    @contextmanager
    def gallery(self, heard: Callable[[Diagnostic], None] = tell_notice) -> Iterator[Gallery]:
        """The gallery, to be used in a ``with`` block."""
        with self.connect(heard) as connection:
            yield Gallery(connection, schema=self.schema)

    def connect(self, heard: Callable[[Diagnostic], None] = tell_notice) -> psycopg.Connection[Any]:
        """An autocommit connection whose notices are heard, to be used in a ``with`` block."""
        with translated("connection"):
            connection = connect(self.given_url)
        connection.add_notice_handler(heard)
        return connection


@dataclass(frozen=True)
class Filter:
    """Which items."""

    tags_all: Annotated[
        list[str] | None,
        Option(
            "--all",
            metavar="TAG",
            help="Carries this tag. Repeat it for items that carry all of them.",
            rich_help_panel=_FILTER,
        ),
    ] = None
    tags_any: Annotated[
        list[str] | None,
        Option(
            "--any",
            metavar="TAG",
            help="Carries at least one of the tags given so.",
            rich_help_panel=_FILTER,
        ),
    ] = None
    tags_none: Annotated[
        list[str] | None,
        Option(
            "--none",
            metavar="TAG",
            help="Carries none of the tags given so.",
            rich_help_panel=_FILTER,
        ),
    ] = None
    by_id: Annotated[
        bool,
        Option("--ids", help="The tags are ids, not names.", rich_help_panel=_FILTER),
    ] = False
    sources: Annotated[
        list[str] | None,
        Option(
            "--source",
            metavar="KIND",
            help="user-regular, user-auto, community-regular, community-auto, or a label of a"
            " further source; repeatable.",
            rich_help_panel=_FILTER,
        ),
    ] = None
    viewer: Annotated[
        str | None,
        Option(
            metavar="UUID",
            help="Who is looking: private items are seen by their creator alone.",
            rich_help_panel=_FILTER,
        ),
    ] = None
    creators: Annotated[
        list[str] | None,
        Option(
            "--creator",
            metavar="UUID",
            help="Made by this user; repeatable.",
            rich_help_panel=_FILTER,
        ),
    ] = None
    content_types: Annotated[
        list[str] | None,
        Option(
            "--type",
            metavar="TYPE",
            help="Of this content type, such as image/png; repeatable.",
            rich_help_panel=_FILTER,
        ),
    ] = None
    search: Annotated[
        str | None,
        Option(
            metavar="WORDS",
            help='Every word, and every "quoted phrase", is in the title or prompt.',
            rich_help_panel=_FILTER,
        ),
    ] = None
    created_from: Annotated[
        str | None,
        Option("--from", metavar="TIME", help="Created then or later.", rich_help_panel=_FILTER),
    ] = None
    created_before: Annotated[
        str | None,
        Option("--before", metavar="TIME", help="Created earlier.", rich_help_panel=_FILTER),
    ] = None
    min_quality: Annotated[
        float | None,
        Option(metavar="SCORE", help="Quality at least this.", rich_help_panel=_FILTER),
    ] = None

    def arguments(self) -> FilterArguments:
        """The filter as the client takes it."""
        return {
            "tags_all": self._tags("--all", self.tags_all),
            "tags_any": self._tags("--any", self.tags_any),
            "tags_none": self._tags("--none", self.tags_none),
            "content_source_types": self.sources,
            "viewer": self.viewer,
            "creators": self.creators,
            "content_types": self.content_types,
            "search": self.search,
            "created_from": self.created_from,
            "created_before": self.created_before,
            "min_quality": self.min_quality,
        }

    def _tags(self, option: str, given: list[str] | None) -> list[str | UUID] | None:
        if not given:
            return None
        if not self.by_id:
            return list(given)
        try:
            return [UUID(tag) for tag in given]
        except ValueError:
            raise typer.BadParameter(f"With --ids, {option} takes uuids.") from None


@dataclass(frozen=True)
class Order:
    """In which order."""

    sort_field: Annotated[
        str | None,
        Option(
            "--sort",
            metavar="FIELD",
            help="created_at (default) or quality_score.",
            rich_help_panel=_ORDER,
        ),
    ] = None
    sort_order: Annotated[
        str | None,
        Option("--order", metavar="ORDER", help="desc (default) or asc.", rich_help_panel=_ORDER),
    ] = None

    def arguments(self) -> SortArguments:
        """The order as the client takes it."""
        return {"sort_field": self.sort_field, "sort_order": self.sort_order}


def with_options(function: Callable[..., None]) -> Callable[..., None]:
    """The function as Typer wants it: an argument for each field of its options' dataclasses."""
    groups: dict[str, type[Any]] = {}
    flat: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(function, eval_str=True).parameters.items():
        kind = parameter.annotation
        if isinstance(kind, type) and is_dataclass(kind):
            groups[name] = kind
            flat.extend(inspect.signature(kind, eval_str=True).parameters.values())
        else:
            flat.append(parameter)

    def command(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{field.name: values.pop(field.name) for field in fields(group)})
        function(**values)

    keyword = inspect.Parameter.KEYWORD_ONLY
    command.__name__ = function.__name__
    command.__doc__ = function.__doc__
    command.__signature__ = inspect.Signature([one.replace(kind=keyword) for one in flat])  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in flat}
    return command
