"""The table of what each size of a buffer bridges, from the layout of a record: `python -m tests.bridging`."""

from __future__ import annotations

from collections.abc import Iterator

from tracer.collect.ring import SHORT_STRIDE
from tracer.short_records import SHORT_DTYPE

RATES = (165_000, 430_000, 3_100_000)
"""Events a second: a guest's strongest storm, the densest 20 ms of reclaim seen, the fastest stream of system calls."""
SIZES_MIB = (1, 2, 3, 4, 8, 16, 64)


def table() -> Iterator[str]:
    """Its lines, in Markdown."""
    rates = " | ".join(f"{rate:,}/s" for rate in RATES)
    yield f"| | ring: events | {rates} | queue: events | {rates} |"
    yield "|---|" + "---:|" * 8
    for size in SIZES_MIB:
        yield f"| {size} MiB | {_bridged(size, SHORT_STRIDE)} | {_bridged(size, SHORT_DTYPE.itemsize)} |"


def _bridged(size_mib: int, event_bytes: int) -> str:
    events = (size_mib << 20) // event_bytes
    return " | ".join([f"{events:,}", *(f"{1000 * events / rate:,.0f} ms" for rate in RATES)])


if __name__ == "__main__":
    print("\n".join(table()))
