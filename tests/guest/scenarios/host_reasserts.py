"""The target is reached, an OOM takes pages out of the balloon, the host says the same target again and gets them."""

from __future__ import annotations

from ..lab import PAGES_PER_MIB, WAIT_S, Found, Lab

TAKEN_MIB = 400
OUT_MIB = 20
HORIZON_S = WAIT_S
"""Each page that left is claimed to come back, however long a busy machine takes over the leak."""


def drive(lab: Lab) -> None:
    """The hog wants more than there is; it is gone before the host speaks again."""
    lab.host_and_wait(lab.full_mib - TAKEN_MIB)
    before = lab.vmstat("balloon_deflate")
    hog = lab.load("hog", lab.available_mib() + TAKEN_MIB, 10)
    lab.until_vmstat("balloon_deflate", before + OUT_MIB * PAGES_PER_MIB)
    lab.stop(hog)
    lab.host_and_wait(lab.full_mib - TAKEN_MIB)


def judge(found: Found) -> None:
    """The host drives it, and its log says so."""
    assert found.kills == 0
    assert found.leaked["oom_notifier"] >= OUT_MIB * PAGES_PER_MIB
    assert found.classes == {"host-reinflate"}
    for cycle in found.summary["cycles"]:
        assert found.host_acted_in(cycle)
        assert cycle["wasted_pages"] > 0
    assert found.balloon["wasted_pages"] == 2 * found.leaked["oom_notifier"]
