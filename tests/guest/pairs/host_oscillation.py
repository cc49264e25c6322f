"""A reader beside a host with one threshold for taking and giving; then beside one with a dead band and patience."""

from __future__ import annotations

from ..found import Found
from ..host import driven_by
from ..host_loads import READ_MIB, reader
from ..lab import Lab
from ..pair import Phase

KINDS = ("host_oscillation",)
TAKEN_MIB = 300
PROBLEM = (
    "A host takes 300 MiB whenever more than 100 MiB are free and gives them back whenever less are, while a task "
    f"reads {READ_MIB} MiB over and over"
)
FOLLOWED = "A dead band: the host takes only what leaves 200 MiB free, and only after a quiet half minute"
CLAIMS = {"read again": 0.25}


def before() -> Phase:
    """One threshold."""
    return Phase(driven_by("by_free_memory", reader), _prepare)


def after(found: Found) -> Phase:
    """Two of them, and a pause."""
    return Phase(driven_by("with_dead_band", reader), _prepare)


def judge(before: Found, after: Found) -> None:
    """The host turned round again and again, then no more."""
    assert "host-oscillation" in before.classes
    assert "host-oscillation" not in after.classes


def _prepare(lab: Lab) -> None:
    """As the host left it when the guest had nothing to do."""
    lab.host_and_wait(lab.full_mib - TAKEN_MIB)
