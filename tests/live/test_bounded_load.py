"""The load in its memory cgroup, on the running kernel."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tracer.kernel.cgroup import find_memory_controller
from tracer.workload import LoadPlan, bounded_load
from tracer.workload.process import LIMIT_BYTES


@pytest.fixture(autouse=True)
def _memory_controller(need):
    need("live", find_memory_controller() is not None, "no memory cgroup controller is mounted")


def counters() -> dict[str, int]:
    return {name: int(value) for name, value in map(str.split, Path("/proc/vmstat").read_text().splitlines())}


def test_the_load_makes_the_kernel_reclaim_cache_and_slab_within_its_limit(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = counters()
    with bounded_load(LoadPlan(3.0, Path())) as child:
        cgroup = next(path for path in cgroups() if str(child.pid) in (path / "cgroup.procs").read_text().split())
        child.wait(30)
        peak = next(
            (path for name in ("memory.max_usage_in_bytes", "memory.peak") if (path := cgroup / name).exists()), None
        )
        assert peak is None or 0 < int(peak.read_text()) <= LIMIT_BYTES
    grown = {name: value - before[name] for name, value in counters().items()}
    assert child.returncode == 0, "it came to its own end, unharmed"
    assert grown["pgsteal_file"] > 256
    assert grown["slabs_scanned"] > 0


def test_leaving_the_block_ends_the_load_and_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), bounded_load(LoadPlan(60.0, tmp_path)) as child:
        raise RuntimeError
    assert child.returncode is not None
    assert not Path(f"/proc/{child.pid}").exists()
    assert list(tmp_path.iterdir()) == []
    assert not [path for path in cgroups() if path.name == f"reclaim-tracer-{os.getpid()}"]


def cgroups() -> list[Path]:
    controller = find_memory_controller()
    assert controller is not None
    return [path for path in controller.mount.rglob("reclaim-tracer-*") if path.is_dir()]
