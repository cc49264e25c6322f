"""Without DEFLATE_ON_OOM the OOM killer kills with a full balloon."""

from __future__ import annotations

from ..lab import PAGES_PER_MIB, Found, Lab
from ..machine import Hardware

HARDWARE = Hardware(balloon=())
TAKEN_MIB = 400


def drive(lab: Lab) -> None:
    """A hog larger than what is left."""
    lab.host_and_wait(lab.full_mib - TAKEN_MIB)
    assert lab.ended(lab.load("hog", lab.full_mib)) == -9


def judge(found: Found) -> None:
    """The verdict names the feature."""
    assert (found.kills, found.truth.vmstat["oom_kill"]) == (1, 1)
    assert (found.leaked["oom_notifier"], found.classes) == (0, set())
    assert found.balloon["net_pages"] == TAKEN_MIB * PAGES_PER_MIB
    assert "DEFLATE_ON_OOM" in found.texts("oom_kill").upper(), found.texts("oom_kill")
