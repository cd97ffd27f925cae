"""Random filters of conditions that the bitmap index has keys for, and the calls that make them."""

from __future__ import annotations

from dataclasses import fields, replace
from random import Random
from typing import Any

import calls
from galleries import Gallery, random_filter
from oracle import Filter

# Tested on the items that are found; dates are ranges of slots.
KEYLESS = ("content_types", "search", "created_from", "created_before", "min_quality")


def keyed_filter(random: Random, gallery: Gallery) -> Filter:
    return replace(random_filter(random, gallery), **dict.fromkeys(KEYLESS))


def made_filter(wanted: Filter) -> tuple[str, dict[str, Any]]:
    """The call that makes the canonical filter of these arguments, and what they are."""
    names = [field.name for field in fields(wanted)]
    passed = ", ".join(f"{name} => %({name})s::{calls.ARGUMENT_TYPES[name]}" for name in names)
    return f"gallery.make_filter({passed})", dict.fromkeys(names) | calls.arguments(wanted)
