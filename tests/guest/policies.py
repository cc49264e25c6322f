"""The load that the lab's own balloon is put under, whatever its reclaim path."""

from __future__ import annotations

from typing import Final

from .lab import WAIT_S, Lab
from .machine import Hardware
from .module_guest import ModuleGuest

SMALL: Final = Hardware(memory_mib=512)
TAKEN_MIB: Final = 200
READ_MIB: Final = 450
"""What the reader goes through again and again: somewhat more than the guest can cache, with nothing in the balloon."""
SETTLING_MIB: Final = 900
"""What it has read when the host speaks, and once more before the hog comes."""
HOG_MIB: Final = 180
"""Some 20 MiB more than kernel, tracer and a full balloon leave of the guest."""
HOG_STEP_MS: Final = 10


def press(lab: Lab, path: str) -> None:
    """A reader fills the page cache, the host takes memory, then a hog wants more than is left; the reader goes on."""
    guest = lab.guest
    assert isinstance(guest, ModuleGuest)
    guest.put("reclaim_path", path)
    # A disk's cached pages go when nobody has it open any more.
    holder = guest.start("sh", "-c", "exec sleep 600 </dev/vdc")
    reader = lab.load("stream", "/dev/vdc", READ_MIB, 0)
    _read(lab)
    lab.host(lab.full_mib - TAKEN_MIB)
    _read(lab)
    hog = lab.load("hog", HOG_MIB, HOG_STEP_MS)
    guest.until(lambda: "touched" in guest.output(hog) or guest.ask("status", pid=hog) is not None, WAIT_S, "the hog")
    for pid in (hog, reader, holder):
        lab.stop(pid)
    guest.put("reclaim_path", "none")


def _read(lab: Lab) -> None:
    lab.until_vmstat("pgpgin", lab.vmstat("pgpgin") + SETTLING_MIB * 1024)
