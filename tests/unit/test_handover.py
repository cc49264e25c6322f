"""Replacing the command line's program by the one that does the work, and doing without where that fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tracer.recorder.handover import HandOver

ROOT = Path(__file__).parents[2]

OUTER = """
import os, sys
open("/proc/self/comm", "w").write("outer")
import typer
from tracer.recorder.handover import HandOver
HandOver("inner", {"word": ["a", 1.5, None], "pid": os.getpid()}).go_on()
"""
INNER = """
import os, sys
def run(word, pid):
    comm = open("/proc/self/comm").read()[:-1]
    print(word, pid == os.getpid(), comm, "typer" in sys.modules, sys.argv[1:], sorted(os.listdir("/proc/self/fd"))[-1])
    from tracer.errors import UsageError
    raise UsageError("no more")
"""


def test_the_work_goes_on_in_the_same_process_without_what_was_loaded_and_ends_with_its_exit_code(
    tmp_path: Path,
) -> None:
    package = tmp_path / "package"
    (package / "tracer").mkdir(parents=True)
    for name in ("__init__", "errors", "lean_imports", "programs"):
        (package / "tracer" / f"{name}.py").symlink_to(ROOT / "tracer" / f"{name}.py")
    for room, modules in (("recorder", ("handover",)), ("terminal", ("exit_codes", "messages", "written_over"))):
        (package / "tracer" / room).mkdir()
        for name in ("__init__", *modules):
            (package / "tracer" / room / f"{name}.py").symlink_to(ROOT / "tracer" / room / f"{name}.py")
    (package / "inner.py").write_text(INNER)
    result = subprocess.run(
        [sys.executable, "-c", OUTER, "record", "-d", "5"],
        capture_output=True,
        text=True,
        cwd=package,
        env=os.environ | {"PYTHONPATH": str(package)},
    )
    assert result.stdout.startswith("['a', 1.5, None] True outer False ['reclaim-tracer', 'record', '-d', '5'] ")
    assert int(result.stdout.split()[-1]) <= 4, "the parcel is closed"
    assert result.stderr == "reclaim-tracer: error: no more\n"
    assert result.returncode == 2


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_where_no_program_can_be_started_the_work_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[Any] = []
    monkeypatch.setitem(sys.modules, "inner", SimpleNamespace(run=lambda **got: done.append(got)))
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    before = open_files()
    HandOver("inner", {"word": 1}).go_on()
    assert done == [{"word": 1}]
    assert open_files() == before
