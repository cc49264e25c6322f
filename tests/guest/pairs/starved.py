"""The still balloon; then one that gave back what `starved` says is short."""

from __future__ import annotations

from ..found import Found
from ..lab import Lab
from ..pair import Phase
from ..scenarios import still_balloon as still

KINDS = ("starved",)
PROBLEM = (
    f"A balloon holds {still.HELD_MIB} of 1,024 MiB and stands still, "
    f"while a task reads {still.READ_MIB} MiB over and over"
)
FOLLOWED = "The host's target gave back the finding's `short` MiB before the load began"
CLAIMS = {"read again": 0.1}


def before() -> Phase:
    """The scenario of that name."""
    return Phase(still.drive, still.prepare)


def after(found: Found) -> Phase:
    """As much more memory as the finding says."""
    (finding,) = found.of_kind("starved")
    short_mib = finding["numbers"]["short_pages"] // 256 + 1

    def prepare(lab: Lab) -> None:
        lab.host_and_wait(lab.full_mib - still.HELD_MIB + short_mib)

    return Phase(still.drive, prepare)
