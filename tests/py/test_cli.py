"""The command line: what it prints, how it ends, and every row of the table of bad input."""

from __future__ import annotations

import json
import os
import pty
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import make_url
from typer.testing import CliRunner

from pg_gallery.cli import app
from pg_gallery.cli._app import ExitCode

COMMAND = [sys.executable, "-c", "from pg_gallery.cli import main; main()"]
A_USER = "00000000-0000-0000-0000-000000000001"

ODD_NAMES = [
    "it's",
    '"quoted"',
    "back\\slash",
    "100%",
    "snake_case",
    "💡 idea",
    "$(date)",
    "{braces}",
    "--all",
    "a\nb",
    "[red]markup[/]",
    "esc\x1b[2Jape",
    "x" * 100_000,
]
LITTLE_NAMES = [f"tag {number}" for number in range(1000)]

ITEMS: list[dict[str, Any]] = [
    {
        "id": number % 10,
        "source_type": "items" if number < 10 else "auto",
        "title": f"picture {number}",
        "content_type": "image/png",
        "created_at": f"2024-01-01T00:{number // 2:02}:00Z",
        "tags": ["all", "even" if number % 2 == 0 else "odd"],
    }
    for number in range(20)
] + [
    {
        "id": 100 + index,
        "source_type": "items",
        "title": name,
        "content_type": "odd",
        "created_at": "2023-01-01T00:00:00Z",
        "tags": [name] if len(name) < 1000 else [],
    }
    for index, name in enumerate(ODD_NAMES)
]
MANY_TAGS = {
    "id": 200,
    "source_type": "auto",
    "title": "with many tags",
    "content_type": "odd",
    "created_at": "2022-01-01T00:00:00Z",
    "tags": LITTLE_NAMES,
}


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)

    @property
    def titles(self) -> list[str]:
        """The titles of a page that was printed as JSON."""
        return [item["title"] for item in self.json["items"]]


Run = Callable[..., Ran]


def run_on(url: str | None) -> Run:
    """Runs commands in this process, as they would on a terminal that is a pipe."""

    def run(*arguments: str, stdin: str | bytes = "") -> Ran:
        environment = {"PG_GALLERY_URL": url, "DATABASE_URL": None, "COLUMNS": "200"}
        result = CliRunner().invoke(app, arguments, input=stdin, env=environment)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert "Traceback" not in result.output
        return Ran(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture(scope="module")
def database_url(module_database_url: str) -> str:
    """One database for the whole file, which no test changes."""
    data = "".join(json.dumps(item) + "\n" for item in [*ITEMS, MANY_TAGS])
    assert run_on(module_database_url)("load", "-", stdin=data).code == 0
    return module_database_url


@pytest.fixture
def run(database_url: str) -> Run:
    return run_on(database_url)


@pytest.fixture
def run_on_empty(empty_url: str) -> Run:
    return run_on(empty_url)


# --- pages ---


def test_pages_are_walked_by_cursor(run: Run) -> None:
    first = run("page", "--all", "even", "--size", "4", "--json")
    second = run(
        "page", "--all", "even", "--size", "4", "--cursor", first.json["next_cursor"], "--json"
    )
    assert first.titles == ["picture 18", "picture 16", "picture 14", "picture 12"]
    assert second.titles == ["picture 10", "picture 8", "picture 6", "picture 4"]
    back = run(
        "page", "--all", "even", "--size", "4", "--cursor", second.json["prev_cursor"], "--json"
    )
    assert back.titles == first.titles and back.json["prev_cursor"] is None


def test_the_json_of_a_page_has_every_column(run: Run) -> None:
    (item,) = run("page", "--size", "1", "--json").json["items"]
    assert item["source_type"] == "auto" and item["created_at"] == "2024-01-01T00:09:00+00:00"
    assert set(item) == {
        "id",
        "source_type",
        "title",
        "content_type",
        "content_data",
        "item_metadata",
        "creator_id",
        "created_at",
        "updated_at",
        "quality_score",
        "is_private",
        "path_thumb",
        "path_thumbs_alt_res",
        "prompt",
    }


def test_a_table_shows_items_and_how_to_go_on(run: Run) -> None:
    ran = run("page", "--all", "odd", "--size", "3")
    assert ran.code == 0 and ran.err == ""
    assert "picture 19" in ran.out and "2024-01-01 00:09" in ran.out
    cursor = ran.out.partition("--cursor")[2].strip()
    following = run("page", "--all", "odd", "--size", "3", "--cursor", cursor)
    assert "picture 13" in following.out and "Previous page" in following.out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--all", "all", "--none", "odd"], 10),
        (["--any", "odd", "--any", "even"], 20),
        (["--source", "community-auto"], 11),
        (["--type", "image/png"], 20),
        (["--search", "PICTURE 7"], 2),
        (["--search", '"picture 1"'], 11),
        (["--from", "2024-01-01T00:05:00Z", "--before", "2024-01-01 00:06:00+00"], 2),
        (["--creator", A_USER], 0),
        (["--viewer", A_USER, "--source", "user-regular"], 0),
        (["--min-quality", "0.5"], 0),
        ([], 21 + len(ODD_NAMES)),
    ],
)
def test_every_filter_is_an_option(run: Run, arguments: list[str], expected: int) -> None:
    assert run("count", *arguments, "--json").json == {"count": expected}
    assert len(run("page", *arguments, "--size", "500", "--json").titles) == expected


