"""Rows of whole numbers in little memory: all of them as they were, whatever they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer.analyze.totals.packed_rows import BLOCK_ROWS, PackedRows, RowLog, packed, packed_blocks
from tracer.schema import SAMPLE_NULL

ROWS = st.integers(1, 40)
STEPS = st.sampled_from([0, 1, 200, 1 << 20, 1 << 40, 1 << 62])


def walked(seed: int, rows: int, steps: list[int]) -> np.ndarray:
    """Columns that move by up to these steps a row; now and then nothing was read."""
    source = np.random.default_rng(seed)
    moved = np.stack([source.integers(-step, step + 1, rows) for step in steps], axis=1)
    values = moved.cumsum(axis=0) + source.integers(-(1 << 50), 1 << 50, len(steps))
    values[source.random(values.shape) < 0.1] = SAMPLE_NULL
    return values


def bytes_of(rows: PackedRows) -> int:
    return rows.first.nbytes + sum(one.columns.nbytes + one.more.nbytes for one in rows.moving)


@settings(max_examples=100)
@given(seed=st.integers(0, 10_000), rows=ROWS, steps=st.lists(STEPS, min_size=1, max_size=12))
def test_rows_come_back_as_they_were(seed: int, rows: int, steps: list[int]) -> None:
    values = walked(seed, rows, steps)
    one = packed(values)
    assert np.array_equal(one.whole(), values)
    assert all(np.array_equal(one.column(number), values[:, number]) for number in range(len(steps)))
    read = (values != SAMPLE_NULL).any(axis=0)
    assert np.array_equal(one.ever_other_than(SAMPLE_NULL), read)
    wider = one.padded(len(steps) + 2, SAMPLE_NULL)
    assert np.array_equal(wider.whole(), np.pad(values, ((0, 0), (0, 2)), constant_values=SAMPLE_NULL))


def test_what_stands_still_takes_no_memory_and_small_steps_little() -> None:
    # GIVEN seventy counters of which ten move by less than 100 a row
    values = np.full((BLOCK_ROWS, 70), 1 << 40)
    values[:, :10] += np.arange(BLOCK_ROWS)[:, None] * 100
    assert bytes_of(packed(values)) < values.nbytes / 20


@pytest.mark.parametrize("rows", [0, 1, BLOCK_ROWS, BLOCK_ROWS + 1, 3 * BLOCK_ROWS + 7])
def test_a_log_keeps_every_row_and_takes_back_the_last(rows: int) -> None:
    values = walked(rows, rows + 1, [0, 5, 1 << 40])
    log = RowLog(3)
    for row in values[:rows]:
        log.append(row)
        # The newest may be taken back at any time.
        log.append(values[-1])
        log.drop_last()
    assert len(log) == rows
    assert np.array_equal(log.whole(), values[:rows])


@pytest.mark.parametrize("rows", [1, 2, BLOCK_ROWS + 1, 2 * BLOCK_ROWS + 2])
def test_a_log_that_is_halved_goes_on(rows: int) -> None:
    values = walked(rows, rows + 1, [1, 1 << 33])
    log = RowLog(2)
    for row in values[:rows]:
        log.append(row)
    log.halve()
    log.append(values[rows])
    assert np.array_equal(log.whole(), [*values[:rows:2], values[rows]])


def test_blocks_hold_all_rows() -> None:
    values = walked(1, 2 * BLOCK_ROWS + 3, [7])
    blocks = packed_blocks(values)
    assert [block.rows for block in blocks] == [BLOCK_ROWS, BLOCK_ROWS, 3]
    assert np.array_equal(np.concatenate([block.whole() for block in blocks]), values)
