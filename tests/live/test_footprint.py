"""What a running `record` holds of a guest's memory."""

from __future__ import annotations

import mmap
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tracing import DROP_SLAB, WaitingLoad

from tracer.batch import Batch
from tracer.buffer_sizes import MOST_QUEUE_BYTES
from tracer.collect.memory_lock import MemoryLock
from tracer.metadata import LOCKED
from tracer.recorder.footprint import ANONYMOUS_BOUND_BYTES
from tracer.store import Recording

pytestmark = pytest.mark.usefixtures("bcc")

ROOT = Path(__file__).parents[2]
ENV = os.environ | {"PYTHONPATH": str(ROOT)}


def status_kib(pid: int | str, name: str) -> int:
    match = re.search(rf"^{name}:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert match is not None
    return int(match[1])


def anonymous_kib(pid: int) -> int:
    """What the process shares with no file, libraries' written pages included."""
    return status_kib(pid, "RssAnon")


def locked_kib(pid: int | str) -> int:
    return status_kib(pid, "VmLck")


def resident_kib(pid: int | str) -> int:
    return status_kib(pid, "VmRSS")


DROPS = 400
UNTOUCHED_BYTES = 256 << 20


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A `record` that has attached."""
    command = [sys.executable, "-m", "tracer", "record", "-o", "x.rtrace"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("Tracing."):
                break
        yield process
        process.kill()


def test_anonymous_memory_stays_within_its_bound_under_load_and_at_rest(recorder, tmp_path: Path) -> None:
    # GIVEN a recorder at rest
    most = anonymous_kib(recorder.pid)
    # WHEN something shrinks slab caches without a pause
    with WaitingLoad(f"i=0; while [ $i -lt {DROPS} ]; do {DROP_SLAB}; i=$((i+1)); done") as load:
        load.go()
        while not load.ended:
            most = max(most, anonymous_kib(recorder.pid))
            time.sleep(0.05)
    most = max(most, anonymous_kib(recorder.pid))
    # THEN it never holds more than its bound
    assert most <= (ANONYMOUS_BOUND_BYTES + MOST_QUEUE_BYTES) >> 10
    recorder.send_signal(signal.SIGINT)
    recorder.communicate(timeout=60)
    recorded = [item for item in Recording.open(tmp_path / "x.rtrace").items() if isinstance(item, Batch)]
    # ... and each time at least one shrinker began and ended
    assert sum(map(len, recorded)) >= 2 * DROPS


def test_reclaim_cannot_take_it_while_it_records(recorder, tmp_path: Path) -> None:
    assert locked_kib(recorder.pid) > anonymous_kib(recorder.pid)
    recorder.send_signal(signal.SIGINT)
    recorder.communicate(timeout=60)
    assert Recording.open(tmp_path / "x.rtrace").metadata.memory_lock == LOCKED


def test_only_what_is_there_is_locked_and_only_for_so_long() -> None:
    # GIVEN address space that nobody has touched
    with mmap.mmap(-1, UNTOUCHED_BYTES):
        before, resident = locked_kib("self"), resident_kib("self")
        with MemoryLock() as lock:
            assert lock.refusal == ""
            assert 0 < lock.file_bytes < resident << 10
            assert locked_kib("self") > before
            # THEN it is not brought in; the measuring itself may bring in something
            assert resident_kib("self") < resident + (UNTOUCHED_BYTES >> 11)
    assert locked_kib("self") == before


def test_neither_the_command_lines_libraries_nor_the_compilers_are_in_it(recorder) -> None:
    maps = Path(f"/proc/{recorder.pid}/maps").read_text()
    assert "multiarray" in maps, "numpy is"
    assert [name for name in ("pydantic", "libbcc", "libLLVM", "pandas") if name in maps] == []
    # Loaded by what writes events and readings, too, long after the start.
    assert [name for name in ("_umath_linalg", "libcrypto", "_bz2", "_lzma") if name in maps] == []
    shown = Path(f"/proc/{recorder.pid}/cmdline").read_bytes().split(b"\0")
    assert shown[-5:] == [b"reclaim-tracer", b"record", b"-o", b"x.rtrace", b""]


def test_a_traced_command_inherits_nothing_of_it(tmp_path: Path) -> None:
    code = "env >env; ls -l /proc/self/fd >fds; cat /proc/self/status >status; nice >nice"
    command = [sys.executable, "-m", "tracer", "record", "-o", "x.rtrace", "--", "sh", "-c", code]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=tmp_path, env=env, check=True, capture_output=True)
    names = {line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
    assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {"PATH", "PYTHONPATH"} | (names & {"LC_CTYPE"})
    assert "memfd" not in (tmp_path / "fds").read_text()
    assert "VmLck:\t       0 kB" in (tmp_path / "status").read_text()
    assert int((tmp_path / "nice").read_text()) == os.nice(0)
