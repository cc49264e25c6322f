"""The target can't be reached, by the lab's own balloon as an OOM notifier: pages by cause are its own count."""

from __future__ import annotations

from ..lab import Lab
from ..module_guest import ModuleGuest
from . import out_of_reach
from .out_of_reach import judge

__all__ = ["GUEST", "drive", "judge"]
GUEST = ModuleGuest


def drive(lab: Lab) -> None:
    """As virtio's."""
    lab.guest.put("reclaim_path", "oom_notifier")
    out_of_reach.drive(lab)
