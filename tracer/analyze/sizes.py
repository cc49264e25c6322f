"""Sizes of memory as people read them: findings, the verdict, tiles and tables all say them alike."""

from __future__ import annotations

from typing import Final

MIB: Final = 1 << 20


def mib(size_bytes: float) -> str:
    """Bytes in MiB, or in KiB below 0.1 MiB: `1.5 MiB`."""
    if not size_bytes:
        return "0 MiB"
    if abs(size_bytes) < MIB / 10:
        return f"{size_bytes / 1024:,.0f} KiB"
    return f"{size_bytes / MIB:,.1f} MiB" if abs(size_bytes) < 1000 * MIB else f"{size_bytes / MIB:,.0f} MiB"
