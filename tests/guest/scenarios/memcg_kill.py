"""A memory cgroup's limit kills a task while hundreds of MiB lie in the balloon, which a memcg's OOM never asks."""

from __future__ import annotations

from ..lab import PAGES_PER_MIB, Found, Lab

TAKEN_MIB = 300


def drive(lab: Lab) -> None:
    """A full balloon, and a hog too large for its cgroup."""
    lab.host_and_wait(lab.full_mib - TAKEN_MIB)
    lab.shell("mkdir -p /sys/fs/cgroup/small && echo 48M >/sys/fs/cgroup/small/memory.max")
    assert lab.ended(lab.load("hog", 128, cgroup="small")) == -9


def judge(found: Found) -> None:
    """One kill, and why the balloon did not help."""
    assert (found.kills, found.truth.vmstat["oom_kill"]) == (1, 1)
    assert "oom_notify" not in found.tiers
    assert "the kernel does not call OOM notifiers" in found.texts("oom_kill")
    (kill,) = (finding for finding in found.summary["findings"] if finding["kind"] == "oom_kill")
    assert kill["numbers"]["balloon_pages"] == TAKEN_MIB * PAGES_PER_MIB
    assert found.classes == set()
