"""Every call of a gallery function, built in one place: its SQL, its parameters, its row decoder.

A `Call` does no I/O and knows no driver; the executors of `_async` and `_sync` run it. The text is
nothing but ``SELECT * FROM function(name => CAST(placeholder AS type), …)``, or CALL for a
procedure, with only those arguments that are given. Types and operators are named with their
schema, so that nothing on the caller's search_path can stand in their place.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from operator import itemgetter
from typing import Any, Generic, TypeVar
from uuid import UUID

from ._text import is_storable
from .arguments import (
    FacetArguments,
    FilterArguments,
    PageArguments,
    RankArguments,
    TagArguments,
)
from .errors import InvalidArgument
from .results import (
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

T = TypeVar("T")
Row = Mapping[str, Any]
Given = Mapping[str, Any]


@dataclass(frozen=True)
class Argument:
    """One named argument: an SQL expression with a slot in braces for each of its values."""

    name: str
    expression: str
    values: Mapping[str, object]


@dataclass(frozen=True)
class Call(Generic[T]):
    """A call of one gallery function, and how to read what it gives.

    ``procedure``: called by CALL, outside any transaction, since it commits as it goes.
    ``json_columns``: columns of type jsonb, for drivers that have to be told.
    """

    function: str
    arguments: tuple[Argument, ...]
    decode: Callable[[Sequence[Row]], T]
    procedure: bool = False
    json_columns: tuple[str, ...] = ()

    @property
    def parameters(self) -> dict[str, object]:
        """The values by placeholder."""
        return {key: value for item in self.arguments for key, value in item.values.items()}

    def at(self, cursor: str) -> Call[T]:
        """The same call, for the page at that cursor."""
        others = tuple(item for item in self.arguments if item.name != "cursor")
        return replace(self, arguments=(*others, _text("cursor", cursor)))

    def text(self, placeholder: Callable[[str], str], prefix: str = "") -> str:
        """The SQL. ``prefix`` goes before each function's name: empty, or a quoted schema and dot.

        ``placeholder`` gives the driver's placeholder for a parameter's name.
        """
        named = ", ".join(
            f"{item.name} => "
            + item.expression.format(prefix, **{key: placeholder(key) for key in item.values})
            for item in self.arguments
        )
        return f"{'CALL' if self.procedure else 'SELECT * FROM'} {prefix}{self.function}({named})"


def quoted_prefix(schema: str | None) -> str:
    """What stands before a function's name: nothing, or the quoted schema and a dot."""
    return '"{}".'.format(schema.replace('"', '""')) if schema is not None else ""


# --- the functions ---


def page(given: PageArguments) -> Call[PageRows[Item]]:
    """gallery_page."""
    return Call(
        "gallery_page",
        _arguments("page", PageArguments, given),
        _paged(Item),
        json_columns=("item_metadata", "path_thumbs_alt_res"),
    )


def count(given: FilterArguments) -> Call[int]:
    """gallery_count."""
    return Call("gallery_count", _arguments("count", FilterArguments, given), _value)


def facets(given: FacetArguments) -> Call[tuple[Facet, ...]]:
    """gallery_facets."""
    return Call("gallery_facets", _arguments("facets", FacetArguments, given), _all(Facet))


def cursor_at(given: RankArguments) -> Call[str | None]:
    """gallery_cursor_at."""
    return Call("gallery_cursor_at", _arguments("cursor_at", RankArguments, given), _value)


def pick_strategy(given: FilterArguments) -> Call[StrategyChoice]:
    """gallery_pick_strategy."""
    return Call(
        "gallery_pick_strategy",
        _arguments("pick_strategy", FilterArguments, given),
        _one(StrategyChoice),
    )


def strategy_of(page: Call[Any]) -> Call[StrategyChoice]:
    """gallery_pick_strategy, for the filter of a call of gallery_page."""
    names = FilterArguments.__annotations__
    arguments = tuple(item for item in page.arguments if item.name in names)
    return Call("gallery_pick_strategy", arguments, _one(StrategyChoice))


