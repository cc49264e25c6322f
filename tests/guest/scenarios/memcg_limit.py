"""A memory cgroup reads more than its limit lets it cache: direct reclaim inside it, and the machine is not short."""

from __future__ import annotations

from ..lab import Found, Lab

READ_MIB = 200
LIMIT_MIB = 32


def drive(lab: Lab) -> None:
    """A reader at its limit."""
    lab.shell(f"mkdir -p /sys/fs/cgroup/limited && echo {LIMIT_MIB}M >/sys/fs/cgroup/limited/memory.max")
    lab.said(lab.load("stream", "/dev/vdc", READ_MIB, 1, cgroup="limited"), "read")


def judge(found: Found) -> None:
    """All of it in that scope, as many pages as the counters have beyond the machine's own."""
    found.require_no_fight()
    assert set(found.tiers) == {"direct"}
    assert set(found.tiers["direct"]["scopes"]) == {"memcg"}
    told = found.tiers["direct"]["scopes"]["memcg"]["sources"]["file"]["pages"]
    assert told > (READ_MIB - LIMIT_MIB) * 256 * 0.9
    bounds = found.truth.reclaim.memcg_pages(found.start_ns)
    assert bounds is None or bounds[0] <= told <= bounds[1]