def test_the_order_can_be_turned(run: Run) -> None:
    ran = run("page", "--all", "all", "--order", "asc", "--size", "2", "--json")
    assert ran.titles == ["picture 0", "picture 1"]
    assert run("page", "--sort", "quality_score", "--size", "1").code == 0


def test_a_rank_is_jumped_to(run: Run) -> None:
    ran = run("page", "--all", "even", "--rank", "3", "--size", "2", "--json")
    assert ran.titles == ["picture 12", "picture 10"]


def test_a_strategy_can_be_forced(run: Run) -> None:
    ran = run("page", "--all", "even", "--strategy", "ordered_walk", "--size", "1", "--json")
    assert ran.titles == ["picture 18"]


def test_what_a_text_holds_is_neither_markup_nor_control(run: Run) -> None:
    assert "[red]markup[/]" in run("page", "--search", "[red]").out
    assert "esc�[2Jape" in run("page", "--search", "esc").out
    unknown = run("page", "--all", "un\x1bknown")
    assert "un�known" in unknown.err and "\x1b" not in unknown.err


def test_counts_facets_and_tags_are_shown(run: Run) -> None:
    assert run("count", "--all", "even").out.strip() == "10 items"
    facets = run("facets", "--all", "even", "--limit", "2", "--json").json["facets"]
    assert [(facet["name"], facet["item_count"]) for facet in facets] == [("all", 10), ("even", 10)]
    assert "even" in run("facets", "--all", "even").out
    assert run("refresh").code == 0
    tags = run("tags", "ev", "--json").json
    assert [(tag["name"], tag["item_count"]) for tag in tags["tags"]] == [("even", 10)]
    assert "even" in run("tags", "ev").out


# --- the contract's table of bad input ---


def refused(ran: Ran, sqlstate: str) -> bool:
    """Whether a command ended with that error, said in plain sentences on standard error."""
    lines = ran.err.splitlines()
    return (
        ran.code == ExitCode.REFUSED
        and ran.out == ""
        and lines[0].startswith("Error: ")
        and lines[0].endswith(f"({sqlstate})")
        and lines[1].startswith("Hint: ")
    )


@pytest.fixture
def cursor(run: Run) -> str:
    """A cursor of the pages of the tag "even"."""
    return str(run("page", "--all", "even", "--size", "2", "--json").json["next_cursor"])


@pytest.mark.parametrize(
    "spoilt",
    [
        pytest.param(lambda cursor: "garbage", id="garbage"),
        pytest.param(lambda cursor: "", id="empty"),
        pytest.param(lambda cursor: cursor[:-1], id="truncated"),
        pytest.param(lambda cursor: cursor[:20] + "A" + cursor[21:], id="changed"),
        pytest.param(lambda cursor: "e30", id="foreign"),
        pytest.param(lambda cursor: "💡", id="emoji"),
        pytest.param(lambda cursor: cursor * 20_000, id="megabytes"),
    ],
)
def test_a_spoilt_cursor_is_refused(run: Run, cursor: str, spoilt: Callable[[str], str]) -> None:
    assert refused(run("page", "--all", "even", "--cursor", spoilt(cursor)), "TG001")


