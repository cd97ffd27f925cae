"""Everything at once: short here, as long as one likes by `make soak MINUTES=…`.

PG_GALLERY_SOAK_MINUTES is how long it goes on on each server, PG_GALLERY_SOAK_SEED what is drawn.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable

import psycopg
import pytest

from harness.server import Server
from index_states import shrink_index
from soak import Plan, Soak

MINUTES = float(os.environ.get("PG_GALLERY_SOAK_MINUTES", "0.2"))
DIRTY_LIMIT = 150  # so few that readers meet the index in use and out of use
SEED = int(os.environ.get("PG_GALLERY_SOAK_SEED", "1"))


@pytest.fixture
def soak(database_url: str, server: Server) -> Callable[[Plan], Counter[str]]:
    """Soaks a fresh database, whose bitmap index has small blocks, and says what was done."""

    def run(plan: Plan) -> Counter[str]:
        with psycopg.connect(database_url, autocommit=True) as conn:
            shrink_index(conn)
        soak = Soak(database_url, plan, lambda: server.restart(kill=True))
        soak.run()
        print(f"{server.name}, seed {plan.seed}: {dict(soak.tally)}")
        assert soak.tally["bitmap"] > 0, "the index was in use now and then"
        return soak.tally

    return run


def test_every_answer_is_that_of_its_snapshot_while_everything_changes(
    soak: Callable[[Plan], Counter[str]],
) -> None:
    soak(Plan(seconds=MINUTES * 60 / 2, seed=SEED, dirty_limit=DIRTY_LIMIT))


def test_killing_the_server_at_random_loses_nothing_and_leaves_the_index_right(
    soak: Callable[[Plan], Counter[str]],
) -> None:
    soak(Plan(seconds=MINUTES * 60 / 2, seed=SEED + 1, kills=True, dirty_limit=DIRTY_LIMIT))


def test_no_deadlock_reaches_a_refresh_while_tags_are_renamed_deleted_and_made_anew(
    soak: Callable[[Plan], Counter[str]],
) -> None:
    soak(Plan(seconds=MINUTES * 60 / 2, seed=SEED + 2, restless_tags=True))


def test_a_refresh_or_rebuild_that_is_ended_at_any_moment_leaves_every_answer_right(
    soak: Callable[[Plan], Counter[str]],
) -> None:
    """Cancelled or terminated, many times, while others write."""
    tally = soak(
        Plan(
            seconds=MINUTES * 60 / 2,
            seed=SEED + 3,
            interrupts=True,
            writers=2,
            readers=1,
            dirty_limit=DIRTY_LIMIT,
        )
    )
    assert tally["QueryCanceled"] > 0 < tally["AdminShutdown"]
