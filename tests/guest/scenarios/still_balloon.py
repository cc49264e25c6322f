"""A balloon that took most of the guest before anybody watched and never moves, beside a reader that needs it.

What the reader goes through is more than the balloon has left, and less than guest and balloon have together.
"""

from __future__ import annotations

from ..lab import PAGES_PER_MIB, Found, Lab

HELD_MIB = 640
READ_MIB = 500
PASSES = 3
PAUSE_MS = 20
"""After each MiB: half a minute together, however fast the machine."""


def prepare(lab: Lab) -> None:
    """The balloon, full and still."""
    lab.host_and_wait(lab.full_mib - HELD_MIB)


def drive(lab: Lab) -> None:
    """The reader, some times through."""
    lab.said(lab.load("stream", "/dev/vdc", READ_MIB, PASSES, PAUSE_MS), "read")


def judge(found: Found) -> None:
    """The balloon did nothing, and page cache was evicted and read again meanwhile."""
    found.require_no_fight()
    assert found.balloon["inflated_pages"] == 0
    assert found.reclaimed["file"].at_least > HELD_MIB * PAGES_PER_MIB
    assert found.refaults[0] > READ_MIB * PAGES_PER_MIB / 2