def test_a_cursor_of_another_filter_or_sort_is_refused(run: Run, cursor: str) -> None:
    assert refused(run("page", "--all", "odd", "--cursor", cursor), "TG002")
    other_way = run("page", "--all", "even", "--order", "asc", "--cursor", cursor)
    assert refused(other_way, "TG002")


def test_a_cursor_of_the_tags_is_none_of_the_items(run: Run) -> None:
    run("refresh")
    cursor = run("tags", "--size", "1", "--json").json["next_cursor"]
    assert run("page", "--cursor", cursor).code == ExitCode.REFUSED


def test_an_unknown_tag_id_has_no_items_and_an_unknown_name_is_an_error(run: Run) -> None:
    unknown = str(UUID(int=7))
    assert run("page", "--ids", "--all", unknown, "--json").titles == []
    assert run("count", "--ids", "--all", unknown, "--json").json == {"count": 0}
    assert "No items" in run("page", "--ids", "--all", unknown).out
    ran = run("page", "--all", "evne")
    assert refused(ran, "TG003") and "evne" in ran.err


def test_tags_twice_and_in_another_order_are_the_same(run: Run) -> None:
    once = run("page", "--all", "even", "--all", "all", "--size", "2", "--json")
    again = run("page", "--all", "all", "--all", "even", "--all", "all", "--size", "2", "--json")
    assert once.json == again.json and once.json["next_cursor"]


def test_a_tag_both_wanted_and_excluded_has_no_items(run: Run) -> None:
    assert run("page", "--all", "even", "--none", "even", "--json").titles == []
    assert run("count", "--all", "even", "--none", "even", "--json").json == {"count": 0}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--size", "0"],
        ["--size", "-1"],
        ["--size", "1000000000"],
        ["--sort", "title"],
        ["--sort", ""],
        ["--order", "sideways"],
        ["--rank", "-1"],
        ["--source", "nobody's"],
        ["--source", "user-regular"],
        ["--source", "user-auto", "--source", "community-auto"],
        ["--from", "2024-01-02", "--before", "2024-01-01"],
        ["--min-quality", "nan"],
        ["--strategy", "guess"],
    ],
)
def test_an_argument_out_of_its_range_is_refused(run: Run, arguments: list[str]) -> None:
    assert refused(run("page", *arguments), "TG004")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--size", "99999999999"],
        ["--from", "2024-02-30"],
        ["--viewer", "me"],
        ["--creator", ""],
        ["--search", "\0"],
        ["--search", "\udcff"],
    ],
)
def test_a_value_that_postgresql_cant_read_is_refused(run: Run, arguments: list[str]) -> None:
    ran = run("page", *arguments)
    assert ran.code == ExitCode.REFUSED and ran.err.startswith("Error: ") and ran.out == ""


@pytest.mark.parametrize("name", ODD_NAMES, ids=range(len(ODD_NAMES)))
def test_odd_text_is_taken_literally(run: Run, name: str) -> None:
    if len(name) < 1000:
        assert run("page", f"--all={name}", "--json").titles == [name]
    words = '"' if '"' in name else name.split(maxsplit=1)[0]
    if len(words) > 8192:  # more than a search takes
        assert refused(run("page", f"--search={words}"), "TG004")
        return
    assert name in run("page", f"--search={words}", "--json").titles
    assert run("page", f"--search={words}'", "--json").titles == []


@pytest.mark.parametrize("pattern", ["pict_re", "pict%", ".*", "\\w", "PICTURE\\"])
def test_search_knows_no_patterns(run: Run, pattern: str) -> None:
    assert run("count", "--search", pattern, "--json").json == {"count": 0}


def test_a_thousand_tags_work(run: Run) -> None:
    every = [word for name in LITTLE_NAMES for word in ("--all", name)]
    assert run("page", *every, "--json").titles == ["with many tags"]
    some = [word for name in LITTLE_NAMES for word in ("--any", name)]
    assert run("count", *some, "--json").json == {"count": 1}
    none = [word for name in LITTLE_NAMES for word in ("--none", name)]
    assert "with many tags" not in run("page", *none, "--size", "500", "--json").titles


