"""One load for each way a balloon can give pages back: what docs/lab.md compares."""

from __future__ import annotations

from typing import Final

from .lab import PAGES_PER_MIB, Lab
from .module_guest import ModuleGuest

RECORD: Final = ("--buffer-size", "64")
"""An OOM that the balloon resolves a MiB at a time goes through the whole ladder for each."""
TAKEN_MIB: Final = 400
TAKEN_PAGES: Final = TAKEN_MIB * PAGES_PER_MIB
READ_MIB: Final = 900
"""Of the reader: more than the guest can cache with the balloon full."""
MORE_MIB: Final = 200
"""What the hog wants beyond what a full balloon leaves: half of that, and far more than MemAvailable holds back."""
HOG_STEP_MS: Final = 10
LAST_TRIES: Final = 1
"""The priority that reclaim comes to, or a lower one: the kernel gives up once all that is left to reclaim would not do
(should_reclaim_retry() in mm/page_alloc.c), which need not wait for priority 0."""


def press(lab: Lab, path: str) -> None:
    """A reader, into whose cache the host takes memory; when it is gone, a hog that wants more than is left.

    Whatever the path, it ends: the hog has all it wants, or is dead. As in virtio_balloon, what a shrinker took comes
    back with the host's next word only, unless the worker is still under way.
    """
    guest = lab.guest
    assert isinstance(guest, ModuleGuest)
    guest.put("reclaim_path", path)
    hog_mib = lab.available_mib() - TAKEN_MIB + MORE_MIB
    reader = lab.load("stream", "/dev/vdc", READ_MIB, 0)
    _read(lab)
    lab.host(lab.full_mib - TAKEN_MIB)
    _read(lab)
    lab.stop(reader)
    lab.settle()
    hog = lab.load("hog", hog_mib, HOG_STEP_MS)
    lab.said_or_over(hog, "touched")
    lab.stop(hog)
    guest.put("reclaim_path", "none")


def _read(lab: Lab) -> None:
    lab.until_vmstat("pgpgin", lab.vmstat("pgpgin") + READ_MIB * 1024)
