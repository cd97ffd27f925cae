"""How the Python packages are built: what is made of what, and which module imports which."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PACKAGES = (
    REPOSITORY / "python_client" / "pg_gallery",
    REPOSITORY / "bench" / "pg_gallery_bench",
)


def test_the_sync_client_is_what_is_made_of_the_async_one() -> None:
    check = [sys.executable, str(REPOSITORY / "scripts" / "unasync.py"), "--check"]
    ended = subprocess.run(check, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def test_no_module_is_in_a_circle_of_imports() -> None:
    """Imports inside of functions and those for types alone count like any other."""
    modules = {
        name_of(file, package): file for package in PACKAGES for file in package.rglob("*.py")
    }
    graph = {name: set(imports_of(name, file, modules)) for name, file in modules.items()}
    assert "pg_gallery._calls" in graph["pg_gallery._sync.gallery"]
    assert "pg_gallery.embedded" in graph["pg_gallery_bench.run"]
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


# --- helpers ---


def name_of(file: Path, package: Path) -> str:
    """The name by which a module is imported."""
    parts = file.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def imports_of(name: str, file: Path, known: dict[str, Path]) -> Iterator[str]:
    """Those of the known modules that a module imports."""
    package = name if file.stem == "__init__" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            base = absolute(node, package)
            for alias in node.names:
                submodule = f"{base}.{alias.name}"
                if submodule in known or base in known:
                    yield submodule if submodule in known else base


def absolute(node: ast.ImportFrom, package: str) -> str:
    """The name of the module that is imported from."""
    if not node.level:
        return node.module or ""
    above = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])
