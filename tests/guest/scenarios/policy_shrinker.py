"""A balloon that is a shrinker, as virtio's was in Linux 4.19 to 5.7, under the same load as the other policies."""

from __future__ import annotations

from ..lab import Found, Lab
from ..module_guest import ModuleGuest
from ..policies import RECORD, TAKEN_MIB, press

__all__ = ["GUEST", "RECORD", "drive", "judge"]
GUEST = ModuleGuest


def drive(lab: Lab) -> None:
    """The policies' common load; then the host says its target again, for what went out once the worker had ended."""
    press(lab, "shrinker")
    lab.host_and_wait(lab.full_mib - TAKEN_MIB)


def judge(found: Found) -> None:
    """Nobody is killed, but the balloon pays from the first, while there is page cache, and goes round in circles."""
    assert found.kills == 0
    assert found.leaked["shrinker"] > 0
    assert found.leaked["oom_notifier"] == 0
    assert "shrinker-reinflate" in found.classes
    assert found.classes <= {"shrinker-reinflate"}
    assert found.balloon["reclaim_path"] == "shrinker"
    paying = {name for name, tier in found.tiers.items() if tier["sources"]["balloon"]["pages"]}
    assert paying
    assert paying <= {"background", "direct"}
    assert "premature_tap" in found.kinds
