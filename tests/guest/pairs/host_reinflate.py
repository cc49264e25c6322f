"""Jobs that want what the balloon holds: a host that asks for it again each second, then one that accepts."""

from __future__ import annotations

from ..found import Found
from ..host import driven_by
from ..host_loads import JOB_MORE_MIB, JOBS, jobs
from ..lab import Lab
from ..pair import Phase
from ..policies import RECORD

KINDS = ("storm", "cycle")
TAKEN_MIB = 400
PROBLEM = (
    f"`host-reinflate`: {JOBS} jobs in a row want {JOB_MORE_MIB} MiB more than a balloon of {TAKEN_MIB} MiB leaves; "
    "its host sets its target again every second"
)
FOLLOWED = "The host leaves the guest what it took out: once its size stands still for 3 s, that is the target"
CLAIMS = {"moved for nothing": 0.1, "waited for memory": 0.6}


def before() -> Phase:
    """The same target each second."""
    return Phase(driven_by("fixed", jobs), _prepare, record=RECORD)


def after(found: Found) -> Phase:
    """The target becomes what the guest has."""
    return Phase(driven_by("accepts", jobs), _prepare, record=RECORD)


def judge(before: Found, after: Found) -> None:
    """The host drove cycles, and drives none."""
    assert "host-reinflate" in before.classes
    assert "host-reinflate" not in after.classes, after.classes


def _prepare(lab: Lab) -> None:
    lab.host_and_wait(lab.full_mib - TAKEN_MIB)
