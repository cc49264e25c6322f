"""Two memory cgroups at different limits under one load: each one's pages and waits are its own."""

from __future__ import annotations

from typing import Final

from ..lab import PAGES_PER_MIB, Found, Lab
from ..machine import Hardware

HARDWARE = Hardware(cpus=1)
"""A total of memory.pressure is the mean of the CPUs', weighted by how long each was busy (collect_percpu_times() in
kernel/sched/psi.c): where a task moves between CPUs it comes out too low."""

READ_MIB: Final = 160
LIMITS_MIB: Final = {"narrow": 24, "wide": 72}
_BATCHED_PAGES: Final = 64 * 4
"""memory.stat may be behind by a batch a CPU: MEMCG_CHARGE_BATCH in include/linux/memcontrol.h."""
_PRESSURE_SHARE: Final = 0.25
"""Pressure also counts what lies around reclaim, and whatever a guest's emulated CPU was kept from meanwhile."""


def drive(lab: Lab) -> None:
    """Each reads the same file, one after the other, and more than its limit lets it cache."""
    for name, limit_mib in LIMITS_MIB.items():
        lab.shell(f"rmdir /sys/fs/cgroup/{name} 2>/dev/null; mkdir /sys/fs/cgroup/{name}")
        lab.shell(f"echo {limit_mib}M >/sys/fs/cgroup/{name}/memory.max")
        lab.shell("echo 1 >/proc/sys/vm/drop_caches")
        lab.said(lab.load("stream", "/dev/vdc", READ_MIB, 1, cgroup=name), "read")
    for name in LIMITS_MIB:
        stat = lab.guest.counters(f"/sys/fs/cgroup/{name}/memory.stat")
        stolen = stat.get("pgsteal_direct", stat.get("pgsteal"))
        lab.truth.cgroups[name] = {} if stolen is None else {"pages": stolen}
        if pressure := lab.shell(f"cat /sys/fs/cgroup/{name}/memory.pressure 2>/dev/null || true"):
            total_us = int(pressure.split("total=")[1].split()[0])
            lab.truth.cgroups[name]["waited_us"] = total_us


def judge(found: Found) -> None:
    """As many pages as memory.stat says, and about as long as memory.pressure does."""
    rows = {row["path"]: row for row in found.summary["cgroups"]}
    for name, limit_mib in LIMITS_MIB.items():
        row, truth = rows[f"/{name}"], found.truth.cgroups[name]
        told = sum(row[pages] or 0 for pages in ("file_pages", "anon_pages", "lru_pages"))
        assert told > (READ_MIB - limit_mib) * PAGES_PER_MIB * 0.9
        if "pages" in truth:
            assert abs(told - truth["pages"]) <= _BATCHED_PAGES, (name, told, truth)
        assert {tier["scope"] for tier in row["tiers"] if tier["tier"] == "direct"} == {"memcg"}
        if waited_us := truth.get("waited_us"):
            assert abs(row["stall_s"] * 1e6 - waited_us) <= _PRESSURE_SHARE * waited_us, (name, row["stall_s"], truth)
    assert rows["/narrow"]["spans"] > rows["/wide"]["spans"]
