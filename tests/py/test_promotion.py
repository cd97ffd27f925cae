"""A hot standby that takes over while the primary is at work on the index: nothing is amiss there.

What of a refresh or rebuild was not committed never happened on the standby; what was is all there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

import calls
from changes import Changes
from galleries import random_gallery
from harness.standby import Standby
from index_states import dirty, shrink_index
from soak import check_derived, compare
from test_refresh import connect, stopped


@pytest.mark.parametrize(
    ("call", "table", "blocks"),
    [
        ("CALL gallery_refresh()", "gallery.bitmap_container", 0),
        ("CALL gallery_rebuild()", "gallery.bitmap_block", 4),
        ("CALL gallery_rebuild()", "tag_cardinality_stats", 0),
    ],
    ids=["refresh", "rebuild: fourth block", "rebuild: statistics"],
)
def test_a_standby_promoted_in_the_middle_of_it_answers_and_goes_on(
    database_url: str, standby: Callable[[], Standby], call: str, table: str, blocks: int
) -> None:
    random = Random(91)
    gallery = random_gallery(random, 200)
    with connect(database_url) as conn:
        shrink_index(conn)
        dirty(conn, random, gallery)
        if "rebuild" in call:
            conn.execute("UPDATE tag_cardinality_stats SET cardinality = cardinality + 1")
    copy = standby()
    with stopped(database_url, call, table, blocks):
        copy.wait()
        copy.promote()
    with connect(copy.url(database_url)) as conn:
        compare(conn, random, gallery, Counter())
        changes = Changes(conn, random, gallery, gallery.items)
        for _ in range(20):
            changes.make_some()
        compare(conn, random, gallery, Counter())
        check_derived(conn)
        compare(conn, random, gallery, Counter())
    with connect(database_url) as conn:
        assert calls.rows_of(conn, "gallery_verify") == []
        check_derived(conn)
