"""`record` in a small memory cgroup: refused before it takes anything, or started with sizes that follow."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from programs_cases import entry_for

from tracer.kernel.cgroup import MemoryCgroup, find_memory_controller
from tracer.probes.carried.file_format import encode
from tracer.probes.compiling import COMPILER_BYTES
from tracer.recorder.footprint import FILE_BYTES, STARTING_BYTES
from tracer.store import Recording

pytestmark = pytest.mark.usefixtures("bcc")

ROOT = Path(__file__).parents[2]
ENV = os.environ | {"PYTHONPATH": str(ROOT)}
MIB = 1 << 20


def record_within(limit_mib: int, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """`record` for half a second in a memory cgroup of its own."""
    words = [sys.executable, "-m", "tracer", "record", "-d", "0.5", "-o", "x.rtrace", *options]
    with MemoryCgroup(limit_mib * MIB, f"reclaim-tracer-start-{os.getpid()}") as group:
        enter = f"echo $$ > {group.path}/cgroup.procs && exec {' '.join(words)}"
        done = subprocess.run(["sh", "-c", enter], cwd=folder, env=ENV, capture_output=True, text=True)
        # Who lets go of the programs in its place waits for the kernel, and can't leave the cgroup any more.
        end_s = time.monotonic() + 60
        while group.pids() and time.monotonic() < end_s:
            time.sleep(0.05)
        return done


@pytest.fixture(autouse=True)
def controller(need) -> None:
    need("live", find_memory_controller() is not None, "no cgroup memory controller is mounted")


def test_a_start_that_takes_more_than_half_is_refused_in_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    done = record_within(192, tmp_path, "--no-cache")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("reclaim-tracer: error: starting takes up to ")
    assert f"(the memory cgroup {find_memory_controller().own}/reclaim-tracer-start-" in done.stderr
    assert done.stderr.endswith(", or start all the same with --force-start\n")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_compiled_programs_need_no_room_for_a_compiler(tmp_path: Path) -> None:
    programs = str(tmp_path / "programs")
    build = [sys.executable, "-m", "tracer", "programs", "build", "-o", programs]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    assert "use compiled programs (--programs FILE), or start" in record_within(192, tmp_path, "--no-cache").stderr
    # WHEN they are there, in a cgroup that is too small for the compiler alone
    done = record_within(128, tmp_path, "--programs", programs)
    assert done.returncode == 0, done.stderr
    facts = Recording.open(tmp_path / "x.rtrace").metadata
    assert (facts.buffer_bytes, facts.queue_bytes) == (2 * MIB, 3 * MIB)


def test_programs_of_another_kernel_are_no_way_around_the_room_for_a_compiler(tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.write_bytes(encode([entry_for()]))
    done = record_within(192, tmp_path, "--no-cache", "--programs", str(programs))
    assert done.returncode == 3, done.stderr
    assert "(compiler 144, " in done.stderr
    assert "more than half" in done.stderr
    assert not (tmp_path / "x.rtrace").exists()


def test_forced_it_records_with_small_buffers_and_the_recording_says_how_large(tmp_path: Path) -> None:
    done = record_within(256, tmp_path, "--no-cache", "--force-start")
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("Memory is short: starting takes up to ")
    facts = Recording.open(tmp_path / "x.rtrace").metadata
    assert facts.memory_available_bytes is not None
    assert facts.memory_available_bytes < 256 * MIB
    assert facts.buffer_bytes <= 4 * MIB
    assert 3 * MIB <= facts.queue_bytes < 4 * MIB


def test_where_there_is_room_it_says_what_it_takes_only_when_asked(tmp_path: Path) -> None:
    done = record_within(1024, tmp_path, "--no-cache", "--force", "-v")
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("memory: starting takes up to ")
    assert "Buffers: 16 MiB in the kernel, 8 MiB for events not yet written" in done.stderr
    done = record_within(1024, tmp_path, "--no-cache", "--force", "--buffer-size", "1", "--queue-size", "1")
    assert "starting takes" not in done.stderr
    assert "Buffers: 1 MiB in the kernel, 1 MiB for events not yet written" in done.stderr
    facts = Recording.open(tmp_path / "x.rtrace").metadata
    assert (facts.buffer_bytes, facts.queue_bytes) == (MIB, MIB)


def sizes_kib(pid: int) -> Counter[str]:
    """Anonymous and file pages of a process; nothing where it has gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return Counter()
    return Counter(
        {name: int(kib) for name, kib in re.findall(r"^(RssAnon|RssFile|VmHWM):\s+(\d+) kB$", text, re.MULTILINE)}
    )


def children(pid: int) -> list[int]:
    try:
        return [*map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    except OSError:
        return []


def test_it_takes_no_more_than_it_says(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tracer", "record", "--no-summary", "--no-cache", "-o", "x.rtrace"]
    command += ["-d", "1", "--buffer-size", "1", "--queue-size", "1"]
    most, compiler = Counter[str](), Counter[str]()
    with subprocess.Popen(command, cwd=tmp_path, env=ENV, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            most |= sizes_kib(process.pid)
            for child in children(process.pid):
                compiler |= sizes_kib(child)
            time.sleep(0.002)
    assert process.returncode == 0
    # The ring's pages are mapped twice, and those of the kernel's types are the kernel's own.
    types_bytes = Path("/sys/kernel/btf/vmlinux").stat().st_size
    own = (most["RssAnon"] << 10, (most["RssFile"] << 10) - 2 * MIB)
    assert STARTING_BYTES / 2 < own[0] <= STARTING_BYTES, own[0] / MIB
    assert FILE_BYTES / 2 < own[1] <= FILE_BYTES + types_bytes, own[1] / MIB
    assert COMPILER_BYTES / 2 < compiler["VmHWM"] << 10 <= COMPILER_BYTES
