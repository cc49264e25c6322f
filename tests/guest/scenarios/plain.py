"""The host takes memory and gives it back; the guest has plenty: nothing to find."""

from __future__ import annotations

from ..lab import PAGES_PER_MIB, Found, Lab

TAKEN_MIB = 324


def drive(lab: Lab) -> None:
    """One swing."""
    lab.host_and_wait(lab.full_mib - TAKEN_MIB)
    lab.host_and_wait(lab.full_mib)


def judge(found: Found) -> None:
    """All of it and nothing else."""
    found.require_no_fight()
    assert found.balloon["inflated_pages"] == found.leaked["host"] == TAKEN_MIB * PAGES_PER_MIB
    assert found.summary["conflicts"] == []
    # A host that is busy, as one that emulates can be, takes seconds to answer the worker: it is told where it does.
    assert found.kinds <= {"worker_stuck"}
