"""The different values in an array."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

_Value = TypeVar("_Value", bound=np.generic)


def distinct_values(values: npt.NDArray[_Value]) -> npt.NDArray[_Value]:
    """Each value once, in rising order; `np.unique` is not in numpy's core (`lean_imports.py`)."""
    ordered = np.sort(values, axis=None)
    is_first = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=is_first[1:])
    return ordered[is_first]
