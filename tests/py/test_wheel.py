"""The wheel, built and installed where there is no repository: all of it is there, and it works.

Each extra is installed into an environment of its own, which has nothing but what that extra names.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]

ITEMS = [
    {
        "title": title,
        "content_type": "image/png",
        "source_type": source_type,
        "created_at": f"2024-01-0{day}T12:00:00Z",
        "tags": tags,
    }
    for day, (title, source_type, tags) in enumerate(
        [
            ("a hill", "items", ["landscape"]),
            ("a lake", "items", ["landscape", "water"]),
            ("a ship", "auto", ["water"]),
            ("a sea", "auto", ["landscape", "water"]),
        ],
        start=1,
    )
]

ALEMBIC_INI = """\
[alembic]
script_location = %(here)s
version_locations =
    %(here)s/versions
    pg_gallery:_bundled/db/migrations/versions
path_separator = newline
"""

ENV = """\
import os

from alembic import context
from sqlalchemy import create_engine

from pg_gallery import migrate

with create_engine(os.environ["DATABASE_URL"]).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
        migrate.sync_functions()
"""


OVER_SQLALCHEMY = """
import sys

sys.modules["greenlet"] = None  # it can't be imported, even if something has installed it

from sqlalchemy import create_engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from pg_gallery import AsyncGallery, Gallery

engine = create_engine(sys.argv[1].replace("postgresql:", "postgresql+psycopg:"))
assert Gallery(engine).count() == 0
Gallery(engine).refresh()
with engine.connect() as connection:
    assert Gallery(connection).count() == 0
with Session(engine) as session:
    assert Gallery(session).count() == 0
assert Gallery(scoped_session(sessionmaker(engine))).count() == 0
for kind in (Gallery, AsyncGallery):
    try:
        kind(object())
    except TypeError as error:
        assert "takes a URL" in str(error)
"""

OVER_PSYCOPG = """
import asyncio
import sys

import psycopg
from psycopg_pool import ConnectionPool

from pg_gallery import AsyncGallery, Gallery

with psycopg.connect(sys.argv[1]) as connection:
    assert Gallery(connection).count() == 0
with ConnectionPool(sys.argv[1], open=True) as pool:
    assert Gallery(pool).count() == 0


async def count():
    async with AsyncGallery(sys.argv[1]) as gallery:
        return await gallery.count()


assert asyncio.run(count()) == 0
"""

TRACED = """
import sys

from pg_gallery import Gallery
from pg_gallery.telemetry import Telemetry

with Gallery(sys.argv[1], telemetry=Telemetry(metrics=False)) as gallery:
    assert gallery.count() == 0
"""

COUNTED = """
import sys

from prometheus_client import generate_latest

from pg_gallery import Gallery
from pg_gallery.telemetry import Telemetry

with Gallery(sys.argv[1], telemetry=Telemetry(tracing=False)) as gallery:
    assert gallery.count() == 0
assert b"pg_gallery_calls_total" in generate_latest()
"""

EMBEDDED = """
import psycopg

from pg_gallery.embedded import EmbeddedServer

with EmbeddedServer.temporary() as server, psycopg.connect(server.url) as connection:
    assert connection.execute("SELECT 1").fetchone() == (1,)
"""

# The cache that redis is for does not exist yet; until then the extra only has to be installable.
CACHED = "import redis"

USES = {
    "demo": EMBEDDED,
    "otel": TRACED,
    "prometheus": COUNTED,
    "redis": CACHED,
}
"""What each extra is for, as a program that is given a database's URL. The extra dev is for the
repository alone, and these tests run in it."""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution, which is built from the repository."""
    target = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--outdir", str(target), str(REPOSITORY)]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    [built] = target.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the programs are of a fresh environment, with the wheel and what it needs in it."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=True)
    programs = home / ("Scripts" if os.name == "nt" else "bin")
    install = [str(programs / "python"), "-m", "pip", "install", "--quiet", str(wheel)]
    subprocess.run(install, check=True, env=clean_environment())
    return programs


@pytest.fixture(scope="session")
def python_with(
    wheel: Path, programs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """Gives the Python of an environment that has the wheel with one extra and nothing else."""

    def install(extra: str) -> Path:
        home = tmp_path_factory.mktemp(extra) / "environment"
        # A copy of the environment without extras, so that pip fetches only what the extra adds.
        shutil.copytree(programs.parent, home, symlinks=True)
        python = home / programs.name / "python"
        named = f"{wheel}[{extra}]"
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", named], check=True, env=clean_environment()
        )
        return python

    return install


