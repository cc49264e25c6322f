"""A balloon that is an OOM notifier, as virtio's has been since Linux 5.8, under the other policies' load."""

from __future__ import annotations

from ..lab import Found, Lab
from ..module_guest import ModuleGuest
from ..policies import LAST_TRIES, RECORD, press

__all__ = ["GUEST", "RECORD", "drive", "judge"]
GUEST = ModuleGuest


def drive(lab: Lab) -> None:
    """The policies' common load."""
    press(lab, "oom_notifier")


def judge(found: Found) -> None:
    """Nobody is killed, and the balloon pays last: in tier 4, after reclaim has come to its last tries."""
    assert found.kills == 0
    assert found.leaked["oom_notifier"] > 0
    assert found.leaked["shrinker"] == 0
    assert found.classes == set()
    assert found.balloon["reclaim_path"] == "oom_notifier"
    assert found.tiers["direct"]["min_priority"] <= LAST_TRIES
    assert found.tiers["oom_notify"]["sources"]["balloon"]["pages"] == found.leaked["oom_notifier"]
    assert all(found.tiers[tier]["sources"]["balloon"]["pages"] == 0 for tier in ("background", "direct"))
    assert "premature_tap" not in found.kinds
