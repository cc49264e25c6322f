"""The load in its memory cgroup, on the running kernel."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tracer.kernel.cgroup import find_memory_controller
from tracer.workload import LoadPlan, bounded_load
from tracer.workload.pressure import SMALL_FILES
from tracer.workload.process import LIMIT_BYTES

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _memory_controller(need):
    need("live", find_memory_controller() is not None, "no memory cgroup controller is mounted")


def counters() -> dict[str, int]:
    return {name: int(value) for name, value in map(str.split, Path("/proc/vmstat").read_text().splitlines())}


def test_the_load_makes_the_kernel_reclaim_cache_and_slab_within_its_limit(disk_path, monkeypatch):
    monkeypatch.chdir(disk_path)
    with bounded_load(LoadPlan(120.0, Path())) as load:
        controller, before = cgroup_of(load.process.pid), counters()
        load.begin()
        while load.process.poll() is None:
            grown = {name: value - before[name] for name, value in counters().items()}
            if grown["pgsteal_file"] > 256 and grown["slabs_scanned"] > 0:
                break
            time.sleep(0.01)
        else:
            pytest.fail(f"it ended with status {load.process.returncode} and nothing was reclaimed")
        peak = next(
            (path for name in ("memory.max_usage_in_bytes", "memory.peak") if (path := controller / name).exists()),
            None,
        )
        assert peak is None or 0 < int(peak.read_text()) <= LIMIT_BYTES


def test_it_comes_to_its_own_end_unharmed(tmp_path):
    with bounded_load(LoadPlan(0.2, tmp_path)) as load:
        load.begin()
        assert load.process.wait(120) == 0


def test_its_files_are_made_before_it_is_told_to_begin(tmp_path):
    with bounded_load(LoadPlan(60.0, tmp_path)):
        assert sum(len(files) for _, _, files in os.walk(tmp_path)) == SMALL_FILES


def test_leaving_the_block_ends_the_load_and_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), bounded_load(LoadPlan(60.0, tmp_path)) as load:
        raise RuntimeError
    assert load.process.returncode is not None
    assert not Path(f"/proc/{load.process.pid}").exists()
    assert list(tmp_path.iterdir()) == []
    assert not [path for path in cgroups() if path.name == f"reclaim-tracer-{os.getpid()}"]


def cgroup_of(pid: int) -> Path:
    return next(path for path in cgroups() if str(pid) in (path / "cgroup.procs").read_text().split())


def cgroups() -> list[Path]:
    controller = find_memory_controller()
    assert controller is not None
    return [path for path in controller.mount.rglob("reclaim-tracer-*") if path.is_dir()]


def test_nothing_stays_where_the_demo_is_killed(tmp_path):
    code = (
        "from pathlib import Path; import os, signal; from tracer.workload import LoadPlan, bounded_load\n"
        f"with bounded_load(LoadPlan(60.0, Path({str(tmp_path)!r}))) as load:\n"
        "    print(load.process.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    starter = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    assert starter.wait() == -signal.SIGKILL
    cgroup = f"reclaim-tracer-{starter.pid}"
    deadline = time.monotonic() + 60
    while list(tmp_path.iterdir()) or list(Path("/sys/fs/cgroup").rglob(cgroup)):
        assert time.monotonic() < deadline, "files or the cgroup stayed"
        time.sleep(0.05)
