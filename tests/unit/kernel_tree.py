"""A machine made of files: what the kernel room reads, below a temporary root."""

from __future__ import annotations

from pathlib import Path

FORMATS = Path(__file__).parent / "data" / "formats"

TRACEFS_MOUNT = "40 31 0:12 / /sys/kernel/tracing rw,relatime - tracefs tracefs rw\n"


def put(root: Path, path: str, text: str = "") -> Path:
    """A file below the root, with the folders it needs."""
    file = root / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def kernel_formats(kernel: str) -> dict[str, str]:
    """Tracepoint formats as that kernel's tracefs prints them, by `category:name`."""
    parts = f"\n{(FORMATS / f'{kernel}.txt').read_text()}".split("\n## ")[1:]
    return {name: text for name, _, text in (part.partition("\n") for part in parts)}


def put_tracefs(root: Path, kernel: str, point: str = "/sys/kernel/tracing") -> None:
    """A tracefs of that kernel, mounted."""
    put(root, "/proc/self/mountinfo", TRACEFS_MOUNT.replace("/sys/kernel/tracing", point))
    for name, text in kernel_formats(kernel).items():
        put(root, f"{point}/events/{name.replace(':', '/')}/format", text)
