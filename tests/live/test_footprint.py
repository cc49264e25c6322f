"""What a running `record` holds of a guest's memory."""

from __future__ import annotations

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
from tracer.commands.footprint import ANONYMOUS_BOUND_BYTES
from tracer.store import Recording
from tracer.store.background import DEFAULT_QUEUE_BYTES

pytestmark = pytest.mark.usefixtures("bcc")

ROOT = Path(__file__).parents[2]
ENV = os.environ | {"PYTHONPATH": str(ROOT)}


def anonymous_kib(pid: int) -> int:
    """RssAnon: what the process shares with no file, libraries' written pages included."""
    match = re.search(r"^RssAnon:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert match is not None
    return int(match[1])


DROPS = 400


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
    assert most <= (ANONYMOUS_BOUND_BYTES + DEFAULT_QUEUE_BYTES) >> 10
    recorder.send_signal(signal.SIGINT)
    recorder.communicate(timeout=60)
    recorded = [item for item in Recording.open(tmp_path / "x.rtrace").items() if isinstance(item, Batch)]
    # ... and each time at least one shrinker began and ended
    assert sum(map(len, recorded)) >= 2 * DROPS


def test_neither_the_command_lines_libraries_nor_the_compilers_are_in_it(recorder) -> None:
    maps = Path(f"/proc/{recorder.pid}/maps").read_text()
    assert "multiarray" in maps, "numpy is"
    assert [name for name in ("pydantic", "libbcc", "libLLVM", "pandas") if name in maps] == []
    shown = Path(f"/proc/{recorder.pid}/cmdline").read_bytes().split(b"\0")
    assert shown[-5:] == [b"reclaim-tracer", b"record", b"-o", b"x.rtrace", b""]


def test_a_traced_command_inherits_nothing_of_it(tmp_path: Path) -> None:
    code = f"env > {tmp_path}/env; ls -l /proc/self/fd > {tmp_path}/fds"
    command = [sys.executable, "-m", "tracer", "record", "-o", "x.rtrace", "--", "sh", "-c", code]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=tmp_path, env=env, check=True, capture_output=True)
    names = {line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
    assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {"PATH", "PYTHONPATH"} | (names & {"LC_CTYPE"})
    assert "memfd" not in (tmp_path / "fds").read_text()
