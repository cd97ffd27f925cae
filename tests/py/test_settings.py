"""Settings are one document, taken whole or in part, refused by name, in force at once.

Telemetry obeys them.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from calls import Connection, install
from harness.server import Server
from pg_gallery.repeatables import read_functions

REPOSITORY = Path(__file__).parents[2]
BASE = json.loads((REPOSITORY / "config" / "base.json").read_text(encoding="utf-8"))
PATH = ("performance", "query_planner_tag_prejoin_for_content_queries")
DEFAULTS = BASE[PATH[0]][PATH[1]]


@pytest.fixture(scope="module")
def database_url(module_database_url: str) -> str:
    return module_database_url


@pytest.fixture(autouse=True)
def unchanged(conn: Connection) -> Iterator[None]:
    """Every test starts from the defaults."""
    configure(conn, {"performance": None})
    yield


def configure(conn: Connection, document: Any) -> Any:
    """The settings then in force, without the path before them."""
    row = conn.execute("SELECT gallery_configure(%s)", (Jsonb(document),)).fetchone()
    assert row is not None
    return row[0][PATH[0]][PATH[1]]


def shown(conn: Connection, name: str) -> dict[str, Any]:
    """What gallery_settings shows of one setting."""
    with conn.cursor(row_factory=dict_row) as cur:
        row = cur.execute("SELECT * FROM gallery_settings() WHERE name = %s", (name,)).fetchone()
    assert row is not None
    return row


def in_force(conn: Connection, field: str) -> Any:
    """What the functions that obey a setting see."""
    row = conn.execute(f"SELECT (gallery.current_settings()).{field}".encode()).fetchone()
    assert row is not None
    return row[0]


def flat(document: dict[str, Any]) -> dict[str, Any]:
    """A document's settings by their dotted names."""
    found: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, dict):
            found |= {f"{key}.{inner}": each for inner, each in value.items()}
        else:
            found[key] = value
    return found


# --- the document ---


def test_the_file_holds_the_defaults_of_the_server(conn: Connection) -> None:
    assert conn.execute("SELECT gallery_configure(%s)", (Jsonb(BASE),)).fetchone() == (BASE,)
    rows = conn.execute("SELECT name, value, default_value FROM gallery_settings()").fetchall()
    assert {name: default for name, _, default in rows} == flat(DEFAULTS)
    assert {name: value for name, value, _ in rows} == flat(DEFAULTS)


def test_every_setting_says_what_it_takes_and_means(conn: Connection) -> None:
    rows = conn.execute("SELECT name, allowed, meaning FROM gallery_settings()").fetchall()
    assert len(rows) == len(flat(DEFAULTS))
    assert all(allowed and meaning for _, allowed, meaning in rows)


@pytest.mark.parametrize(
    "document",
    [
        {PATH[0]: {PATH[1]: {"stats": {"freshness_seconds": 60}}}},
        {"stats": {"freshness_seconds": 60}},
        {"stats.freshness_seconds": 60},
    ],
    ids=["whole path", "inner part", "dotted name"],
)
def test_a_document_may_be_whole_or_a_part(conn: Connection, document: dict[str, Any]) -> None:
    wanted = DEFAULTS | {"stats": DEFAULTS["stats"] | {"freshness_seconds": 60}}
    assert configure(conn, document) == wanted
    assert shown(conn, "stats.freshness_seconds")["value"] == 60
    assert in_force(conn, "freshness_seconds") == 60


def test_what_a_document_does_not_name_stays(conn: Connection) -> None:
    configure(conn, {"planner": "rules", "telemetry": {"sample_rate": 1}})
    settings = configure(conn, {"telemetry": {"log_estimates": False}})
    assert settings["planner"] == "rules"
    assert settings["telemetry"] == {
        "sample_rate": 1,
        "log_estimates": False,
        "log_strategy_choice": True,
    }


@pytest.mark.parametrize("document", [{}, None], ids=["empty", "NULL"])
def test_a_document_that_names_nothing_changes_nothing(conn: Connection, document: Any) -> None:
    before = configure(conn, {"planner": "rules"})
    row = conn.execute(
        "SELECT gallery_configure(%s)", (None if document is None else Jsonb(document),)
    ).fetchone()
    assert row == ({PATH[0]: {PATH[1]: before}},)


@pytest.mark.parametrize(
    ("reset", "left"),
    [
        ({"planner": None}, {"small_k_threshold": 9, "stats": {"freshness_seconds": 60}}),
        ({"stats": None}, {"small_k_threshold": 9, "planner": "rules"}),
        ({"performance": None}, {}),
    ],
    ids=["a setting", "a section", "everything"],
)
def test_null_goes_back_to_the_default(
    conn: Connection, reset: dict[str, Any], left: dict[str, Any]
) -> None:
    configure(
        conn, {"planner": "rules", "small_k_threshold": 9, "stats": {"freshness_seconds": 60}}
    )
    assert flat(configure(conn, reset)) == flat(DEFAULTS) | flat(left)


