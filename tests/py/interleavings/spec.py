"""Reads specifications of interleavings; README.md says what they look like."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent

BLOCK = r"\{((?:[^{}]|\{[^{}]*\})*)\}"  # SQL, in which braces may stand in pairs
SHOWS = r"(?: *-> *(.*))?"
ELEMENT = re.compile(
    r"^(session|setup|step|outcome|every order|permutation)\b *([^{\n]*?) *"
    rf"(?:\s*{BLOCK})?{SHOWS}$((?:\n[ \t]+.*)*)",
    re.MULTILINE,
)
TURN = re.compile(rf"(\w+)(?: +(waits|ends))?{SHOWS}")


class Element(NamedTuple):
    """What a keyword begins."""

    keyword: str
    head: str
    sql: str
    shows: str
    turns: str


@dataclass(frozen=True)
class Turn:
    """A step's turn in a permutation, and what is promised of it."""

    step: str
    event: str | None = None  # it 'waits'; after it has waited it 'ends'; None: it waits for nobody
    shows: str | None = None  # its rows or messages; None: whatever they are


@dataclass(frozen=True)
class Permutation:
    """Steps in the order in which they are begun."""

    title: str
    turns: Sequence[Turn]


@dataclass
class Session:
    """A connection of its own: what prepares it, and its steps."""

    name: str
    setup: list[str] = field(default_factory=list)
    steps: dict[str, str] = field(default_factory=dict)


@dataclass
class Spec:
    """A specification: sessions, the orders of their steps, and what comes of each order."""

    name: str
    setup: list[str] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    permutations: list[Permutation] = field(default_factory=list)
    outcomes: dict[str, str] = field(default_factory=dict)  # queries, and what they show

    def session_of(self, step: str) -> Session:
        found = [session for session in self.sessions if step in session.steps]
        if len(found) != 1:
            raise ValueError(f"{self.name}: {len(found)} steps are called {step}")
        return found[0]


def read_specs() -> list[Spec]:
    """All that stand beside this file."""
    return [
        parse(path.stem, path.read_text(encoding="utf-8")) for path in sorted(HERE.glob("*.spec"))
    ]


def parse(name: str, text: str) -> Spec:
    """The specification that a text is; ValueError where it is none."""
    spec = Spec(name)
    for keyword, head, sql, shows, turns in ELEMENT.findall(text):
        _add(spec, Element(keyword, head, sql.strip(), shows, turns))
    for line in ELEMENT.sub("", text).splitlines():
        if line.strip() and not line.startswith("#"):
            raise ValueError(f"{name}: what does this mean? {line}")
    for permutation in spec.permutations:
        for turn in permutation.turns:
            spec.session_of(turn.step)
    return spec


def _add(spec: Spec, element: Element) -> None:
    match element.keyword:
        case "session":
            spec.sessions.append(Session(element.head))
        case "setup":
            (spec.sessions[-1] if spec.sessions else spec).setup.append(element.sql)
        case "step":
            spec.sessions[-1].steps[element.head] = element.sql
        case "outcome":
            spec.outcomes[element.sql] = element.shows
        case "permutation":
            turns = tuple(map(_turn, element.turns.split("\n")[1:]))
            spec.permutations.append(Permutation(element.head, turns))
        case "every order":
            for order in _orders([list(session.steps) for session in spec.sessions]):
                turns = tuple(map(Turn, order))
                spec.permutations.append(Permutation(", ".join(order), turns))


def _turn(line: str) -> Turn:
    if found := TURN.fullmatch(line.strip()):
        return Turn(*found.groups())
    raise ValueError(f"no turn of a step: {line}")


def _orders(sequences: list[list[str]]) -> Iterator[tuple[str, ...]]:
    """Every order of all steps in which each session's stay in theirs."""
    if not any(sequences):
        yield ()
    for number, sequence in enumerate(sequences):
        if sequence:
            rest = [*sequences[:number], sequence[1:], *sequences[number + 1 :]]
            yield from ((sequence[0], *order) for order in _orders(rest))
