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
    """The balloon did nothing, it is to blame all the same, and the numbers of that are the guest's own."""
    found.require_no_fight()
    assert found.balloon["inflated_pages"] == 0
    evicted = found.reclaimed["file"]
    assert found.summary["verdict"]["kind"] == "starved"
    numbers = [finding["numbers"] for finding in found.of_kind("starved")]
    assert {each["balloon_pages"] for each in numbers} == {HELD_MIB * PAGES_PER_MIB}
    _near(sum(each["evicted_pages"] for each in numbers), evicted.at_least, evicted.at_most)
    _near(sum(each["refault_pages"] for each in numbers), *found.refaults)


def _near(told: float, at_least: int, at_most: int) -> None:
    """Within 1 % of the guest's counter, and not because there was nothing."""
    assert at_least > READ_MIB * PAGES_PER_MIB / 2
    assert 0.99 * at_least <= told <= 1.01 * at_most, f"{told:,} pages, by /proc/vmstat {at_least:,} to {at_most:,}"