def test_changes_made_at_once_are_both_kept(conn: Connection, database_url: str) -> None:
    with (
        psycopg.connect(database_url) as first,
        psycopg.connect(database_url, autocommit=True) as second,
        ThreadPoolExecutor() as pool,
    ):
        configure(first, {"planner": "rules"})
        waiting = pool.submit(configure, second, {"small_k_threshold": 9})
        wait_until_blocked(conn, second.info.backend_pid)
        first.commit()
        settings = waiting.result()
    assert (settings["planner"], settings["small_k_threshold"]) == ("rules", 9)


def wait_until_blocked(conn: Connection, pid: int) -> None:
    blocked = "SELECT cardinality(pg_blocking_pids(%s)) > 0"
    while conn.execute(blocked, (pid,)).fetchone() != (True,):
        time.sleep(0.01)


# --- refusals ---


@pytest.mark.parametrize(
    ("document", "key"),
    [
        ({"plannner": "cost"}, "plannner"),
        ({"stats": {"freshness": 60}}, "stats.freshness"),
        ({"stats": {"planner": "cost"}}, "stats.planner"),
        ({"freshness_seconds": 60}, "freshness_seconds"),
        ({"cache": {"ttl": 60}}, "cache"),
        ({"performance": {"other": {}}}, "performance.other"),
        ({PATH[0]: {PATH[1]: {"": 1}}}, ".".join((*PATH, ""))),
        ({"x" * 100_000: 1}, "x" * 100),
    ],
)
def test_an_unknown_key_is_refused_by_name(
    conn: Connection, document: dict[str, Any], key: str
) -> None:
    error = refused(conn, document)
    assert key in error
    assert len(error) < 1000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("planner", "fastest"),
        ("planner", 1),
        ("planner", True),
        ("planner", ["cost"]),
        ("planner", {"cost": True}),
        ("small_k_threshold", -1),
        ("small_k_threshold", 1001),
        ("small_k_threshold", 2.5),
        ("small_k_threshold", "3"),
        ("small_k_threshold", True),
        ("small_k_threshold", 1e300),
        ("two_phase_min_k_for_dual_seed", 1),
        ("max_work_mem_mb", 0),
        ("enable_bitmap", "true"),
        ("enable_bitmap", 1),
        ("dirty_limit", 1_000_001),
        ("stats.source", "view"),
        ("stats.table_name", "pg_class"),
        ("stats.freshness_seconds", 0),
        ("telemetry.sample_rate", -0.1),
        ("telemetry.sample_rate", 1.1),
        ("telemetry.sample_rate", "NaN"),
    ],
)
def test_an_invalid_value_is_refused_by_name_with_what_is_allowed(
    conn: Connection, name: str, value: Any
) -> None:
    error = refused(conn, {name: value})
    assert f"setting {name} must be {shown(conn, name)['allowed']}" in error


@pytest.mark.parametrize("value", [5, "x", [], True], ids=repr)
def test_a_section_must_be_an_object(conn: Connection, value: Any) -> None:
    assert "setting stats must be a JSON object" in refused(conn, {"stats": value})
    assert "must be a JSON object" in refused(conn, value)


def test_a_setting_given_twice_is_refused(conn: Connection) -> None:
    twice = {"stats": {"freshness_seconds": 60}, "stats.freshness_seconds": 70}
    assert "stats.freshness_seconds" in refused(conn, twice)


def refused(conn: Connection, document: Any) -> str:
    """The message of the TG007 that answers a document, of which nothing is done then."""
    if isinstance(document, dict):
        document = {"enable_two_phase": False} | document
    with pytest.raises(psycopg.Error) as caught:
        configure(conn, document)
    assert caught.value.sqlstate == "TG007"
    assert caught.value.diag.message_hint
    assert configure(conn, {}) == DEFAULTS
    return caught.value.diag.message_primary or ""


@pytest.mark.parametrize("name", flat(DEFAULTS))
def test_a_setting_takes_what_it_says_it_takes(conn: Connection, name: str) -> None:
    allowed = shown(conn, name)["allowed"]
    if found := re.fullmatch(r"a (?:whole )?number from (\S+) to (\S+)", allowed):
        values: list[Any] = [json.loads(found[1]), json.loads(found[2])]
    elif allowed == "true or false":
        values = [True, False]
    elif found := re.fullmatch(r"a text of at most (\d+) characters", allowed):
        values = ["", 'any "text"', "x" * int(found[1])]
    else:
        values = [json.loads(choice) for choice in allowed.split(" or ")]
    for value in values:
        configure(conn, {name: value})
        assert shown(conn, name)["value"] == value
        assert in_force(conn, name.rpartition(".")[2]) == value


