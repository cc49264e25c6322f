"""A target between two multiples of a 64 KiB guest page: the driver overshoots, leaks and overshoots for ever.

No x86 guest has such pages. The lab's own balloon counts each of its pages as 16 of the host's, with the arithmetic
that virtio_balloon had before Linux kernel commit 74dec61fdc30 rounded the target up.
"""

from __future__ import annotations

from ..lab import Found, Lab
from ..machine import Hardware
from ..module_guest import ModuleGuest

__all__ = ["GUEST", "drive", "judge"]
GUEST = ModuleGuest
HARDWARE = Hardware(memory_mib=512)
BALLOON_PAGES_PER_PAGE = 16
WHOLE_PAGES = 100
SWINGS = 200


def drive(lab: Lab) -> None:
    """Half a page too much, one word of the host's, then as many turns as anybody wants."""
    guest = lab.guest
    guest.put("balloon_pages_per_page", BALLOON_PAGES_PER_PAGE)
    guest.put("target_pages", WHOLE_PAGES * BALLOON_PAGES_PER_PAGE + BALLOON_PAGES_PER_PAGE // 2)
    began = guest.number("work_runs")
    guest.until(lambda: guest.number("work_runs") > began + 2 * SWINGS, 60, "the swings")
    guest.put("target_pages", 0)
    guest.until(lambda: guest.number("actual_pages") == 0, 60, "the balloon to be empty")
    guest.put("balloon_pages_per_page", 1)


def judge(found: Found) -> None:
    """Its own arithmetic drives it, no host and no pressure."""
    assert found.classes == {"rounding"}
    assert len(found.summary["cycles"]) >= SWINGS
    assert (found.leaked["shrinker"], found.leaked["oom_notifier"]) == (0, 0)
    assert found.truth.driver["config_changes"] == 2