def explain(given: PageArguments) -> Call[dict[str, Any]]:
    """gallery_explain."""
    return Call(
        "gallery_explain",
        _arguments("explain", PageArguments, given),
        _value,
        json_columns=("gallery_explain",),
    )


def tags(given: TagArguments) -> Call[PageRows[TagCount]]:
    """gallery_tags."""
    return Call(
        "gallery_tags",
        _arguments("tags", TagArguments, given),
        _paged(TagCount),
        json_columns=("counts_by_source",),
    )


def tag_ids(names: Iterable[str]) -> Call[tuple[UUID, ...]]:
    """gallery_tag_ids."""
    return Call("gallery_tag_ids", (_texts("names", names),), lambda rows: tuple(_value(rows)))


def refresh() -> Call[None]:
    """gallery_refresh."""
    return Call("gallery_refresh", (), _nothing, procedure=True)


def rebuild() -> Call[None]:
    """gallery_rebuild."""
    return Call("gallery_rebuild", (), _nothing, procedure=True)


def schedule(every: str | None) -> Call[tuple[ScheduledJob, ...]]:
    """gallery_schedule."""
    given = () if every is None else (_text("every", every),)
    return Call("gallery_schedule", given, _all(ScheduledJob))


def unschedule() -> Call[tuple[str, ...]]:
    """gallery_unschedule."""
    return Call("gallery_unschedule", (), lambda rows: tuple(row["job_name"] for row in rows))


def health() -> Call[tuple[HealthCheck, ...]]:
    """gallery_health."""
    return Call("gallery_health", (), _all(HealthCheck))


def verify(sample: float | None) -> Call[tuple[Discrepancy, ...]]:
    """gallery_verify."""
    given = () if sample is None else (_plain("double precision")("sample", sample),)
    return Call("gallery_verify", given, _all(Discrepancy))


def configure(document: Mapping[str, Any]) -> Call[dict[str, Any]]:
    """gallery_configure."""
    text = json.dumps(document)
    argument = Argument("document", "CAST({document} AS pg_catalog.jsonb)", {"document": text})
    return Call("gallery_configure", (argument,), _value, json_columns=("gallery_configure",))


def settings() -> Call[tuple[Setting, ...]]:
    """gallery_settings."""
    return Call("gallery_settings", (), _all(Setting), json_columns=("value", "default_value"))


def version() -> Call[str]:
    """gallery_version."""
    return Call("gallery_version", (), _value)


# --- arguments ---


def _tags(name: str, value: Iterable[str | UUID]) -> Argument:
    """A list of tags: names are looked up by gallery_tag_ids, ids stand as they are."""
    names: list[str] = []
    ids: list[str | None] = []
    for tag in _elements(name, value):
        if isinstance(tag, str):
            names.append(_clean(name, tag))
        elif isinstance(tag, UUID) or tag is None:
            ids.append(None if tag is None else str(tag))
        else:
            raise TypeError(f"{name}: a tag is a name (str) or an id (uuid.UUID), not {tag!r}")
    by_name = f"{{}}gallery_tag_ids(CAST({{{name}_by_name}} AS pg_catalog.text[]))"
    by_id = f"CAST({{{name}}} AS pg_catalog.uuid[])"
    if not names:
        return Argument(name, by_id, {name: ids})
    if not ids:
        return Argument(name, by_name, {f"{name}_by_name": names})
    return Argument(
        name, f"{by_name} OPERATOR(pg_catalog.||) {by_id}", {f"{name}_by_name": names, name: ids}
    )


def _ids(name: str, value: Iterable[UUID | str]) -> Argument:
    listed = [None if one is None else _clean(name, str(one)) for one in _elements(name, value)]
    return Argument(name, f"CAST({{{name}}} AS pg_catalog.uuid[])", {name: listed})


def _texts(name: str, value: Iterable[str]) -> Argument:
    listed = [None if one is None else _clean(name, one) for one in _elements(name, value)]
    return Argument(name, f"CAST({{{name}}} AS pg_catalog.text[])", {name: listed})


