"""A balloon raised by what `headroom` estimates; before that, one raised by a quarter more than that."""

from __future__ import annotations

from collections.abc import Callable

from ..found import Found
from ..guest import MIB
from ..lab import Lab
from ..pair import Phase

KINDS = ("headroom",)
READ_MIB = 350
PASSES = 4
PAUSE_MS = 20
BEYOND = 1.25
PROBLEM = (
    f"A task reads {READ_MIB} MiB over and over beside a balloon that is larger by a quarter than the finding's "
    "`free_bytes` under the same load"
)
FOLLOWED = "A balloon of `free_bytes`"
CLAIMS = {"read again": 0.05}


def first() -> Phase:
    """What is estimated with nothing in the balloon."""
    return Phase(_drive)


def before(found: Found) -> Phase:
    """More than that."""
    return Phase(_drive, _inflated(int(BEYOND * _free_mib(found))))


def after(found: Found) -> Phase:
    """That."""
    return Phase(_drive, _inflated(_free_mib(found)))


def _free_mib(found: Found) -> int:
    (finding,) = found.of_kind("headroom")
    return int(finding["numbers"]["free_bytes"]) // MIB


def _inflated(mib: int) -> Callable[[Lab], None]:
    return lambda lab: lab.host_and_wait(lab.full_mib - mib)


def _drive(lab: Lab) -> None:
    """With no page cache but what the load needs, so that all of it counts."""
    lab.shell("echo 1 >/proc/sys/vm/drop_caches")
    lab.said(lab.load("stream", "/dev/vdc", READ_MIB, PASSES, PAUSE_MS), "read")
