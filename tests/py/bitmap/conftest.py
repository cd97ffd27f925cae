"""These tests change nothing that they leave behind, so those of a file share a database."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def database_url(module_database_url: str) -> str:
    return module_database_url
