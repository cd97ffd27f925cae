"""A migrated database that is filled from a dump of rows answers as the database did."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from random import Random
from uuid import UUID

import psycopg
import pytest

import calls
from answers import Asker
from calls import Connection
from changes import Changes
from galleries import random_gallery
from harness.server import Server
from index_states import dirty
from oracle import Item
from soak import contents

SECURITY = Path(__file__).parents[2] / "docs" / "security.md"


@pytest.mark.parametrize("triggers", ["fired", "disabled"])
def test_rows_restored_into_a_migrated_database_answer_as_the_database_did(
    conn: Connection, database_url: str, server: Server, triggers: str
) -> None:
    """By the documented commands: at once where triggers fired, and in any case once rebuilt."""
    random = Random(3)
    gallery = random_gallery(random, 150)
    dirty(conn, random, gallery)
    more = ["--disable-triggers"] if triggers == "disabled" else []
    copy_url = server.restored_data(database_url, *(dump + more for dump in documented_dumps()))
    with psycopg.connect(copy_url, autocommit=True) as copy:
        assert told(calls.read_items(copy)) == told(calls.read_items(conn))
        asker = Asker(copy, random, gallery)
        if triggers == "fired":
            asker.ask(15, tags=False)
        copy.execute("CALL gallery_rebuild()")
        assert calls.rows_of(copy, "gallery_verify") == []
        asker.ask(15)
        assert asker.tally["bitmap"], asker.tally

        changes = Changes(copy, random, gallery, gallery.items)
        for _ in range(20):
            changes.make_some()
        asker.gallery = replace(gallery, items=calls.read_items(copy))
        asker.ask(10, tags=False)
    server.drop_database(copy_url)


def documented_dumps() -> list[list[str]]:
    """The options of the dumps that docs/security.md tells to make, one after the other."""
    text = SECURITY.read_text(encoding="utf-8")
    dumps = re.findall(r"^pg_dump --data-only (.*) mydb >>? rows\.sql$", text, re.MULTILINE)
    assert dumps
    return [options.split() for options in dumps]


def told(items: list[Item]) -> list[tuple[str, list[UUID]]]:
    return sorted(map(contents, items))
