"""`record` in a machine with next to no memory is refused before the command line's modules are loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from command_line import ENV
from kernel_tree import put

from tracer.kernel.memory_room import memory_room
from tracer.recorder.footprint import FILE_BYTES, STARTING_BYTES
from tracer.recorder.memory_need import MIB

STARTED = """
import sys
from functools import partial
from pathlib import Path
import tracer.recorder.early_refusal as early

early.refuse_hopeless = partial(early.refuse_hopeless, root=Path(sys.argv.pop(1)))
from tracer.__main__ import main

try:
    main()
finally:
    print("typer" in sys.modules, "numpy" in sys.modules)
"""
"""The command line, with the machine that the first argument is the root of."""
LEAST_MIB = (STARTING_BYTES + FILE_BYTES) // MIB


def started(root: Path, available_kib: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    put(root, "/proc/meminfo", f"MemTotal: 9999 kB\nMemAvailable:  {available_kib} kB\n")
    put(root, "/sys/devices/system/cpu/online", "0-1\n")
    command = [sys.executable, "-c", STARTED, str(root), *arguments]
    return subprocess.run(command, cwd=root, env=ENV, capture_output=True, text=True, timeout=60)


def test_a_start_without_a_chance_is_refused_by_a_process_that_has_loaded_little(tmp_path: Path) -> None:
    done = started(tmp_path, 20 << 10, "record", "-o", "x.rtrace", "--programs", "guest.programs")
    assert done.stderr.startswith("reclaim-tracer: error: starting takes up to ")
    why = "more than half: free some memory, or start all the same with --force-start"
    assert done.stderr.endswith(f" of 20 MiB available (MemAvailable), {why}\n")
    assert (done.returncode, done.stdout) == (3, "False False\n")


def test_so_is_one_that_has_no_room_for_its_compiler(tmp_path: Path) -> None:
    done = started(tmp_path, 200 << 10, "record", "-o", "x.rtrace", "--no-cache")
    assert "(compiler 144, " in done.stderr
    assert "more than half: use compiled programs (--programs FILE), or start all the same" in done.stderr
    assert (done.returncode, done.stdout) == (3, "False False\n")


@pytest.mark.parametrize(
    ("available_kib", "arguments"),
    [
        (20 << 10, ("record", "--help")),
        (20 << 10, ("record", "-o", "x.rtrace", "--force-start", "--buffer-size", "no")),
        (20 << 10, ("summary", "--help")),
        (4 * LEAST_MIB << 10, ("record", "--programs=guest.programs", "--buffer-size", "no")),
        (1 << 20, ("record", "--buffer-size", "no")),
    ],
)
def test_what_may_go_on_reads_its_options(tmp_path: Path, available_kib: int, arguments: tuple[str, ...]) -> None:
    done = started(tmp_path, available_kib, *arguments)
    assert "starting takes" not in done.stderr
    assert done.stdout.endswith("True False\n")
    assert done.returncode == (2 if "no" in arguments else 0)


def test_where_nothing_tells_what_is_available_it_goes_on(tmp_path: Path) -> None:
    done = started(tmp_path, 20 << 10, "record", "--buffer-size", "no")
    assert done.returncode == 3
    (tmp_path / "proc/meminfo").unlink()
    assert memory_room(tmp_path).available_bytes is None
    code = [sys.executable, "-c", STARTED, str(tmp_path), "record", "--buffer-size", "no"]
    assert subprocess.run(code, env=ENV, capture_output=True, check=False).returncode == 2
