"""Memory that somebody asked for without pressure: drop_caches, and a cgroup's memory.reclaim."""

from __future__ import annotations

from ..lab import Found, Lab

WITHOUT = {"5.10": "no memory.reclaim before 5.19"}


def drive(lab: Lab) -> None:
    """Cache and slab objects, dropped; a cgroup's cache, asked for."""
    lab.shell("mkdir -p /sys/fs/cgroup/asked")
    lab.said(lab.load("stream", "/dev/vdc", 100, 1, cgroup="asked"), "read")
    lab.shell("echo 32M >/sys/fs/cgroup/asked/memory.reclaim || true")
    lab.said(lab.load("inodes", "/usr"), "seen")
    lab.shell("echo 3 >/proc/sys/vm/drop_caches")


def judge(found: Found) -> None:
    """Tier 0 and no other; where no function is traced the cgroup's reclaim looks as if it had none left."""
    found.require_no_fight()
    is_told_apart = "proactive_reclaim_begin" in found.plan
    asked = found.tiers["proactive" if is_told_apart else "direct"]
    assert found.tiers["proactive"]["sources"]["slab"]["objects"]
    assert asked["sources"]["file"]["pages"] >= 7000, "memory.reclaim's pages"
    assert set(found.tiers) == {"proactive", asked["tier"]}
    assert (len(found.summary["episodes"]), found.kinds) == (int(not is_told_apart), set())
