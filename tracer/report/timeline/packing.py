"""Columns of numbers as the script reads them: differences of whole numbers, which compress well."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Packed = dict[str, Any]

_TICK_S: Final = 1e-6
_MOST_TICKS: Final = 2**30
_STEPS: Final = 2**20
"""Values are told to this part of the largest."""
_LEAST: Final = 1e-9


def times(time_s: npt.ArrayLike, duration_s: float) -> Packed:
    """Times, to a microsecond in recordings of up to a quarter of an hour."""
    return _whole(time_s, max(_TICK_S, duration_s / _MOST_TICKS))


def values(numbers: npt.ArrayLike) -> Packed:
    """Values; whole numbers below 2**20 exactly, others to a millionth of the largest."""
    column = np.asarray(numbers, np.float64)
    most = float(np.abs(column).max(initial=0.0))
    exact = most < _STEPS and bool((column == np.rint(column)).all())
    return _whole(column, 1.0 if exact else max(most / _STEPS, _LEAST))


def _whole(numbers: npt.ArrayLike, unit: float) -> Packed:
    ticks = np.rint(np.nan_to_num(np.asarray(numbers, np.float64) / unit)).clip(-_MOST_TICKS, _MOST_TICKS - 1)
    steps = np.diff(ticks, prepend=0.0).astype("<i4")
    return {"unit": unit, "steps": base64.b64encode(steps.tobytes()).decode("ascii")}


def packed(data: object) -> str:
    """JSON data, gzipped, as base64."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False).encode()
    return base64.b64encode(gzip.compress(text, 9, mtime=0)).decode("ascii")
