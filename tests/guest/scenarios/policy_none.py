"""A balloon that gives nothing back under pressure, while the guest wants more than the host left."""

from __future__ import annotations

from ..lab import Found, Lab
from ..module_guest import ModuleGuest
from ..policies import LAST_TRIES, RECORD, TAKEN_PAGES, press

__all__ = ["GUEST", "RECORD", "drive", "judge"]
GUEST = ModuleGuest


def drive(lab: Lab) -> None:
    """The policies' common load."""
    press(lab, "none")


def judge(found: Found) -> None:
    """The hog is killed with the balloon full, and not a page moved for nothing."""
    assert (found.kills, found.truth.vmstat["oom_kill"]) == (1, 1)
    assert (found.leaked["shrinker"], found.leaked["oom_notifier"]) == (0, 0)
    assert (found.balloon["net_pages"], found.balloon["wasted_pages"]) == (TAKEN_PAGES, 0)
    assert found.classes == set()
    assert found.tiers["direct"]["min_priority"] <= LAST_TRIES
    assert "premature_tap" not in found.kinds
