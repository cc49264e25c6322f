"""Two cgroups at different limits under one load: waits and pages of each are its own, to the page."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tracer.kernel.cgroup import find_memory_controller

ROOT = Path(__file__).parents[2]
FILE_MIB, PASSES = 48, 2
LIMITS_MIB = {"small": 12, "large": 28}
PAGE_BYTES = 4096

DRIVER = """
import json, os, subprocess, sys
from contextlib import ExitStack
from pathlib import Path
from tracer.kernel.cgroup import MemoryCgroup

folder, size_mib, passes, limits = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4])
READER = '''
import os, sys
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    file = os.open(sys.argv[1], os.O_RDONLY)
    while os.read(file, 1 << 20):
        pass
    os.close(file)
print(open("/proc/self/io").read().split("read_bytes: ")[1].split()[0], flush=True)
sys.stdin.readline()
'''
with ExitStack() as stack:
    readers = {}
    for name, limit_mib in limits.items():
        with (folder / name).open("wb") as file:
            for _ in range(size_mib):
                file.write(os.urandom(1 << 20))
            file.flush()
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        group = stack.enter_context(MemoryCgroup(limit_mib << 20, f"reclaim-tracer-test-{name}-{os.getpid()}"))
        command = [sys.executable, "-c", READER, str(folder / name), passes]
        reader = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        stack.callback(reader.wait)
        stack.callback(reader.kill)
        group.add(reader.pid)
        readers[name] = group, reader
    for _, reader in readers.values():
        reader.stdin.write("go\\n")
        reader.stdin.flush()
    told = {}
    for name, (group, reader) in readers.items():
        read = int(reader.stdout.readline())
        stat = dict(line.split() for line in (group.path / "memory.stat").read_text().splitlines())
        cached = int(stat["cache" if "cache" in stat else "file"])
        told[name] = {"cgroup": group.path.name, "pid": reader.pid, "evicted_bytes": read - cached}
    (folder / "told.json").write_text(json.dumps(told))
"""


@pytest.fixture(autouse=True)
def controller(need, bcc):
    need("live", find_memory_controller() is not None, "no cgroup memory controller is mounted")


def recorded(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the load says of itself, and the summary of its recording."""
    path, limits = folder / "x.rtrace", json.dumps(LIMITS_MIB)
    load = [sys.executable, "-c", DRIVER, folder, FILE_MIB, PASSES, limits]
    record = [sys.executable, "-m", "tracer", "record", "--quiet", "-o", path, "--", *load]
    subprocess.run(list(map(str, record)), cwd=ROOT, check=True, timeout=300)
    summary = [sys.executable, "-m", "tracer", "summary", "--json", str(path)]
    text = subprocess.run(summary, cwd=ROOT, check=True, capture_output=True, timeout=300).stdout
    return json.loads((folder / "told.json").read_text()), json.loads(text)


def test_each_cgroup_pays_for_what_its_own_limit_evicted(disk_path):
    load, summary = recorded(disk_path)
    assert summary["recording"]["lost"] == 0
    rows = {row["path"].rpartition("/")[2]: row for row in summary["cgroups"] if row["path"]}
    for name, told in load.items():
        row, evicted = rows[told["cgroup"]], told["evicted_bytes"] // PAGE_BYTES
        assert evicted > (PASSES * FILE_MIB - LIMITS_MIB[name]) * 256 * 0.9
        # kswapd and DAMON, if they come by, take the rest.
        assert 0.97 * evicted <= row["file_pages"] <= evicted, name
        assert {tier["scope"] for tier in row["tiers"] if tier["tier"] == "direct"} == {"memcg"}
        own = [stall for stall in summary["stalls"] if stall["pid"] == told["pid"] and stall["tier"] == "direct"]
        assert {stall["cgroup"] for stall in own} == {row["path"]}
        assert 0 < sum(stall["stall_s"] for stall in own) <= row["stall_s"] * 1.001
