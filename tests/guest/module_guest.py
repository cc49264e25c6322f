"""A guest with `module/lab_balloon.c` instead of virtio's balloon: the host's word is a file, all else is the same."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from .build import build_module
from .guest import MIB, Guest
from .machine import Hardware

SOURCES: Final = Path(__file__).parent / "module"
FILES: Final = "/sys/kernel/lab_balloon"
_CAUSES: Final = ("host", "shrinker", "oom_notifier")
_COUNTED: Final = (
    "inflated_pages",
    *(f"leaked_{cause}_pages" for cause in _CAUSES),
    *("migrated_pages", "config_changes", "work_runs", "puffs", "shrinker_scans", "oom_notifications"),
)


class ModuleGuest(Guest):
    """The machine's own virtio balloon lies idle, its driver is not loaded."""

    def __init__(self, kernel: str, hardware: Hardware | None = None) -> None:
        with tempfile.TemporaryDirectory(prefix="guest-module-") as folder:
            (module,) = build_module(kernel, SOURCES, Path(folder))
            super().__init__(kernel, hardware, {module.name: module}, balloon_module=False)
        self.ask("load_module", path=f"/payload/files/{module.name}")

    def balloon_bytes(self) -> int:
        """What the guest has but for the balloon."""
        return self.hardware.memory_mib * MIB - self.number("actual_pages") * 4096

    def set_target(self, mib: int) -> None:
        """For the guest's memory, as a host says it."""
        self.put("target_pages", (self.hardware.memory_mib - mib) * (MIB // 4096))

    def driver_counters(self) -> dict[str, int]:
        """Pages in guest pages, those leaked by cause."""
        return {name: self.number(name) for name in _COUNTED}

    def number(self, name: str) -> int:
        """One of the driver's files."""
        return int(self.read(f"{FILES}/{name}"))

    def put(self, name: str, value: object) -> None:
        """Write one: `target_pages` in balloon pages, `reclaim_path`, `balloon_pages_per_page`."""
        self.write(f"{FILES}/{name}", str(value).encode())
