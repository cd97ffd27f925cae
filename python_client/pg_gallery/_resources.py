"""Where the files stand that are not Python: SQL functions, migrations, settings, data.

In the repository they are folders of its root; a wheel carries the same folders inside the package,
under ``_bundled`` (pyproject.toml says so).
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_BUNDLED = _PACKAGE / "_bundled"
_ROOT = _BUNDLED if _BUNDLED.is_dir() else _PACKAGE.parents[1]

FUNCTIONS = _ROOT / "db" / "functions"
MIGRATIONS = _ROOT / "db" / "migrations"
CONFIG = _ROOT / "config"
DATA = _ROOT / "data"
