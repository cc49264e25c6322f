"""The direction of imports between rooms, read from the syntax tree: imports inside functions count too."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "tracer"
BASE = "base"
ROOT_API = "tracer/__init__.py"

MAY_IMPORT = {
    BASE: {BASE},
    "kernel": {"kernel", BASE},
    "probes": {"probes", "kernel", BASE},
    "collect": {"collect", "probes", "kernel", BASE},
    "store": {"store", BASE},
    "imports": {"imports", "store", BASE},
    "workload": {"workload", "kernel", BASE},
    "analyze": {"analyze", BASE},
    "tables": {"tables", "analyze", BASE},
    "sql": {"sql", "tables", "analyze", "store", BASE},
    "frames": {"frames", "sql", "tables", "wording", "analyze", "store", BASE},
    "evidence": {"evidence", "analyze", "store", BASE},
    "wording": {"wording", "analyze", BASE},
    "compare": {"compare", "gates", "wording", "analyze", BASE},
    "metrics": {"metrics", "live", "analyze", BASE},
    "push": {"push", BASE},
    "export": {"export", "metrics", "tables", "imports", "analyze", "store", BASE},
    "fleet": {"fleet", "compare", "tables", "gates", "wording", "analyze", "store", BASE},
    "gates": {"gates", "wording", "analyze", BASE},
    "live": {"live", "wording", "analyze", BASE},
    "terminal": {"terminal", "compare", "fleet", "evidence", "gates", "live", "wording", "analyze", BASE},
    "screen": {"screen", "live", "terminal", "wording", "analyze", BASE},
    "report": {"report", "compare", "fleet", "evidence", "gates", "wording", "analyze", BASE},
    "recorder": {"recorder", "terminal", "store", "collect", "probes", "kernel", BASE},
    "check": {"check", "terminal", "wording", "probes", "kernel", BASE},
    "jobs": {
        "jobs",
        "compare",
        "check",
        "fleet",
        "evidence",
        "recorder",
        "terminal",
        "live",
        "screen",
        "report",
        "export",
        "sql",
        "metrics",
        "push",
        "tables",
        "analyze",
        "imports",
        "store",
        "workload",
        "collect",
        "probes",
        "kernel",
        "wording",
        BASE,
    },
    "commands": {
        *(
            "commands",
            "evidence",
            "jobs",
            "recorder",
            "report",
            "compare",
            "fleet",
            "export",
            "gates",
            "terminal",
            "live",
            "push",
            "imports",
            "wording",
            "analyze",
            "store",
            BASE,
        ),
    },
}
"""What each room may import. `base` is the modules directly in the package."""

INSIDE = {
    "analyze": (
        *("terms", "sizes", "model", "naming", "options", "stream", "balloon"),
        *("totals", "contention", "findings", "results", "engine"),
    ),
}
"""Rooms and modules inside a room, the lowest first: each imports itself and what stands before it only."""

ONLY_IMPORTER = {
    "bcc": {"probes"},
    "jinja2": {"report"},
    "plotly": {"report"},
    "pandas": {"frames", "report", "store"},
    "pyarrow": {"tables", "sql", "export", "fleet", "jobs"},
    "textual": {"screen"},
    "typer": {"commands"},
    "junitparser": {"gates"},
    "prometheus_client": {"metrics"},
}
"""Third-party packages that belong to some rooms only."""

Import = tuple[str, int]


def room_of(parts: tuple[str, ...]) -> str:
    """The room of a module path relative to the package: `("store", "reader")` is in `store`."""
    return parts[0] if parts and parts[0] in MAY_IMPORT else BASE


def absolute_name(node: ast.ImportFrom, package: tuple[str, ...], alias: ast.alias) -> tuple[str, ...]:
    """What `from ..a import b` names, from inside `package`."""
    if node.level == 0:
        return (*(node.module or "").split("."), alias.name)
    base = package[: len(package) - (node.level - 1)]
    return (*base, *((node.module or "").split(".") if node.module else ()), alias.name)


def imports(source: str, package: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
    """Every import in a module's source as (dotted name's parts, line)."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((tuple(alias.name.split(".")), node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((absolute_name(node, package, alias), node.lineno) for alias in node.names)


def violations(source: str, path: str) -> list[str]:
    """What a module of the package at `path` (`tracer/store/reader.py`) imports against the rules."""
    parts = Path(path).with_suffix("").parts
    room, found = room_of(parts[1:]), []
    for name, line in imports(source, parts[:-1]):
        if name[0] == "tracer":
            target = room_of(name[1:])
            if target not in MAY_IMPORT[room]:
                found.append(f"{path}:{line}: {room} imports {target} ({'.'.join(name)})")
        elif room not in ONLY_IMPORTER.get(name[0], {room}):
            found.append(f"{path}:{line}: {room} imports {name[0]}")
    return found


