"""The command that makes a gallery for benchmarks, measures on it, and reports.

The benchmark is no part of the wheel: it is the package ``pg_gallery_bench``, which is there where
the source checkout is installed for development. It imports this package, so it is imported only
when one of its commands is asked for.
"""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from ..errors import GalleryError


class _Benchmark(TyperGroup):
    """The commands of the benchmark; where it is missing, a sentence that says so."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        self.commands = _commands().commands
        return super().parse_args(ctx, args)


def _commands() -> TyperGroup:
    try:
        from pg_gallery_bench.cli import bench as found  # noqa: PLC0415 - only in a checkout
    except ModuleNotFoundError as error:
        if error.name == "pg_gallery_bench":
            raise GalleryError(
                "The benchmark is not part of the installed package.",
                hint="It is in the folder bench of the source checkout: `make bench` runs it.",
            ) from None
        raise GalleryError(
            f"The benchmark needs the package {error.name}, which is not installed.",
            hint="`make venv` installs what the benchmark needs.",
        ) from error
    return get_group(found)


bench = typer.Typer(
    cls=_Benchmark, no_args_is_help=True, help="Make a gallery of any size, and measure on it."
)
