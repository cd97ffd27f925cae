"""Everything that users may do, at random and at once: short here, longer by `make fuzz MINUTES=…`.

PG_GALLERY_FUZZ_MINUTES is how long it goes on on each server, PG_GALLERY_FUZZ_SEED what is drawn.
PG_GALLERY_FUZZ_ROUND begins with a later round, to meet the one again that failed.
"""

from __future__ import annotations

import os

import psycopg
import pytest

from fuzz import Fuzz, Plan
from harness.server import Server
from index_states import shrink_index

PLAN = Plan(
    seconds=float(os.environ.get("PG_GALLERY_FUZZ_MINUTES", "0.3")) * 60,
    seed=int(os.environ.get("PG_GALLERY_FUZZ_SEED", "1")),
    first_round=int(os.environ.get("PG_GALLERY_FUZZ_ROUND", "0")),
)


def test_whatever_users_do_to_the_database_every_function_answers_as_the_tables_say(
    database_url: str, server: Server
) -> None:
    if not server.superuser:
        pytest.skip("roles, publications and the statistics of tables take a superuser")
    with psycopg.connect(database_url, autocommit=True) as conn:
        shrink_index(conn)
    fuzz = Fuzz(database_url, PLAN)
    fuzz.run()
    print(f"{server.name}, seed {PLAN.seed}: {dict(fuzz.tally)}")
    assert fuzz.tally["bitmap"] > 0 < fuzz.tally["snapshots"], "all were at work"