def test_a_whole_number_may_be_written_with_a_point(conn: Connection) -> None:
    assert configure(conn, {"small_k_threshold": 4.0})["small_k_threshold"] == 4
    assert in_force(conn, "small_k_threshold") == 4


# --- who, and when ---


def test_all_may_read_settings_and_none_change_them_without_a_grant(conn: Connection) -> None:
    with conn.transaction(force_rollback=True):
        conn.execute("CREATE ROLE gallery_test_reader")
        conn.execute("SET LOCAL ROLE gallery_test_reader")
        assert shown(conn, "planner")["value"] == "cost"
        with pytest.raises(psycopg.errors.InsufficientPrivilege), conn.transaction():
            configure(conn, {"planner": "rules"})


def test_settings_are_read_in_a_read_only_transaction(conn: Connection) -> None:
    with conn.transaction():
        conn.execute("SET TRANSACTION READ ONLY")
        assert shown(conn, "planner")["value"] == "cost"
        assert in_force(conn, "planner") == "cost"


def test_without_a_row_the_defaults_are_in_force(conn: Connection) -> None:
    with conn.transaction(force_rollback=True):
        conn.execute("TRUNCATE gallery.settings")
        assert shown(conn, "planner")["value"] == "cost"
        assert in_force(conn, "sample_rate") == 0.1
        assert configure(conn, {"planner": "rules"})["planner"] == "rules"


def test_installing_the_functions_again_keeps_what_was_set(conn: Connection) -> None:
    configure(conn, {"planner": "rules"})
    conn.execute("UPDATE gallery.settings SET in_force = in_force - 'dirty_limit'")
    install(conn, read_functions()["settings/current_settings.sql"])
    assert in_force(conn, "planner") == "rules"
    assert in_force(conn, "dirty_limit") == DEFAULTS["dirty_limit"]


# --- telemetry ---

LINE = re.compile(r"LOG:  pg_gallery (\{.*\})$", re.MULTILINE)
LOG_CHOICE = """
SELECT gallery.log_choice(%s, 3, 1234, 56, 25, clock_timestamp(), gallery.current_settings())
"""


def logged(server: Server, conn: Connection, marker: str, calls: int = 1) -> list[dict[str, Any]]:
    """The lines that some calls leave in the server log; the marker tells them from others."""
    for _ in range(calls):
        conn.execute(LOG_CHOICE, (marker,))
    lines = [json.loads(line) for line in LINE.findall(server.read_log())]
    return [line for line in lines if line["strategy"] == marker]


def test_a_sampled_page_leaves_one_line(server: Server, conn: Connection) -> None:
    configure(conn, {"telemetry": {"sample_rate": 1}})
    (line,) = logged(server, conn, "every")
    assert line.pop("ms") >= 0
    assert line == {
        "strategy": "every",
        "k": 3,
        "rarest_count": 1234,
        "estimated_candidates": 56,
        "rows": 25,
    }


def test_estimates_are_logged_where_that_is_set(server: Server, conn: Connection) -> None:
    configure(conn, {"telemetry": {"sample_rate": 1, "log_estimates": False}})
    (line,) = logged(server, conn, "bare")
    assert "estimated_candidates" not in line
    assert line["rarest_count"] == 1234


@pytest.mark.parametrize(
    "telemetry",
    [{"sample_rate": 0}, {"sample_rate": 1, "log_strategy_choice": False}],
    ids=["sample rate 0", "switched off"],
)
def test_nothing_is_logged_where_that_is_set(
    server: Server, conn: Connection, telemetry: dict[str, Any]
) -> None:
    configure(conn, {"telemetry": telemetry})
    assert logged(server, conn, f"none {telemetry}", calls=20) == []


def test_the_sample_rate_is_the_share_of_pages_that_is_logged(
    server: Server, conn: Connection
) -> None:
    configure(conn, {"telemetry": {"sample_rate": 0.25}})
    conn.execute("SELECT setseed(0.5)")  # the same draws every time
    assert 50 < len(logged(server, conn, "some", calls=400)) < 150


def test_a_read_only_transaction_is_logged(server: Server, conn: Connection) -> None:
    configure(conn, {"telemetry": {"sample_rate": 1}})
    with conn.transaction():
        conn.execute("SET TRANSACTION READ ONLY")
        assert len(logged(server, conn, "read only")) == 1
