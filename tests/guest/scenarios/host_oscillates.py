"""The host changes its mind again and again, the guest is at ease."""

from __future__ import annotations

from ..lab import PAGES_PER_MIB, Found, Lab

SWINGS = 4
SWING_MIB = 100


def drive(lab: Lab) -> None:
    """Up and back, some times."""
    for _ in range(SWINGS):
        lab.host_and_wait(lab.full_mib - SWING_MIB)
        lab.host_and_wait(lab.full_mib)


def judge(found: Found) -> None:
    """Its doing alone."""
    assert found.classes == {"host-oscillation"}
    assert "host_oscillation" in found.kinds
    assert not {"cycle", "storm"} & found.kinds
    assert (found.leaked["shrinker"], found.leaked["oom_notifier"], found.kills) == (0, 0, 0)
    assert found.balloon["inflated_pages"] == SWINGS * SWING_MIB * PAGES_PER_MIB
