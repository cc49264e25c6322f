"""drop_caches in a loop and a cgroup that lives at its limit, while the host moves the balloon: by chance."""

from __future__ import annotations

from ..lab import Found, Lab


def drive(lab: Lab) -> None:
    """One swing of the host's beside others' reclaim."""
    lab.shell("mkdir -p /sys/fs/cgroup/tight && echo 24M >/sys/fs/cgroup/tight/memory.max")
    dropping = lab.load("drop", 2, 100)
    reading = lab.load("stream", "/dev/vdc", 200, 0, cgroup="tight")
    before = lab.vmstat("drop_slab")
    lab.until_vmstat("drop_slab", before + 2)
    lab.host_and_wait(lab.full_mib - 400)
    lab.until_vmstat("drop_slab", before + 4)
    lab.stop(reading)
    lab.stop(dropping)
    lab.host_and_wait(lab.full_mib)


def judge(found: Found) -> None:
    """Concurrent, but nobody caused anybody."""
    found.require_no_fight()
    assert found.tiers["proactive"]["spans"] > 0
    assert found.overlap_s("foreign") > 0
    assert (found.overlap_s("self"), found.overlap_s("induced")) == (0, 0)
