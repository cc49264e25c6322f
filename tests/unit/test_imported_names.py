"""What tests, benchmarks and the guest lab import of the project is there: mypy reads `tracer` alone, and much of these
runs for hours or on other machines only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("tracer", "tests")
FOLDERS = sorted(path for path in (ROOT / "tests").iterdir() if path.is_dir() and any(path.rglob("*.py")))


def file_of(module: str) -> Path | None:
    """The source of a module of ours; None where it has none."""
    path = ROOT.joinpath(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def bound(nodes: list[ast.stmt]) -> Iterator[str]:
    """Names that these statements give a meaning, those within `if` and `try` too."""
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.If | ast.Try | ast.With | ast.For):
            blocks = (getattr(node, block, []) for block in ("body", "orelse", "finalbody"))
            for block in (*blocks, *(handler.body for handler in getattr(node, "handlers", []))):
                yield from bound(block)
        else:
            yield from (name.id for name in ast.walk(node) if isinstance(name, ast.Name))


@cache
def names_in(module: str) -> frozenset[str] | None:
    """What can be imported of a module, None where anything may be (it has a `__getattr__`)."""
    file = file_of(module)
    names = frozenset(bound(ast.parse(file.read_text()).body)) if file else frozenset()
    return None if "__getattr__" in names else names


def is_there(module: str, name: str) -> bool:
    path = ROOT.joinpath(*module.split("."), name)
    if path.is_dir() or path.with_suffix(".py").is_file():
        return True
    names = names_in(module)
    return names is None or name in names


def imports(file: Path) -> Iterator[tuple[int, str, str]]:
    """Line, module and name of each that is imported of ours, inside functions and by relative imports too."""
    package = file.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*above, *([node.module] if node.module else [])))
            if module.partition(".")[0] in ROOMS:
                yield from ((node.lineno, module, alias.name) for alias in node.names)


def missing(file: Path) -> list[str]:
    return [
        f"{file.relative_to(ROOT)}:{line}: {module} has no {name}"
        for line, module, name in imports(file)
        if name != "*" and not is_there(module, name)
    ]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_what_is_imported_is_there(folder: Path) -> None:
    assert [line for file in sorted(folder.rglob("*.py")) for line in missing(file)] == []


def test_a_name_that_is_gone_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN a benchmark that imports a name of one file which that has no longer
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / "tracer").mkdir()
    (tmp_path / "tracer" / "gone_and_here.py").write_text("if True:\n    HERE = 1\n")
    bench = tmp_path / "tests" / "bench.py"
    bench.parent.mkdir()
    bench.write_text("def run():\n    from tracer.gone_and_here import HERE, gone\n")
    # THEN
    assert missing(bench) == ["tests/bench.py:2: tracer.gone_and_here has no gone"]
