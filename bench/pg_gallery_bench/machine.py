"""The machine and the server that a benchmark ran on."""

from __future__ import annotations

import os
import platform
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import psycopg

from pg_gallery import __version__

_SHOWN_SETTINGS = (
    "shared_buffers",
    "effective_cache_size",
    "work_mem",
    "maintenance_work_mem",
    "max_wal_size",
    "random_page_cost",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
)


def memory_bytes() -> int:
    """The machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def server_settings() -> dict[str, str]:
    """For a server of the benchmark's own: durable, and with its share of the memory."""
    megabytes = memory_bytes() >> 20
    return {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "shared_buffers": f"{megabytes // 4}MB",
        "effective_cache_size": f"{megabytes * 5 // 8}MB",
        "random_page_cost": "1.1",
        "max_wal_size": "8GB",
        "checkpoint_timeout": "30min",
    }


def describe(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """What a reader of the figures needs to know of where they come from."""
    row = connection.execute("SELECT current_setting('server_version')").fetchone()
    assert row is not None
    shown = connection.execute(
        "SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY (%s) ORDER BY name",
        [list(_SHOWN_SETTINGS)],
    ).fetchall()
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        "pg_gallery": __version__,
        "PostgreSQL": row[0],
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{memory_bytes() / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "settings": ", ".join(f"{name} {value}" for name, value in shown),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if _has_cpuinfo() else ():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _has_cpuinfo() -> bool:
    return Path("/proc/cpuinfo").exists()
