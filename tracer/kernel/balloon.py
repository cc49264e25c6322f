"""The guest's balloon: driver, device, negotiated features, and the way it should give pages back under pressure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from ..metadata import BalloonInfo
from .kallsyms import Symbol, find_symbols
from .paths import ROOT, read_text, under

WORK_FUNCTION: Final = "update_balloon_size_func"
"""The work that inflates and leaks the virtio balloon (drivers/virtio/virtio_balloon.c)."""
WORK_FUNCTIONS: Final = (WORK_FUNCTION, "vmballoon_work", "balloon_up", "balloon_process")
"""The same of the other drivers, none of which could be tried: drivers/misc/vmw_balloon.c, drivers/hv/hv_balloon.c,
drivers/xen/balloon.c (before it became a thread)."""

OOM_NOTIFIERS: Final = (
    "virtio_balloon_oom_notify",
    "virtballoon_oom_notify",
    "cmm_oom_notify",
    "i915_gem_shrinker_oom",
)
"""Callbacks that kernels register on the OOM notifier chain; the first two are virtio's, new name and old."""

SHRINKERS: Final = ("virtio_balloon_shrinker_scan", "vmballoon_shrinker_scan")
"""Shrinker callbacks of balloons."""

BALLOON_SYMBOLS: Final = (WORK_FUNCTION, *OOM_NOTIFIERS, *SHRINKERS)
"""What `read_balloon` looks for in the kernel's symbols."""

_FEATURES: Final = (
    "must_tell_host",
    "stats_vq",
    "deflate_on_oom",
    "free_page_hint",
    "page_poison",
    "reporting",
)
"""VIRTIO_BALLOON_F_* of include/uapi/linux/virtio_balloon.h, bit 0 first."""
_TRANSPORT_BITS_START: Final = 24
"""Feature bits from here on are the transport's (VIRTIO_TRANSPORT_F_START)."""

_VIRTIO: Final = "/sys/bus/virtio/drivers/virtio_balloon"
_OTHER_DEVICES: Final = (
    ("hv_balloon", "/sys/bus/vmbus/drivers/hv_balloon", "*-*-*-*-*"),
    ("xen_balloon", "/sys/devices/system/xen_memory", "xen_memory*"),
    ("cmm", "/sys/devices/system/cmm", "cmm*"),
)
_VMWARE_SHRINKER_SWITCH: Final = "/sys/module/vmw_balloon/parameters/vmwballoon_shrinker_enable"


def read_balloon(root: Path = ROOT, symbols: Mapping[str, tuple[Symbol, ...]] | None = None) -> BalloonInfo:
    """The balloon of the machine below `root`; `symbols` are the kernel's of BALLOON_SYMBOLS, where known already.

    `reclaim_path` is what symbols and features let expect: `shrinker`, `oom_notifier`, `none`, or `unknown` where
    they don't say. The shrinker's symbol exists also where an OOM notifier does the work: only a trace proves it.
    """
    if symbols is None:
        symbols = find_symbols(BALLOON_SYMBOLS, root)
    info = _virtio(root)
    if info is None or info.device is None:
        info = _other(root) or _by_work_function(symbols) or info
    if info is None:
        return BalloonInfo()
    path = expected_reclaim_path(info, symbols)
    if info.driver == "vmw_balloon" and read_text(root, _VMWARE_SHRINKER_SWITCH) == "N":
        path = "none"
    return BalloonInfo(info.driver, info.device, info.features, path)


def expected_reclaim_path(info: BalloonInfo, symbols: Collection[str]) -> str:
    """How this balloon should give pages back under pressure, given which symbols the kernel has."""
    if info.driver == "virtio_balloon":
        if "deflate_on_oom" not in info.features:
            return "none"
        if any(name in symbols for name in OOM_NOTIFIERS[:2]):
            return "oom_notifier"
        return "shrinker" if SHRINKERS[0] in symbols else "unknown"
    if info.device == WORK_FUNCTION:
        return "unknown"
    if info.driver == "vmw_balloon":
        return "shrinker" if SHRINKERS[1] in symbols else "none"
    return "oom_notifier" if info.driver == "cmm" else "none"


def explain_reclaim_path(info: BalloonInfo) -> str:
    """One sentence on why `info.reclaim_path` is what it is, and what would prove it."""
    if info.driver is None:
        return "no balloon driver is active"
    if info.device is None:
        return f"{info.driver} is loaded but has no device"
    if info.driver == "virtio_balloon" and "deflate_on_oom" not in info.features:
        return "the device does not offer deflate_on_oom: the guest gives ballooned memory back only when the host asks"
    if info.device == WORK_FUNCTION:
        return f"{info.driver} is known only by its {WORK_FUNCTION}: a recording shows how its pages come back"
    return {
        "oom_notifier": "expected from symbols and features: deflates last, when the OOM notifier chain runs",
        "shrinker": "expected from symbols and features: deflates like slab cache, at any pressure",
        "unknown": "deflate_on_oom is negotiated, but kernel symbols do not show how the driver does it",
    }.get(info.reclaim_path, f"{info.driver} gives nothing back under pressure")


def feature_names(bits: str) -> tuple[str, ...]:
    """Names of the set bits of a virtio `features` file (bit 0 first), without the transport's own."""
    device_bits = bits.strip()[:_TRANSPORT_BITS_START]
    return tuple(
        _FEATURES[bit] if bit < len(_FEATURES) else f"feature_{bit}"
        for bit, state in enumerate(device_bits)
        if state == "1"
    )


def _virtio(root: Path) -> BalloonInfo | None:
    driver = under(root, _VIRTIO)
    if not driver.is_dir():
        return None
    devices = sorted(path.name for path in driver.glob("virtio*"))
    bits = [read_text(root, f"{_VIRTIO}/{device}/features") or "" for device in devices]
    features = dict.fromkeys(name for text in bits for name in feature_names(text))
    return BalloonInfo("virtio_balloon", ",".join(devices) or None, tuple(features))


def _by_work_function(symbols: Mapping[str, tuple[Symbol, ...]]) -> BalloonInfo | None:
    """A module that sizes a balloon as virtio's driver does, whatever its device: an out-of-tree or a test driver."""
    modules = [symbol.module for symbol in symbols.get(WORK_FUNCTION, ())]
    others = [module for module in modules if module not in (None, "virtio_balloon")]
    return BalloonInfo(others[0], WORK_FUNCTION) if others else None


def _other(root: Path) -> BalloonInfo | None:
    for driver, directory, pattern in _OTHER_DEVICES:
        devices = sorted(path.name for path in under(root, directory).glob(pattern))
        if devices:
            return BalloonInfo(driver, devices[0])
    if under(root, "/proc/sys/vm/cmm_pages").exists():
        return BalloonInfo("cmm", "cmm_pages")
    # A module loads only where VMware's backdoor answers; a built-in driver has no `initstate`.
    if under(root, "/sys/module/vmw_balloon/initstate").exists():
        return BalloonInfo("vmw_balloon", "backdoor")
    return None
