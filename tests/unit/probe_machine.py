"""Every tracepoint the schema knows, as real kernels' tracefs prints it."""

from __future__ import annotations

from pathlib import Path

from kernel_tree import TRACEFS_MOUNT, put

FORMATS = Path(__file__).parent / "data" / "probe_formats"
KERNELS = ("5.10", "6.1", "6.12", "6.18", "7.3")


def probe_formats(kernel: str) -> dict[str, str]:
    """Format files of that kernel by `category:name`."""
    parts = f"\n{(FORMATS / f'{kernel}.txt').read_text()}".split("\n## ")[1:]
    return {name: text for name, _, text in (part.partition("\n") for part in parts)}


def put_probe_formats(root: Path, kernel: str) -> None:
    """A mounted tracefs with that kernel's tracepoints."""
    put(root, "/proc/self/mountinfo", TRACEFS_MOUNT)
    for name, text in probe_formats(kernel).items():
        put(root, f"/sys/kernel/tracing/events/{name.replace(':', '/')}/format", text)
