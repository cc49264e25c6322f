"""An OOM leak, and the host's word after it, by the lab's own balloon."""

from __future__ import annotations

from ..lab import Lab
from ..module_guest import ModuleGuest
from . import host_reasserts
from .host_reasserts import HORIZON_S, judge

__all__ = ["GUEST", "HORIZON_S", "drive", "judge"]
GUEST = ModuleGuest


def drive(lab: Lab) -> None:
    """As virtio's."""
    lab.guest.put("reclaim_path", "oom_notifier")
    host_reasserts.drive(lab)
