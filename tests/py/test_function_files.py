"""The files of db/functions read from first to last: each uses only what stands before it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pg_gallery import repeatables
from pg_gallery.repeatables import MigrationError, path_of, read_functions

MOST_LINES = 250

DEFINITION = re.compile(
    r"create (?:or replace )?(?:function|procedure|aggregate|type|view)"
    r" (?:gallery|@schema@)\.([\w%$]+)"
)
NAME = re.compile(r"\b(?:gallery|@schema@|@schema_text@)\.(\w+)")


def statements(text: str) -> str:
    """A file without its comments, of either kind."""
    return re.sub(r"comment on .*?;\n", "", re.sub(r"--.*", "", text), flags=re.DOTALL)


def defined(text: str) -> set[str]:
    """What a file defines; %1$s stands for the names that a loop fills in."""
    return set(DEFINITION.findall(text))


def calls_upward(files: dict[str, str]) -> list[str]:
    """What a file uses that is defined only in a file behind it."""
    found = []
    patterns = {
        path: re.compile("|".join(re.escape(n).replace(r"%1\$s", r"\w+") for n in names))
        for path, text in files.items()
        if (names := sorted(defined(text)))
    }
    exactly: dict[str, str] = {}
    for path, text in files.items():
        for name in defined(text):
            exactly.setdefault(name, path)
    order = list(files)
    for place, path in enumerate(order):
        for name in sorted(set(NAME.findall(statements(files[path])))):
            where = exactly.get(name) or next(
                (other for other in order if other in patterns and patterns[other].fullmatch(name)),
                path,
            )
            if order.index(where) > place:
                found.append(f"{path} uses {name} of {where}")
    return found


def test_a_file_uses_only_what_stands_before_it() -> None:
    assert calls_upward(read_functions()) == []


def test_a_call_that_goes_upward_is_found() -> None:
    files = {
        "one.sql": "create or replace function gallery.one() as $$ gallery.walk_asc() $$;",
        "two.sql": "create or replace function gallery.walk_%1$s() as $$ gallery.one() $$;",
    }
    assert calls_upward(files) == ["one.sql uses walk_asc of two.sql"]
    assert calls_upward(dict(reversed(files.items()))) == ["two.sql uses one of one.sql"]


def test_nothing_is_defined_twice() -> None:
    names = [name for text in read_functions().values() for name in defined(text)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("path", read_functions())
def test_a_file_says_what_it_is_for_and_is_short(path: str) -> None:
    text = read_functions()[path]
    assert text.startswith("-- ")
    assert text.count("\n") <= MOST_LINES


@pytest.mark.parametrize("change", ["forgotten", "gone", "twice"])
def test_an_order_that_does_not_fit_the_files_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    (tmp_path / "one.sql").write_text("select 1;\n")
    names = {"forgotten": "", "gone": "one.sql\ntwo.sql\n", "twice": "one.sql\none.sql\n"}[change]
    (tmp_path / "order").write_text(f"# what there is\n{names}")
    monkeypatch.setattr(repeatables, "FUNCTIONS", tmp_path)
    named = {"forgotten": "one.sql", "gone": "two.sql", "twice": "more than once"}[change]
    with pytest.raises(MigrationError, match=named):
        read_functions()


def test_revisions_name_files_that_are_there_wherever_they_stand_now() -> None:
    assert path_of("030_refuse_prompt_change.sql") == "tables/refuse_prompt_change.sql"
    assert path_of("log_changes.sql") == "index/log_changes.sql"
    plain = [path.rpartition("/")[2] for path in read_functions()]
    assert len(plain) == len(set(plain)), "a name without its folder names one file"
