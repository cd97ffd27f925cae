"""The settings of the planner as a JSON document: what config/base.json holds.

gallery.configure(config.load())                 # the defaults that pg_gallery comes with
gallery.configure(config.load("mine.json"))
"""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import Any

from ._resources import CONFIG
from .errors import InvalidSetting

SECTION = "query_planner_tag_prejoin_for_content_queries"


def load(path: str | PathLike[str] | None = None) -> dict[str, Any]:
    """The settings of a document, without the two keys around them.

    ``path`` is a JSON file whose settings stand under ``performance`` and ``SECTION``; by default
    config/base.json, which pg_gallery carries. Raises InvalidSetting where the file is not JSON or
    has no such section, OSError where it can't be read.
    """
    file = Path(path) if path is not None else CONFIG / "base.json"
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        section = document["performance"][SECTION]
    except ValueError as error:
        raise InvalidSetting(f"{file} is not JSON: {error}.", sqlstate="TG007") from error
    except (KeyError, TypeError) as error:
        raise InvalidSetting(
            f"{file} has no section performance.{SECTION}.",
            sqlstate="TG007",
            hint="See config/base.json for the form.",
        ) from error
    if not isinstance(section, dict):
        raise InvalidSetting(f"{SECTION} in {file} must be an object.", sqlstate="TG007")
    return section
