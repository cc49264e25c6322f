"""The bounded cgroup on the running kernel's own memory controller."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tracer.kernel.cgroup import MemoryCgroup, find_memory_controller

LIMIT_BYTES = 32 << 20
EATER = "import sys; sys.stdin.read(1); data = b'x' * (200 << 20); print('survived')"


@pytest.fixture(autouse=True)
def controller(need):
    need("live", find_memory_controller() is not None, "no cgroup memory controller is mounted")


def test_memory_is_charged_and_the_limit_holds():
    # GIVEN a process that wants more than the limit and may not swap
    with MemoryCgroup(LIMIT_BYTES) as group:
        eater = subprocess.Popen(
            [sys.executable, "-c", EATER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        group.add(eater.pid)
        assert group.pids() == (eater.pid,)
        # WHEN it takes it THEN the kernel kills it within the cgroup
        output, _ = eater.communicate("g")
        assert (eater.returncode, output) == (-9, "")
        assert group.usage <= LIMIT_BYTES
    assert not group.path.exists()


def test_a_task_still_running_is_moved_out_and_lives():
    with MemoryCgroup(LIMIT_BYTES) as group:
        sleeper = subprocess.Popen(["sleep", "60"])
        group.add(sleeper.pid)
    try:
        assert not group.path.exists()
        assert sleeper.poll() is None
    finally:
        sleeper.kill()
        sleeper.wait()
