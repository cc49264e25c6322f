"""A cgroup's page cache, reclaimed on request (memory.reclaim) and read again right away."""

from __future__ import annotations

from ..lab import PAGES_PER_MIB, Found, Lab

WITHOUT = {"5.10": "no memory.reclaim before 5.19"}
CACHED_MIB = 200
ASKED_MIB = 150


def drive(lab: Lab) -> None:
    """Read, asked for, read again."""
    lab.shell("mkdir -p /sys/fs/cgroup/asked")
    lab.said(lab.load("stream", "/dev/vdc", CACHED_MIB, 1, cgroup="asked"), "read")
    lab.sampled()
    lab.shell(f"echo {ASKED_MIB}M >/sys/fs/cgroup/asked/memory.reclaim || true")
    lab.sampled()
    lab.said(lab.load("stream", "/dev/vdc", CACHED_MIB, 1, cgroup="asked"), "read")


def judge(found: Found) -> None:
    """What went, and what came back, where the kernel lets memory.reclaim be told from a limit."""
    if "proactive_reclaim_begin" not in found.plan:
        return
    (drop,) = found.of_kind("dropped_cache")
    assert "were reclaimed on request (memory.reclaim)" in drop["text"]
    assert drop["numbers"]["dropped_pages"] >= ASKED_MIB * PAGES_PER_MIB * 0.8
    least, most = found.refaults
    assert drop["numbers"]["again_pages"] >= ASKED_MIB * PAGES_PER_MIB * 0.5
    assert drop["numbers"]["again_pages"] <= most
    assert least > 0