# --- how it ends ---


def test_a_database_that_cant_be_reached_is_one_sentence(database_url: str) -> None:
    nowhere = make_url(database_url).set(host="127.0.0.1", port=1, query={})
    run = run_on(nowhere.render_as_string(hide_password=False))
    for command in (["page"], ["migrate"], ["refresh"], ["load", "-"]):
        ran = run(*command)
        assert ran.code == ExitCode.UNREACHABLE
        error, hint = ran.err.splitlines()
        assert error.startswith("Error: The database can't be reached: ") and ran.out == ""
        assert hint.startswith("Hint: ")


@pytest.mark.parametrize("wrong", [{"database": "no_such_database"}, {"username": "nobody_here"}])
def test_a_login_that_is_refused_is_told_apart_from_a_server_that_is_not_there(
    database_url: str, wrong: dict[str, Any]
) -> None:
    run = run_on(make_url(database_url).set(**wrong).render_as_string(hide_password=False))
    for command in (["page"], ["migrate"], ["refresh"], ["refresh", "--every", "1s"]):
        ran = run(*command)
        assert ran.code == ExitCode.DATABASE and ran.out == ""
        error, hint = ran.err.splitlines()
        assert error.startswith("Error: The database refuses the login: ")
        assert "password" in hint


def test_what_the_server_says_beside_a_result_is_on_standard_error(
    run_on_empty: Run, empty_url: str
) -> None:
    run_on_empty("migrate")
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute(
            """
            CREATE FUNCTION say() RETURNS trigger LANGUAGE plpgsql
            AS $$ BEGIN RAISE WARNING 'said by a trigger' USING HINT = 'do so'; RETURN NULL; END $$;
            CREATE TRIGGER say AFTER INSERT ON content_items
                FOR EACH STATEMENT EXECUTE FUNCTION say();
            CREATE TRIGGER say AFTER INSERT ON content_items_all
                FOR EACH STATEMENT EXECUTE FUNCTION say();
            """
        )
    ran = run_on_empty("load", "-", "--json", stdin='{"source_type":"items","content_type":"x"}')
    assert ran.json["items"] == 1
    assert "Warning: said by a trigger\nHint: do so\n" in ran.err


@pytest.mark.parametrize("path", ["''", "nowhere"])
def test_with_an_odd_search_path_the_schema_is_asked_for_and_then_it_works(
    run_on_empty: Run, empty_url: str, path: str
) -> None:
    database = make_url(empty_url).database
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{database}" SET search_path = {path}'.encode())
    assert run_on_empty("migrate").code == 0
    line = '{"source_type": "items", "content_type": "x", "tags": ["a"]}\n'
    for command in (["page"], ["count", "--all", "a"], ["refresh"], ["load", "-"]):
        lost = run_on_empty(*command, stdin=line)
        assert lost.code == ExitCode.DATABASE and "--schema" in lost.err
        found = run_on_empty(*command, "--schema", "public", stdin=line)
        assert found.code == (ExitCode.REFUSED if "--all" in command else 0), found.err


def test_a_database_must_be_named() -> None:
    ran = run_on(None)("page")
    assert ran.code == ExitCode.USAGE and "PG_GALLERY_URL" in ran.err


def test_a_url_that_is_none_is_wrong_usage_and_not_repeated(run: Run) -> None:
    ran = run("page", "--url", "secret nonsense")
    assert ran.code == ExitCode.USAGE and "secret" not in ran.err


@pytest.mark.parametrize(
    "arguments",
    [["page", "--no-such-option"], ["no-such-command"], ["page", "--size", "many"], ["load"]],
)
def test_wrong_usage_ends_with_2(run: Run, arguments: list[str]) -> None:
    ran = run(*arguments)
    assert ran.code == ExitCode.USAGE and ran.out == "" and ran.err


