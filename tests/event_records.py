"""Events as the recorder hands them on: the reverse of reading them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tracer.batch import Batch
from tracer.schema import EVENT_DTYPE, KIND_BY_NAME


def records_of(batch: Batch) -> npt.NDArray[np.void]:
    """A batch's events as records, shape (events,)."""
    records = np.zeros(len(batch), EVENT_DTYPE)
    for name, column in batch.header.items():
        records[name] = column
    for name, rows in batch.rows.items():
        typed = records[rows].view(KIND_BY_NAME[name].record_dtype)
        for field, column in batch.args[name].items():
            typed[field] = column
        records[rows] = typed.view(EVENT_DTYPE)
    return records
