"""What keeps a guest's balloon from being seen, or from giving pages back: told by `check`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ..metadata import BalloonInfo
from .access import Requirement
from .paths import ROOT, under
from .remedies import as_root

_DEVICES: Final = "/sys/bus/virtio/devices"
_BALLOON_ID: Final = 5
"""VIRTIO_ID_BALLOON, include/uapi/linux/virtio_ids.h."""
_LET_IT_DEFLATE: Final = "on the host: -device virtio-balloon-pci,deflate-on-oom=on (libvirt: autodeflate='on')"


def balloon_requirement(info: BalloonInfo, root: Path = ROOT) -> Requirement | None:
    """The one thing to mend about this machine's balloon; None where there is nothing, or no balloon at all."""
    if info.driver is None:
        if not _has_idle_device(root):
            return None
        detail = "a virtio balloon device without its driver"
        return Requirement("balloon", False, detail, as_root("modprobe virtio_balloon"), needed=False)
    if info.driver == "virtio_balloon" and info.device and "deflate_on_oom" not in info.features:
        detail = "deflate_on_oom is not negotiated: only the host can deflate the balloon"
        return Requirement("balloon", False, detail, _LET_IT_DEFLATE, needed=False)
    return None


def _has_idle_device(root: Path) -> bool:
    return any(
        _number(device / "device") == _BALLOON_ID and not (device / "driver").exists()
        for device in under(root, _DEVICES).glob("virtio*")
    )


def _number(path: Path) -> int:
    try:
        return int(path.read_text(), 16)
    except (OSError, ValueError):
        return -1
