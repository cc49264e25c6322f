"""A task grows into what the balloon holds: the host does nothing, then it gives in time."""

from __future__ import annotations

from ..found import Found
from ..host import driven_by
from ..host_loads import MORE_MIB, growing
from ..lab import Lab
from ..pair import Phase
from ..policies import RECORD

KINDS = ("late_tap",)
TAKEN_MIB = 400
PROBLEM = (
    f"A balloon of {TAKEN_MIB} MiB with DEFLATE_ON_OOM and a host that does nothing, while a task grows to {MORE_MIB} "
    "MiB more than is left"
)
FOLLOWED = "The host looks at the guest's available memory once a second and gives before that is gone"
CLAIMS = {"waited for memory": 0.1}


def before() -> Phase:
    """The host says nothing."""
    return Phase(driven_by("silent", growing), _prepare, record=RECORD)


def after(found: Found) -> Phase:
    """The host follows the balloon's statistics."""
    return Phase(driven_by("follows_available_memory", growing), _prepare, record=RECORD)


def judge(before: Found, after: Found) -> None:
    """The notifier paid the first time, and never the second."""
    assert before.leaked["oom_notifier"] > 0
    assert after.leaked["oom_notifier"] == 0


def _prepare(lab: Lab) -> None:
    lab.host_and_wait(lab.full_mib - TAKEN_MIB)
