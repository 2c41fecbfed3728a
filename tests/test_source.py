"""Rules of the house that a reader could check by eye: layers, sizes, exports, stubs."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import ycsbpy

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(ycsbpy.__file__).parent
PROJECT = Path(__file__).parents[1]

LAYERS: dict[str, set[str]] = {
    # part of the package → the parts it may import
    "errors": set(),
    "chart": set(),
    "clock": {"_native"},
    "_native": set(),
    "_resources": set(),
    "tls": set(),
    "userdirs": set(),
    "wording": set(),
    "proto": set(),
    "ops": {"_native"},
    "config": {"errors", "_resources", "tls"},
    "measure": {"_native", "clock", "errors", "ops"},
    "workload": {"_native", "clock", "config", "errors", "ops"},
    "drivers": {"_native", "clock", "config", "errors", "ops", "proto", "tls"},
    "runner": {"_native", "clock", "config", "drivers", "errors", "measure", "ops", "workload"},
    "report": {"_native", "clock", "config", "errors", "measure", "ops", "workload"},
    "cluster": {"_native", "chart", "clock", "config", "errors", "proto", "tls", "userdirs", "wording"},
    "minicluster": {"_native", "clock", "cluster", "config", "errors", "proto"},
    "testing": {"_native", "clock", "config", "drivers", "errors", "ops", "workload"},
    "session": {
        "clock", "cluster", "config", "drivers", "errors", "measure", "minicluster", "ops", "report", "runner",
        "workload",
    },
    "parts": {"_native", "config", "drivers", "workload"},
    "nullcluster": {"_native", "clock", "cluster", "errors", "minicluster"},
    "api": {"config", "drivers", "errors", "measure", "ops", "report", "runner", "session", "workload"},
    "datacheck": {"errors", "measure", "report", "wording"},
    "explain": {"_native", "ops", "workload"},
    "walk": {"clock", "cluster", "config", "datacheck", "errors", "measure", "report", "runner", "session", "wording"},
    "walkreport": {"chart", "cluster", "report", "walk", "wording"},
    "cli": {
        "_resources", "api", "chart", "cluster", "config", "datacheck", "drivers", "errors", "explain", "measure",
        "minicluster", "nullcluster", "ops", "report", "runner", "session", "tls", "userdirs", "walk", "walkreport",
        "wording", "workload",
    },
    "__main__": {"cli"},
}  # fmt: skip
"""Imports at run time go down only; what is imported for annotations alone does not count."""


def modules() -> list[str]:
    names = [name for _, name, _ in pkgutil.walk_packages([str(ROOT)], "ycsbpy.") if not name.endswith("_pb2")]
    return sorted(name for name in names if not name.endswith("__main__"))


def sources() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*.py") if not path.name.endswith("_pb2.py"))


def part_of(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").parts[0]


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Names of ycsbpy's modules that a file imports, at any depth, but not under ``if TYPE_CHECKING``."""
    skipped: set[ast.AST] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if node in skipped:
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            for inside in node.body:
                skipped.update(ast.walk(inside))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "ycsbpy":
            assert node.level == 0
            names = (node.module or "").split(".")[1:]
            if names:
                yield node.lineno, names[0]
            else:
                yield from ((node.lineno, alias.name) for alias in node.names if alias.name != "__version__")
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("ycsbpy."):
                    yield node.lineno, alias.name.split(".")[1]


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    part = part_of(path)
    if part == "__init__":
        return
    wrong = [
        f"line {line}: {part} imports {name}"
        for line, name in imported(path)
        if name != part and name not in LAYERS[part]
    ]
    assert not wrong


def test_the_layers_have_no_cycle() -> None:
    done: set[str] = set()
    while len(done) < len(LAYERS):
        free = {part for part, below in LAYERS.items() if part not in done and below <= done}
        assert free, f"a cycle among {set(LAYERS) - done}"
        done |= free


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_imports_are_not_used(path: Path) -> None:
    assert not re.search(r"^\s*from \.", path.read_text(), re.MULTILINE)


def tracked(*patterns: str) -> list[Path]:
    folders = ["ycsbpy", "ext", "tests", "bench", "examples"]
    found = [path for folder in folders for pattern in patterns for path in (PROJECT / folder).rglob(pattern)]
    generated = re.compile(r"_pb2\.pyi?$|/bindings/[a-z_]+\.cpp$")
    return [path for path in found if not generated.search(path.as_posix())]


@pytest.mark.parametrize(
    "path",
    tracked("*.py", "*.pyi", "*.pyx", "*.pxd", "*.hpp", "*.cpp"),
    ids=lambda path: path.relative_to(PROJECT).as_posix(),
)
def test_files_stay_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 700


@pytest.mark.parametrize("path", tracked("*.py"), ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_functions_stay_small(path: Path) -> None:
    long = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
            if lines > 60:
                long.append(f"{node.name}: {lines} lines")
    assert not long


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_say_what_they_are_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("name", modules())
def test_exports_are_true(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        pytest.skip(f"not here: {error}")
    exported = getattr(module, "__all__", None)
    if exported is None:
        return
    assert list(exported) == sorted(set(exported), key=lambda one: (not one.isupper(), not one[0].isupper(), one))
    for one in exported:
        assert hasattr(module, one), f"{name}.__all__ names {one}"


@pytest.mark.parametrize("stub", sorted((ROOT / "_native").glob("*.pyi")), ids=lambda path: path.stem)
def test_stubs_match_the_compiled_modules(stub: Path) -> None:
    if stub.stem == "__init__":
        return
    try:
        module = importlib.import_module(f"ycsbpy._native.{stub.stem}")
    except ImportError as error:
        pytest.skip(f"not here: {error}")
    tree = ast.parse(stub.read_text())
    declared: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            declared.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            alias = isinstance(node.annotation, ast.Name) and node.annotation.id == "TypeAlias"
            if not (alias and node.target.id.startswith("_")):  # a stub's own shorthand
                declared.add(node.target.id)
        if isinstance(node, ast.ClassDef):
            members = {inner.name for inner in node.body if isinstance(inner, ast.FunctionDef)}
            members |= {
                inner.target.id
                for inner in node.body
                if isinstance(inner, ast.AnnAssign) and isinstance(inner.target, ast.Name)
            }
            compiled = {one for one in vars(getattr(module, node.name)) if not one.startswith("_")}
            assert compiled == {one for one in members if not one.startswith("_")}, node.name
    private = {one for one in vars(module) if one.startswith("_")}
    assert {one for one in vars(module) if one not in private and one != "cython"} == declared


def test_no_test_sleeps() -> None:
    """Outside the integration tests time is injected."""
    pattern = re.compile(r"\b(time|asyncio)\.sleep\((?!0\))")
    found = [
        f"{path.relative_to(PROJECT)}:{number}"
        for path in (PROJECT / "tests").rglob("*.py")
        if "integration" not in path.parts and path.name != "processes.py"  # which waits for real processes
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if pattern.search(line)
    ]
    assert not found


def test_no_path_of_one_machine_is_written_down() -> None:
    pattern = re.compile(r"/(?:home|root|Users)/\w")
    files = (
        tracked("*.py", "*.pyx", "*.hpp", "*.cpp", "*.md")
        + list(PROJECT.glob("*.md"))
        + list(PROJECT.glob("docs/*.md"))
    )
    assert not [path for path in files if pattern.search(path.read_text()) and path.name != "test_source.py"]