@pytest.mark.parametrize(
    "command", ["page", "count", "facets", "tags", "refresh", "rebuild", "health", "settings"]
)
def test_a_database_without_pg_gallery_says_what_to_do(run_on_empty: Run, command: str) -> None:
    ran = run_on_empty(command)
    assert ran.code == ExitCode.DATABASE and "pg-gallery migrate" in ran.err and ran.out == ""


def test_permission_denied_is_a_plain_sentence(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        role = f"outsider_{secrets.token_hex(3)}"
        connection.execute(f"CREATE ROLE {role}".encode())
        try:
            url = make_url(database_url).update_query_dict({"options": f"-crole={role}"})
            ran = run_on(url.render_as_string(hide_password=False))("rebuild")
        finally:
            connection.execute(f"DROP ROLE {role}".encode())
    assert ran.code == ExitCode.DATABASE
    assert ran.err.startswith("Error: permission denied") and len(ran.err.splitlines()) == 1


@pytest.mark.parametrize("command", ["page", "refresh"])
def test_every_help_has_what_it_takes(run: Run, command: str) -> None:
    ran = run(command, "--help")
    assert ran.code == 0 and f"pg-gallery {command}" in ran.out and "JSON" in ran.out


# --- loading and migrating ---


def test_a_file_is_loaded_and_counted(run_on_empty: Run, tmp_path: Path) -> None:
    assert run_on_empty("migrate", "--json").json["before"] is None
    assert "already" in run_on_empty("migrate").out
    file = tmp_path / "items.jsonl"
    file.write_text("".join(json.dumps(item) + "\n" for item in ITEMS))
    report = run_on_empty("load", str(file), "--json").json
    assert (report["items"], report["new_tags"]) == (len(ITEMS), 2 + len(ODD_NAMES))
    again = run_on_empty("load", str(file))
    assert again.code == ExitCode.INPUT and again.err.startswith("Error: Line 1: Item 0 of items")
    assert run_on_empty("count", "--json").json == {"count": len(ITEMS)}
    csv = tmp_path / "items.csv"
    csv.write_text("source_type,content_type,tags\nitems,x,a;b\n")
    assert "1 items with 2 tags" in run_on_empty("load", str(csv)).out
    assert run_on_empty("migrate", "--down", "base", "--delete-everything").code == 0
    assert run_on_empty("count").code == ExitCode.DATABASE


def test_a_downgrade_deletes_no_rows_unasked(run_on_empty: Run) -> None:
    run_on_empty("migrate")
    line = '{"source_type": "items", "content_type": "x", "tags": ["a"], "creator": "u"}\n'
    run_on_empty("load", "-", stdin=line * 3)
    refused = run_on_empty("migrate", "--down", "base")
    assert refused.code == ExitCode.REFUSED and "--delete-everything" in refused.err
    assert "3 items, 1 tags, 1 users, 3 tags of items" in refused.err
    assert run_on_empty("count", "--json").json == {"count": 3}
    assert run_on_empty("migrate", "--down", "base", "--delete-everything").code == 0


def test_a_downgrade_of_an_empty_gallery_does_not_ask(run_on_empty: Run) -> None:
    run_on_empty("migrate")
    assert run_on_empty("migrate", "--down", "base").code == 0


@pytest.mark.parametrize(
    "theirs",
    [
        "CREATE VIEW theirs AS SELECT title FROM content_items",
        "CREATE TABLE theirs (tag uuid REFERENCES tags)",
        "CREATE TABLE theirs (item bigint REFERENCES content_items)",
    ],
)
def test_a_downgrade_never_cascades_into_what_is_not_ours(
    run_on_empty: Run, empty_url: str, theirs: str
) -> None:
    run_on_empty("migrate")
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute(theirs.encode())
        refused = run_on_empty("migrate", "--down", "base", "--delete-everything")
        assert refused.code == ExitCode.DATABASE and "theirs" in refused.err
        assert "Nothing has changed" in refused.err and "CASCADE" not in refused.err
        connection.execute("TABLE theirs")
    assert run_on_empty("count", "--json").json == {"count": 0}


def test_items_printed_as_json_can_be_loaded(run: Run, run_on_empty: Run) -> None:
    run_on_empty("migrate")
    items = run("page", "--all", "all", "--json").json["items"]
    lines = "".join(json.dumps(item) + "\n" for item in items)
    assert run_on_empty("load", "-", stdin=lines).code == 0
    assert run_on_empty("page", "--json").json["items"] == items


def test_batches_that_were_committed_are_told(run_on_empty: Run) -> None:
    run_on_empty("migrate")
    good = '{"source_type": "items", "content_type": "x"}\n'
    ran = run_on_empty("load", "-", "--batch", "2", stdin=good * 5 + "{\n")
    assert ran.code == ExitCode.INPUT and "Line 6" in ran.err
    assert "4 items before it are loaded" in ran.err


@pytest.mark.parametrize(
    ("stdin", "problem"),
    [
        ("{]\n", "Line 1: This is not JSON"),
        ('{"titel": "x"}\n', "Line 1: Unknown key 'titel'"),
        (b"\x1f\x8b broken", "not whole"),
        (b"\xff\xfe\n", "Line 1: This is not UTF-8"),
    ],
)
def test_a_wrong_file_is_told_with_its_line(run: Run, stdin: str | bytes, problem: str) -> None:
    ran = run("load", "-", stdin=stdin)
    assert ran.code == ExitCode.INPUT and problem in ran.err and ran.out == ""


def test_a_file_that_is_not_there_is_told(run: Run, tmp_path: Path) -> None:
    for path in (tmp_path / "missing.jsonl", tmp_path):
        ran = run("load", str(path))
        assert ran.code == ExitCode.INPUT and str(path) in ran.err


def test_the_sql_of_a_migration_can_be_read_without_running_it(run_on_empty: Run) -> None:
    ran = run_on_empty("migrate", "--sql")
    assert ran.code == 0 and "CREATE TABLE" in ran.out.upper()
    assert run_on_empty("count").code == ExitCode.DATABASE


# --- upkeep ---


def test_upkeep_works_and_reports(run: Run) -> None:
    assert "seconds" in run("rebuild", "--json").json
    assert run("refresh", "--json").json["notices"] == []
    assert run("verify", "--json").json == {"discrepancies": []}
    assert "agree" in run("verify").out
    assert {"name", "value", "meaning"} <= set(run("settings", "--json").json["settings"][0])
    assert "small_k_threshold" in run("settings").out
    checks = run("health", "--json").json["checks"]
    assert {check["check_name"] for check in checks} >= {"statistics", "missing_indexes"}


def test_a_failed_check_ends_with_1(run_on_empty: Run, empty_url: str) -> None:
    run_on_empty("migrate")
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("DROP INDEX content_tags_tag_id_content_source_content_id_idx")
    ran = run_on_empty("health")
    assert ran.code == ExitCode.REFUSED and "fail" in ran.out


def test_settings_are_changed_by_document_or_by_name(run_on_empty: Run, tmp_path: Path) -> None:
    run_on_empty("migrate")
    file = tmp_path / "settings.json"
    file.write_text('{"small_k_threshold": 4}')
    assert run_on_empty("configure", str(file), "--set", "planner=rules").code == 0
    values = {
        one["name"]: one["value"] for one in run_on_empty("settings", "--json").json["settings"]
    }
    assert (values["small_k_threshold"], values["planner"]) == (4, "rules")
    unknown = run_on_empty("configure", "--set", "planner=cost", "--set", "colour=red")
    assert refused(unknown, "TG007") and "colour" in unknown.err
    values = {
        one["name"]: one["value"] for one in run_on_empty("settings", "--json").json["settings"]
    }
    assert values["planner"] == "rules", "one was refused, so none is changed"
    assert run_on_empty("configure", "-", stdin="{").code == ExitCode.REFUSED
    assert run_on_empty("configure").code == ExitCode.USAGE


# --- as a process ---


@contextmanager
def process(url: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command as a process of its own."""
    started = subprocess.Popen(
        [*COMMAND, *arguments],
        env={**os.environ, "PG_GALLERY_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with started:
        yield started
        started.kill()


def test_a_repeated_refresh_goes_on_until_it_is_interrupted(database_url: str) -> None:
    with process(database_url, "refresh", "--every", "100ms", "--json") as command:
        assert command.stdout is not None and command.stderr is not None
        for _ in range(3):
            assert json.loads(command.stdout.readline())["notices"] == []
        command.send_signal(signal.SIGINT)
        assert command.wait(30) == ExitCode.INTERRUPTED
        assert command.stderr.read() == "Error: Interrupted.\n"


def test_a_repeated_refresh_outlives_a_database_that_is_away(database_url: str) -> None:
    away = make_url(database_url).set(host="127.0.0.1", port=1, query={})
    url = away.render_as_string(hide_password=False)
    with process(url, "refresh", "--every", "100ms") as command:
        assert command.stderr is not None
        for _ in range(2):
            assert command.stderr.readline().startswith("Error: ")
        assert command.poll() is None


def test_an_interrupted_load_leaves_nothing(database_url: str, conn: psycopg.Connection) -> None:
    with subprocess.Popen(
        [*COMMAND, "load", "-"],
        env={**os.environ, "PG_GALLERY_URL": database_url},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as command:
        assert command.stdin is not None and command.stderr is not None
        line = '{"source_type": "items", "content_type": "interrupted"}\n'
        command.stdin.write(line * 20_000)
        command.stdin.flush()
        time.sleep(0.5)
        command.send_signal(signal.SIGINT)
        assert command.wait(30) == ExitCode.INTERRUPTED
        assert "Traceback" not in command.stderr.read()
    row = conn.execute(
        "SELECT count(*) FROM content_items_all WHERE content_type = 'interrupted'"
    ).fetchone()
    assert row == (0,)


@pytest.mark.parametrize(("answer", "left"), [(b"n\n", {"count": 1}), (b"y\n", None)])
def test_on_a_terminal_a_downgrade_asks_before_it_deletes_rows(
    run_on_empty: Run, empty_url: str, answer: bytes, left: Any
) -> None:
    run_on_empty("migrate")
    run_on_empty("load", "-", stdin='{"source_type": "items", "content_type": "x"}\n')
    ours, theirs = pty.openpty()
    os.write(ours, answer)
    finished = subprocess.run(
        [*COMMAND, "migrate", "--down", "base"],
        check=False,
        capture_output=True,
        env={**os.environ, "PG_GALLERY_URL": empty_url},
        stdin=theirs,
        text=True,
    )
    assert "This deletes 1 items" in finished.stderr
    counted = run_on_empty("count", "--json")
    if left is None:
        assert finished.returncode == 0 and counted.code == ExitCode.DATABASE
    else:
        assert finished.returncode != 0 and counted.json == left


def test_a_migration_says_that_it_waits_for_another_and_then_goes_on(
    run_on_empty: Run, empty_url: str
) -> None:
    run_on_empty("migrate")
    with psycopg.connect(empty_url) as another:
        another.execute("LOCK TABLE pg_gallery_version IN SHARE ROW EXCLUSIVE MODE")
        with process(empty_url, "migrate") as command:
            assert command.stderr is not None and command.stdout is not None
            assert "Another migration" in command.stderr.readline()
            assert command.poll() is None
            another.rollback()
            assert command.wait(30) == 0
            assert "already" in command.stdout.read()


def test_a_repeated_refresh_ends_when_its_login_is_refused_for_good(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        role = f"refresher_{secrets.token_hex(3)}"
        connection.execute(f"CREATE ROLE {role} LOGIN SUPERUSER".encode())
        url = make_url(database_url).set(username=role).render_as_string(hide_password=False)
        with process(url, "refresh", "--every", "100ms", "--json") as command:
            assert command.stdout is not None and command.stderr is not None
            command.stdout.readline()
            connection.execute(f"ALTER ROLE {role} NOLOGIN".encode())
            assert command.wait(30) == ExitCode.DATABASE
            assert command.stderr.read().count("refuses the login") == 3
        connection.execute(f"DROP ROLE {role}".encode())


@pytest.mark.parametrize("form", [["--json"], []])
def test_a_pipe_that_closes_early_is_no_error(database_url: str, form: list[str]) -> None:
    with process(database_url, "page", "--size", "500", *form) as command:
        assert command.stdout is not None and command.stderr is not None
        command.stdout.read(1)
        command.stdout.close()
        command.wait(30)
        assert command.stderr.read() == ""