def violations_inside(source: str, path: str) -> list[str]:
    """The same for the rooms inside a room."""
    parts = Path(path).with_suffix("").parts
    order = INSIDE.get(room_of(parts[1:]), ())
    if len(parts) <= 2 or parts[2] not in order:
        return []
    may = order[: order.index(parts[2]) + 1]
    return [
        f"{path}:{line}: {parts[2]} imports {name[2]}"
        for name, line in imports(source, parts[:-1])
        if name[:2] == parts[:2] and len(name) > 2 and name[2] in order and name[2] not in may
    ]


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__main__.py" or path.parent != PACKAGE)


def test_every_room_imports_only_what_lies_below_it():
    found = []
    for module in modules():
        path = str(module.relative_to(PACKAGE.parent))
        if path != ROOT_API:
            found += violations(module.read_text(), path) + violations_inside(module.read_text(), path)
    assert found == []


def test_every_room_inside_a_room_has_its_place():
    for room, order in INSIDE.items():
        assert {path.parent.name for path in (PACKAGE / room).glob("*/__init__.py")} <= set(order)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("tracer/analyze/stream/pairing.py", "from ..balloon.runs import Run"),
        ("tracer/analyze/balloon/runs.py", "def f():\n    from ..engine import Engine"),
        ("tracer/analyze/totals/ladder.py", "from .. import contention"),
        ("tracer/analyze/model.py", "from .results import build"),
    ],
)
def test_the_check_sees_an_import_that_goes_up_inside_a_room(path, source):
    assert violations_inside(source, path)
    assert not violations(source, path)


def test_every_folder_of_the_package_is_a_known_room():
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders <= set(MAY_IMPORT)
    assert folders >= {"kernel", "probes", "collect", "store", "analyze", "terminal", "report", "commands"}


def test_imports_inside_the_package_are_relative():
    found = [
        f"{module.relative_to(PACKAGE.parent)}:{node.lineno}"
        for module in modules()
        for node in ast.walk(ast.parse(module.read_text()))
        if (isinstance(node, ast.ImportFrom) and node.level == 0 and (node.module or "").split(".")[0] == "tracer")
        or (isinstance(node, ast.Import) and any(alias.name.split(".")[0] == "tracer" for alias in node.names))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("path", "source", "expected"),
    [
        ("tracer/store/reader.py", "from ..collect.ring import Ring", "store imports collect"),
        ("tracer/store/reader.py", "def f():\n    from ..analyze import Engine", "store imports analyze"),
        ("tracer/store/reader.py", "from .. import commands", "store imports commands"),
        ("tracer/store/__init__.py", "from ..terminal import text", "store imports terminal"),
        ("tracer/analyze/engine.py", "import tracer.store.reader", "analyze imports store"),
        ("tracer/analyze/engine.py", "from ..frames import Trace", "analyze imports frames"),
        ("tracer/frames/trace.py", "from ..commands.analysis import analyse", "frames imports commands"),
        ("tracer/batch.py", "from .kernel import vmstat", "base imports kernel"),
        ("tracer/collect/ring.py", "def f():\n    import bcc", "collect imports bcc"),
        ("tracer/collect/ring.py", "import pandas.core as p", "collect imports pandas"),
    ],
)
def test_the_check_sees_an_import_that_goes_up(path, source, expected):
    assert [line for line in violations(source, path) if expected in line]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("tracer/store/reader.py", "from .format import Block\nfrom ..batch import Batch\nimport numpy"),
        ("tracer/collect/session.py", "from .. import __version__, schema\nfrom ..probes.plan import Plan"),
        ("tracer/report/write.py", "from ..analyze.model import Analysis\nimport plotly"),
        ("tracer/frames/trace.py", "from ..analyze import Engine\nfrom ..store import Recording\nimport pandas"),
    ],
)
def test_the_check_lets_an_import_that_goes_down_pass(path, source):
    assert violations(source, path) == []


def test_recording_loads_neither_pandas_nor_plotly():
    """Everything `record` needs, imported in a fresh interpreter."""
    rooms = [
        name for name in ("kernel", "probes", "collect", "store", "analyze", "terminal") if (PACKAGE / name).is_dir()
    ]
    files = [
        path.relative_to(PACKAGE.parent).with_suffix("") for room in rooms for path in (PACKAGE / room).rglob("*.py")
    ]
    names = [".".join(path.parts).removesuffix(".__init__") for path in files] + ["tracer.commands.record"]
    code = (
        "import importlib, sys\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "print(sorted({'pandas', 'plotly', 'bcc', 'jinja2', 'rich', 'textual'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent)
    assert result.stderr == ""
    assert result.stdout == "[]\n"
