"""The still balloon; then one that gave back what `starved` says is short."""

from __future__ import annotations

from ..found import Found
from ..lab import PAGES_PER_MIB, Lab
from ..pair import Phase
from ..scenarios import still_balloon as still

KINDS = ("starved",)
PROBLEM = (
    f"A balloon holds {still.HELD_MIB} of 1,024 MiB and stands still, "
    f"while a task reads {still.READ_MIB} MiB over and over"
)
FOLLOWED = "The host gave back the finding's `out_pages` and a tenth more before the load began"
CLAIMS = {"read again": 0.1}


def before() -> Phase:
    """The scenario of that name."""
    return Phase(still.drive, still.prepare, still.judge)


def after(found: Found) -> Phase:
    """As much more memory as the finding says, and a margin."""
    out_pages = max(finding["numbers"]["out_pages"] for finding in found.of_kind("starved"))
    back_mib = int(1.1 * out_pages) // PAGES_PER_MIB

    def prepare(lab: Lab) -> None:
        lab.host_and_wait(lab.full_mib - still.HELD_MIB + back_mib)

    return Phase(still.drive, prepare)