def clean_environment() -> dict[str, str]:
    """The environment without what would lead to the repository or to a database."""
    ours = ("PYTHONPATH", "PG_GALLERY_URL", "DATABASE_URL", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if name not in ours}


def run(program: Path, *arguments: object, cwd: Path, **variables: str) -> str:
    finished = finish(program, *arguments, cwd=cwd, **variables)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def finish(
    program: Path, *arguments: object, cwd: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, *map(str, arguments)],
        check=False,
        capture_output=True,
        cwd=cwd,
        env={**clean_environment(), **variables},
        text=True,
    )


def files_of(folder: str) -> set[str]:
    """The files of a folder of the repository, but for what Python puts there by itself."""
    return {
        str(path.relative_to(REPOSITORY))
        for path in (REPOSITORY / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("folder", ["db/functions", "db/migrations", "config", "data"])
def test_wheel_carries_every_file_that_is_not_python(wheel: Path, folder: str) -> None:
    bundled = f"pg_gallery/_bundled/{folder}/"
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if name.startswith(bundled)}
    assert {name.removeprefix("pg_gallery/_bundled/") for name in names} == files_of(folder)


def test_wheel_carries_the_licences_of_what_is_in_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name.split(".dist-info/")[-1] for name in archive.namelist()}
    assert {
        "licenses/LICENSE",
        "licenses/data/LICENSE-material-design-icons",
        "licenses/data/LICENSE-tabler-icons",
        "pg_gallery/py.typed",
    } <= names


def test_wheel_leaves_the_benchmark_out(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        files = [Path(name) for name in archive.namelist()]
    assert {file.parts[0] for file in files if ".dist-info" not in file.parts[0]} == {"pg_gallery"}
    assert not [file for file in files if any(part.startswith("bench") for part in file.parts)]


@pytest.mark.parametrize("arguments", [(), ("--help",), ("run", "--preset", "small")])
def test_installed_wheel_says_where_the_benchmark_is(
    programs: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    ended = finish(programs / "pg-gallery", "bench", *arguments, cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "folder bench of the source checkout" in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr


def test_installed_wheel_migrates_loads_and_pages(
    programs: Path, empty_url: str, tmp_path: Path
) -> None:
    def pg_gallery(*arguments: object) -> str:
        return run(programs / "pg-gallery", *arguments, "--url", empty_url, cwd=tmp_path)

    def titles(*arguments: object) -> list[str]:
        page: dict[str, Any] = json.loads(pg_gallery("page", *arguments, "--json"))
        return [item["title"] for item in page["items"]]

    file = tmp_path / "items.jsonl"
    file.write_text("".join(f"{json.dumps(item)}\n" for item in ITEMS))
    pg_gallery("migrate")
    pg_gallery("load", file)
    assert titles() == ["a sea", "a ship", "a lake", "a hill"]
    assert titles("--all", "water") == ["a sea", "a ship", "a lake"]
    assert titles("--all", "water", "--all", "landscape") == ["a sea", "a lake"]


def test_installed_wheel_hangs_in_another_history(
    programs: Path, empty_url: str, tmp_path: Path
) -> None:
    (tmp_path / "versions").mkdir()
    (tmp_path / "alembic.ini").write_text(ALEMBIC_INI)
    (tmp_path / "env.py").write_text(ENV)
    url = empty_url.replace("postgresql:", "postgresql+psycopg:")
    run(programs / "alembic", "upgrade", "heads", cwd=tmp_path, DATABASE_URL=url)
    count = run(programs / "pg-gallery", "count", "--json", "--url", empty_url, cwd=tmp_path)
    assert json.loads(count) == {"count": 0}


@pytest.mark.servers("pg18")
@pytest.mark.parametrize("program", [OVER_PSYCOPG, OVER_SQLALCHEMY], ids=["psycopg", "sqlalchemy"])
def test_without_any_extra_every_source_works_and_sqlalchemy_needs_no_greenlet(
    programs: Path, database_url: str, tmp_path: Path, program: str
) -> None:
    run(programs / "python", "-c", program, database_url, cwd=tmp_path)


@pytest.mark.servers("pg18")
@pytest.mark.parametrize("extra", USES)
def test_an_extra_brings_everything_that_it_needs(
    python_with: Callable[[str], Path], database_url: str, tmp_path: Path, extra: str
) -> None:
    run(python_with(extra), "-c", USES[extra], database_url, cwd=tmp_path)


def test_every_extra_is_tried(wheel: Path) -> None:
    [distribution] = distributions(path=[str(wheel)])
    extras = set(distribution.metadata.get_all("Provides-Extra") or ())
    assert extras == {*USES, "dev"}
