"""Sizes that follow the machine, and what their bounds are derived from."""

from __future__ import annotations

from pathlib import Path

import bridging
import pytest

from tracer.buffer_sizes import (
    LEAST_BUFFER_BYTES,
    LEAST_QUEUE_BYTES,
    MOST_BUFFER_BYTES,
    MOST_QUEUE_BYTES,
    block_events,
    default_buffer_bytes,
    default_queue_bytes,
    packing_bytes,
)
from tracer.collect.ring import SHORT_STRIDE
from tracer.short_records import SHORT_DTYPE
from tracer.store.event_columns import EventEncoder

MIB = 1 << 20
ROOT = Path(__file__).parents[2]
STORM_IN_100_MS = 16_471
STORM_IN_200_MS = 28_208
"""Events of the densest stretch of a guest's strongest storm: docs/recording.md."""


def test_the_least_ring_bridges_a_gap_in_a_storm_and_half_of_it_would_not() -> None:
    assert LEAST_BUFFER_BYTES // 2 < STORM_IN_100_MS * SHORT_STRIDE <= LEAST_BUFFER_BYTES


def test_the_least_queue_bridges_a_pause_of_the_writer_in_a_storm() -> None:
    assert LEAST_QUEUE_BYTES - MIB < STORM_IN_200_MS * SHORT_DTYPE.itemsize <= LEAST_QUEUE_BYTES


@pytest.mark.parametrize(
    ("available_mib", "buffer_mib", "queue_mib"),
    [
        (0, 2, 3),
        (47, 2, 3),
        (110, 2, 3),
        (150, 4, 3),
        (300, 8, 300 / 64),
        (511, 8, 511 / 64),
        (512, 16, 8),
        (1 << 20, 16, 8),
    ],
)
def test_buffers_are_a_share_of_what_is_available_within_bounds(available_mib, buffer_mib, queue_mib) -> None:
    assert default_buffer_bytes(available_mib * MIB) == buffer_mib * MIB
    assert default_queue_bytes(available_mib * MIB) == queue_mib * MIB


def test_what_is_unknown_is_no_reason_for_small_buffers() -> None:
    assert (default_buffer_bytes(None), default_queue_bytes(None)) == (MOST_BUFFER_BYTES, MOST_QUEUE_BYTES)


@pytest.mark.parametrize(("cpus", "in_all_mib"), [(1, 2), (2, 4), (3, 4), (4, 8), (64, 16)])
def test_each_of_several_buffers_bridges_the_gap_within_the_most_of_all(cpus, in_all_mib) -> None:
    assert default_buffer_bytes(47 * MIB, cpus) == in_all_mib * MIB


@pytest.mark.parametrize("queue_bytes", [MIB, LEAST_QUEUE_BYTES, 4 * MIB, 5 * MIB, MOST_QUEUE_BYTES, 1024 * MIB])
def test_a_queue_holds_several_blocks_and_packing_takes_what_is_said(queue_bytes: int) -> None:
    events = block_events(queue_bytes)
    assert queue_bytes // SHORT_DTYPE.itemsize >= 2 * events
    assert EventEncoder(events).buffer_bytes <= packing_bytes(queue_bytes) < 1.1 * EventEncoder(events).buffer_bytes


@pytest.mark.parametrize(("queue_mib", "events"), [(1, 4096), (3, 8192), (7, 8192), (8, 16_384), (1024, 16_384)])
def test_blocks_grow_with_the_queue(queue_mib: int, events: int) -> None:
    assert block_events(queue_mib * MIB) == events


def test_the_table_in_the_documentation_is_of_today_s_records() -> None:
    assert "\n".join(bridging.table()) in (ROOT / "docs/recording.md").read_text()
