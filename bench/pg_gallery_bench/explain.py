"""The plan of each strategy: of the statements inside the functions, the one that did most.

auto_explain tells it from inside the server; only a superuser may load it.
"""

from __future__ import annotations

import re

import psycopg

from .query import Asked
from .rivals.base import TimedOutError
from .rivals.ours import STRATEGIES, OneStrategy

_SETTINGS = {
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_buffers": "on",
    "client_min_messages": "log",
}
_BUFFERS = re.compile(r"Buffers: shared hit=(\d+)")
_FINDS = re.compile(r"Scan .*\b(content_tags|bitmap_container)")  # others fetch what was found


def explain_strategies(url: str, asked: Asked, timeout_seconds: float) -> dict[str, str]:
    """A plan for each strategy, all of the same query, or the error that was in the way."""
    explained = {}
    for strategy in STRATEGIES:
        rival = OneStrategy(url, timeout_seconds, strategy)
        try:
            plans = _plans(rival, asked)
        except TimedOutError:
            plans = [f"It took longer than {timeout_seconds:g} s."]
        except psycopg.Error as error:
            plans = [error.diag.message_primary or str(error)]
        finally:
            rival.close()
        if plans:
            explained[strategy] = max(plans, key=_buffers)
    return explained


def _plans(rival: OneStrategy, asked: Asked) -> list[str]:
    """The plans of all statements that read tags or bitmaps themselves."""
    plans: list[str] = []

    def keep(notice: psycopg.errors.Diagnostic) -> None:
        _, _, plan = (notice.message_primary or "").partition("plan:\n")
        if _FINDS.search(plan):
            plans.append(plan)

    request = rival.request(asked)
    request.run()  # so that no plan reads the catalogue for the first time
    rival.connection.execute("LOAD 'auto_explain'")
    for name, value in _SETTINGS.items():
        rival.connection.execute("SELECT set_config(%s, %s, false)", [name, value])
    rival.connection.add_notice_handler(keep)
    request.run()
    return plans


def _buffers(plan: str) -> int:
    found = _BUFFERS.search(plan)
    return int(found[1]) if found else 0
