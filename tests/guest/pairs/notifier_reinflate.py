"""A target out of reach beside a growing task; then one that the guest can reach, by the numbers of what was found."""

from __future__ import annotations

from ..found import Found
from ..lab import WAIT_S, Lab
from ..pair import Phase
from ..policies import RECORD

KINDS = ("storm", "cycle")
LEFT_MIB = 8
"""MemAvailable of a guest that has no more to give."""
GROWS_MIB = 60
SPARE_MIB = 64
PROBLEM = (
    "`notifier-reinflate`: a target of a quarter of the guest's memory, which a task holds already; another one grows "
    f"to {GROWS_MIB} MiB"
)
FOLLOWED = f"A target that the guest can reach: what is in use, what the tasks want, and {SPARE_MIB} MiB"
CLAIMS = {"moved for nothing": 0.1, "waited for memory": 0.1}


def before() -> Phase:
    """A quarter for the guest."""
    return Phase(lambda lab: _drive(lab, lab.full_mib // 4), record=RECORD)


def after(found: Found) -> Phase:
    """What is needed."""
    return Phase(lambda lab: _drive(lab, _needed_mib(lab)), record=RECORD)


def _needed_mib(lab: Lab) -> int:
    return lab.full_mib - lab.available_mib() + lab.full_mib // 4 + GROWS_MIB + SPARE_MIB


def _drive(lab: Lab, target_mib: int) -> None:
    resident = lab.load("hog", lab.full_mib // 4)
    lab.said(resident, "touched")
    lab.host(target_mib)
    lab.guest.until(lambda: lab.actual_mib() == target_mib or _is_full(lab), WAIT_S, "the balloon to take what it can")
    growing = lab.load("hog", GROWS_MIB, 100)
    lab.said(growing, "touched")
    lab.stop(growing)
    lab.stop(resident)


def _is_full(lab: Lab) -> bool:
    return lab.available_mib() <= LEFT_MIB
