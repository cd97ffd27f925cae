"""The commands of the repository: each is explained, and what names one names one that exists."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
MAKEFILE = (REPOSITORY / "Makefile").read_text()
TARGETS = re.findall(r"^\.PHONY: (\S+)$", MAKEFILE, re.MULTILINE)

TEXTS = sorted(
    path.relative_to(REPOSITORY)
    for pattern in ("*.md", "docs/*.md", ".github/**/*.md", ".pre-commit-config.yaml", ".ci/run")
    for path in REPOSITORY.glob(pattern)
)


def test_make_help_explains_every_target_in_a_line() -> None:
    listed = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    explained = dict(re.findall(r"^  make (\S+) +(\S.*)$", listed, re.MULTILINE))
    assert list(explained) == TARGETS
    assert set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE)) == set(TARGETS)


@pytest.mark.parametrize("text", TEXTS, ids=str)
def test_every_command_that_is_named_exists(text: Path) -> None:
    written = (REPOSITORY / text).read_text()
    command = r"make(?: --[a-z-]+)* ([a-z-]+)"
    named = re.findall(rf"(?:`|exec |entry: ){command}", written)  # in prose, and in our files
    named += re.findall(rf"^{command} *(?:#.*)?$", written, re.MULTILINE)  # in a block of code
    assert set(named) <= set(TARGETS)
