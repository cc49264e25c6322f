"""Short records for tests."""

from __future__ import annotations

import numpy as np

from tracer.schema import KIND_BY_NUMBER
from tracer.short_records import SHORT_ARGS, SHORT_DTYPE


def short_records(count: int, seed: int = 0) -> np.ndarray:
    """Random bytes as records of every kind that has short ones, extreme arguments among them, times in order."""
    random = np.random.default_rng(seed)
    raw = random.integers(0, 256, count * SHORT_DTYPE.itemsize, np.uint8)
    raw[random.random(len(raw)) < 0.3] = 0
    raw[random.random(len(raw)) < 0.1] = 255
    records = raw.view(SHORT_DTYPE)
    records["kind"] = random.choice([number for number in KIND_BY_NUMBER if number in SHORT_ARGS], count)
    records["time_ns"] = 1_000 + np.arange(count)
    return records
