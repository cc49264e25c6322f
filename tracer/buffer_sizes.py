"""How large a recorder's buffers are where nobody says so: a share of the memory that is available, within bounds.

The lower bounds bridge the strongest storm recorded in a guest (Linux 6.1, a balloon that leaves it too little: 16,471
events in its densest 100 ms, 28,208 in 200 ms). `docs/recording.md` has the derivation and a table, and
`tests/unit/test_buffer_sizes.py` holds both against the layout of a record.
"""

from __future__ import annotations

from typing import Final

_MIB: Final = 1 << 20

MOST_BUFFER_BYTES: Final = 16 * _MIB
"""Kernel memory for records: some 95 ms of the fastest stream seen (2 million events/s, 88 bytes each)."""
LEAST_BUFFER_BYTES: Final = 2 * _MIB
"""One gap of the thread that reads them, 100 ms: its longest pause, 20 ms, then some 70 ms of waiting for a CPU, the
longest of 99 waits in 100 on a machine that has more to do than its CPUs can."""
_BUFFER_SHARE: Final = 32

MOST_QUEUE_BYTES: Final = 8 * _MIB
LEAST_QUEUE_BYTES: Final = 3 * _MIB
"""One pause of the thread that writes, 200 ms: the longest that the kernel has a writer of dirty pages sleep at once
(MAX_PAUSE, mm/page-writeback.c)."""
_QUEUE_SHARE: Final = 64

_BLOCK_EVENTS: Final = {MOST_QUEUE_BYTES: 16_384, LEAST_QUEUE_BYTES: 8192, 0: 4096}
"""A block costs as much CPU as 9,000 of its events, whatever is in it."""
_PACKING_EVENT_BYTES: Final = 120
_PACKING_BYTES: Final = _MIB // 2
"""What packing takes for each event of a block, and beside that: store/event_columns.py."""


def default_buffer_bytes(available_bytes: int | None, buffers: int = 1) -> int:
    """Kernel memory for records, in all of so many `buffers`, each of which has to bridge a gap by itself.

    Where nobody knows what is available, the most.
    """
    least = min(LEAST_BUFFER_BYTES * buffers, MOST_BUFFER_BYTES)
    wanted = _share(available_bytes, _BUFFER_SHARE, least, MOST_BUFFER_BYTES)
    # A ring's size is a power of two, rounded up where it is made.
    return 1 << wanted.bit_length() - 1


def default_queue_bytes(available_bytes: int | None) -> int:
    """Memory for events that are not written yet."""
    return _share(available_bytes, _QUEUE_SHARE, LEAST_QUEUE_BYTES, MOST_QUEUE_BYTES)


def block_events(queue_bytes: int) -> int:
    """Events of a block behind a queue of that size, which holds several: one fills while others are packed."""
    return next(events for least, events in _BLOCK_EVENTS.items() if queue_bytes >= least)


def packing_bytes(queue_bytes: int) -> int:
    """What packing such a block takes."""
    return block_events(queue_bytes) * _PACKING_EVENT_BYTES + _PACKING_BYTES


def _share(available_bytes: int | None, part: int, least: int, most: int) -> int:
    return most if available_bytes is None else min(max(available_bytes // part, least), most)
