"""The host takes memory that is full of page cache, first while a task goes on reading, then with nobody else at work.

Which of reader and balloon wakes kswapd in the first half is chance; in the second it can be the balloon alone.
"""

from __future__ import annotations

from ..lab import Found, Lab

READ_MIB = 900


def drive(lab: Lab) -> None:
    """Fill the page cache, then inflate into it."""
    before = lab.vmstat("pgpgin")
    reader = lab.load("stream", "/dev/vdc", READ_MIB, 0)
    lab.until_vmstat("pgpgin", before + 700 * 1024)
    lab.host_and_wait(lab.full_mib - 250)
    lab.stop(reader)
    lab.host_and_wait(lab.full_mib - 500)
    lab.host_and_wait(lab.full_mib)


def judge(found: Found) -> None:
    """A conflict by the balloon's doing, but no page comes back under pressure."""
    found.require_no_fight()
    assert found.overlap_s("self") + found.overlap_s("induced") > 0
    reclaimed = sum(tier["sources"]["file"]["pages"] for tier in found.tiers.values())
    assert reclaimed > 10_000, f"{reclaimed} file pages reclaimed"
    assert "conflict" in found.kinds
