"""A balloon that is an OOM notifier, as virtio's is since Linux 5.8, under the same load as the other policies."""

from __future__ import annotations

from ..lab import Found, Lab
from ..module_guest import ModuleGuest
from ..policies import SMALL, press

GUEST = ModuleGuest
HARDWARE = SMALL


def drive(lab: Lab) -> None:
    """The policies' common load."""
    press(lab, "oom_notifier")


def judge(found: Found) -> None:
    """Nobody is killed and the balloon pays last: after reclaim has gone down to priority 0."""
    assert found.kills == 0
    assert found.leaked["oom_notifier"] > 0
    assert found.leaked["shrinker"] == 0
    assert found.classes == set()
    assert found.balloon["reclaim_path"] == "oom_notifier"
    assert found.tiers["direct"]["min_priority"] == 0
    assert found.tiers["oom_notify"]["sources"]["balloon"]["pages"] == found.leaked["oom_notifier"]
    assert found.tiers["direct"]["sources"]["balloon"]["pages"] == 0