def _id(name: str, value: UUID | str) -> Argument:
    return Argument(name, f"CAST({{{name}}} AS pg_catalog.uuid)", {name: _clean(name, str(value))})


def _text(name: str, value: str) -> Argument:
    return Argument(name, f"CAST({{{name}}} AS pg_catalog.text)", {name: _clean(name, value)})


def _time(name: str, value: date | str) -> Argument:
    """By way of text, so that every driver reads it alike; PostgreSQL knows more than they do."""
    text = value if isinstance(value, str) else value.isoformat()
    expression = f"CAST(CAST({{{name}}} AS pg_catalog.text) AS pg_catalog.timestamptz)"
    return Argument(name, expression, {name: _clean(name, text)})


def _plain(sql_type: str) -> Callable[[str, Any], Argument]:
    return lambda name, value: Argument(name, f"CAST({{{name}}} AS {sql_type})", {name: value})


_MAKERS: Mapping[str, Callable[[str, Any], Argument]] = {
    "tags_all": _tags,
    "tags_any": _tags,
    "tags_none": _tags,
    "content_source_types": _texts,
    "viewer": _id,
    "creators": _ids,
    "content_types": _texts,
    "search": _text,
    "created_from": _time,
    "created_before": _time,
    "min_quality": _plain("double precision"),
    "sort_field": _text,
    "sort_order": _text,
    "page_size": _plain("integer"),
    "cursor": _text,
    "strategy": _text,
    "rank": _plain("bigint"),
    "facet_limit": _plain("integer"),
    "name_prefix": _text,
    "source_types": _texts,
    "min_count": _plain("bigint"),
    "max_count": _plain("bigint"),
    "sort": _text,
}


def _arguments(method: str, known: type, given: Mapping[str, Any]) -> tuple[Argument, ...]:
    """The arguments that are given, in the order in which they are declared."""
    names: list[str] = list(known.__annotations__)
    for name in given:
        if name not in names:
            raise TypeError(f"{method}() got an unexpected keyword argument '{name}'")
    return tuple(_MAKERS[name](name, given[name]) for name in names if given.get(name) is not None)


def _elements(name: str, value: Iterable[Any]) -> list[Any]:
    """The elements of a list argument; a lone string is a mistake, not a list of its letters."""
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise TypeError(f"{name} takes a list, such as [{value!r}]")
    return list(value)


def _clean(name: str, text: str) -> str:
    """The text, if PostgreSQL can take it at all."""
    if not isinstance(text, str):
        raise TypeError(f"{name} takes text, not {text!r}")
    if not is_storable(text):
        raise InvalidArgument(
            f"{name} holds a character that text in PostgreSQL can't have.",
            sqlstate="TG004",
            hint="Leave out NUL characters and bytes that are not UTF-8.",
        )
    return text


# --- decoders ---


def _nothing(_: Sequence[Row]) -> None:
    pass


def _value(rows: Sequence[Row]) -> Any:
    """The one value of the one row."""
    (row,) = rows
    (value,) = row.values()
    return value


def _decoder(kind: type[T]) -> Callable[[Row], T]:
    """Makes a dataclass of a row, by the names of its fields; other columns are left out."""
    values = itemgetter(*(field.name for field in fields(kind)))  # type: ignore[arg-type]
    return lambda row: kind(*values(row))


def _all(kind: type[T]) -> Callable[[Sequence[Row]], tuple[T, ...]]:
    decode = _decoder(kind)
    return lambda rows: tuple(map(decode, rows))


def _one(kind: type[T]) -> Callable[[Sequence[Row]], T]:
    decode = _decoder(kind)
    return lambda rows: decode(rows[0])


def _paged(kind: type[T]) -> Callable[[Sequence[Row]], PageRows[T]]:
    """Reads rows that all carry the page's cursors; a page without rows has none."""
    decode = _decoder(kind)

    def read(rows: Sequence[Row]) -> PageRows[T]:
        last: Row = rows[-1] if rows else {"next_cursor": None, "prev_cursor": None}
        return PageRows(tuple(map(decode, rows)), last["next_cursor"], last["prev_cursor"])

    return read
