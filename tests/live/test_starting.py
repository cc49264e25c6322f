"""`record` in a small memory cgroup: refused before it takes anything, or started with sizes that follow."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tracer.kernel.cgroup import MemoryCgroup, find_memory_controller
from tracer.store import Recording

pytestmark = pytest.mark.usefixtures("bcc")

ROOT = Path(__file__).parents[2]
MIB = 1 << 20


def record_within(limit_mib: int, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """`record` for half a second in a memory cgroup of its own."""
    words = [sys.executable, "-m", "tracer", "record", "-d", "0.5", "-o", "x.rtrace", *options]
    with MemoryCgroup(limit_mib * MIB, f"reclaim-tracer-start-{os.getpid()}") as group:
        enter = f"echo $$ > {group.path}/cgroup.procs && exec {' '.join(words)}"
        return subprocess.run(
            ["sh", "-c", enter], cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
        )


@pytest.fixture(autouse=True)
def controller(need) -> None:
    need("live", find_memory_controller() is not None, "no cgroup memory controller is mounted")


def test_a_start_that_takes_more_than_half_is_refused_in_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    done = record_within(192, tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("reclaim-tracer: error: starting takes up to ")
    assert f"(the memory cgroup {find_memory_controller().own}/reclaim-tracer-start-" in done.stderr
    assert done.stderr.endswith(", or start all the same with --force-start\n")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_forced_it_records_with_small_buffers_and_the_recording_says_how_large(tmp_path: Path) -> None:
    done = record_within(256, tmp_path, "--force-start")
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("Memory is short: starting takes up to ")
    facts = Recording.open(tmp_path / "x.rtrace").metadata
    assert facts.memory_available_bytes is not None
    assert facts.memory_available_bytes < 256 * MIB
    assert facts.buffer_bytes <= 4 * MIB
    assert 3 * MIB <= facts.queue_bytes < 4 * MIB


def test_where_there_is_room_it_says_what_it_takes_only_when_asked(tmp_path: Path) -> None:
    done = record_within(1024, tmp_path, "--force", "-v")
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("memory: starting takes up to ")
    assert "Buffers: 16 MiB in the kernel, 8 MiB for events not yet written" in done.stderr
    done = record_within(1024, tmp_path, "--force", "--buffer-size", "1", "--queue-size", "1")
    assert "starting takes" not in done.stderr
    assert "Buffers: 1 MiB in the kernel, 1 MiB for events not yet written" in done.stderr
    facts = Recording.open(tmp_path / "x.rtrace").metadata
    assert (facts.buffer_bytes, facts.queue_bytes) == (MIB, MIB)
