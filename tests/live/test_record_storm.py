"""`record` while its process is stopped in the middle of a storm: what is missing is counted, shown and said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from storm import Generator, checking, new_token

from tracer.batch import Batch, LostStretch
from tracer.kernel.cgroup import MemoryCgroup, find_memory_controller
from tracer.probes.transport import Transport
from tracer.store import Recording

pytestmark = pytest.mark.usefixtures("bcc")

ROOT = Path(__file__).parents[2]
ENV = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}", "PYTHONUNBUFFERED": "1"}
CPUS = sorted(os.sched_getaffinity(0))[:2]
STOPPED_S = 2.0
HOG = "import sys; sys.stdin.read(1); data = b'x' * (200 << 20)"


@contextmanager
def recording(token: int, output: Path, transport: Transport) -> Iterator[subprocess.Popen[str]]:
    """`record` with buffers of 1 MiB and the storm's program, once it has attached and written."""
    command = [sys.executable, "-m", "storm.recorder", str(token), output, str(1 << 20), transport.value]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENV) as process:
        try:
            assert process.stderr is not None
            assert any(" events, " in line for line in process.stderr), "it ended before it recorded"
            yield process
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()


def calls_made(binary: Path, token: int, calls: int, rate: int = 0) -> int:
    """Run a storm to its end."""
    with Generator(binary, token, CPUS, calls=calls, rate=rate) as load:
        load.go()
        return sum(result.calls for result in load.results())


def kill_in_a_cgroup() -> None:
    """Let the OOM killer kill in a small memory cgroup."""
    with MemoryCgroup(32 << 20, f"reclaim-tracer-storm-{os.getpid()}") as group:
        hog = subprocess.Popen([sys.executable, "-c", HOG], stdin=subprocess.PIPE, text=True)
        group.add(hog.pid)
        hog.communicate("g")
    assert hog.returncode == -signal.SIGKILL


def test_a_storm_with_the_recorder_stopped_is_lost_to_the_event_and_said(
    tmp_path: Path, generator: Path, transport: Transport, need
) -> None:
    need("live", find_memory_controller() is not None, "no memory cgroup controller is mounted")
    token, output = new_token(), tmp_path / "x.rtrace"
    with recording(token, output, transport) as recorder:
        # GIVEN a recorder that is stopped, an OOM kill that still finds room, and a storm that soon does not
        recorder.send_signal(signal.SIGSTOP)
        stopped_ns = time.monotonic_ns()
        kill_in_a_cgroup()
        made = calls_made(generator, token, 100_000)
        time.sleep(max(0.0, STOPPED_S - (time.monotonic_ns() - stopped_ns) / 1e9))
        continued_ns = time.monotonic_ns()
        # WHEN it goes on, through another storm, until it is told to end
        recorder.send_signal(signal.SIGCONT)
        made += calls_made(generator, token, 5_000, rate=5_000)
        recorder.send_signal(signal.SIGINT)
        out, err = recorder.communicate(timeout=120)
    assert recorder.returncode == 0, err
    # THEN generated minus recorded is what the recording says was lost, by kind
    opened = Recording.open(output)
    assert opened.metadata.transport == transport.value
    items = list(opened.items())
    recorded = sum(int((item.header["kind"] == checking.KIND).sum()) for item in items if isinstance(item, Batch))
    stretches = [item for item in items if isinstance(item, LostStretch)]
    name = f"kind {checking.KIND}"
    assert made - recorded == sum(stretch.counts.get(name, 0) for stretch in stretches) > 0
    assert recorded > 0
    # AND the stretch covers the time in which it was stopped
    lossy = [stretch for stretch in stretches if name in stretch.counts]
    assert min(stretch.start_ns for stretch in lossy) <= stopped_ns
    assert max(stretch.end_ns for stretch in lossy) >= continued_ns
    # AND the analysis says so, where the kill is too
    result = subprocess.run(
        [sys.executable, "-m", "tracer", "summary", "--json", output], capture_output=True, text=True, env=ENV
    )
    data = json.loads(result.stdout)
    assert data["recording"]["lost_by_kind"][name] == made - recorded
    assert data["recording"]["late_events"] == 0, "two seconds of two CPUs' records came in order"
    assert "were lost" in out
    kinds = {found["kind"]: found["text"] for found in data["findings"]}
    assert "lost" in kinds
    kills = [text for kind, text in kinds.items() if "oom" in kind or "kill" in kind]
    assert any("Events were lost in this stretch" in text for text in kills), data["findings"]
