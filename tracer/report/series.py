"""Long series made as small as a screen is wide, without hiding an extreme, and encoded as plotly's typed arrays."""

from __future__ import annotations

import base64
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

PIXELS: Final = 480
"""Stretches of a line of which both extremes are kept: every other pixel of a chart on a desktop."""
BARS: Final = 320
"""Most bars in one series: three pixels each."""


def encode(values: npt.ArrayLike, dtype: str = "f4") -> dict[str, str]:
    """An array as plotly reads it: `{"dtype": "f4", "bdata": base64}`."""
    data = np.ascontiguousarray(values, dtype=np.dtype(dtype).newbyteorder("<"))
    return {"dtype": dtype, "bdata": base64.b64encode(data.tobytes()).decode("ascii")}


def extremes(values: Floats, columns: int = PIXELS) -> npt.NDArray[np.intp]:
    """Positions to keep, ascending: both ends, and the extremes of each of `columns` equal stretches."""
    n = len(values)
    if n <= 2 * columns:
        return np.arange(n)
    edges = np.linspace(0, n, columns + 1).astype(np.intp)
    keep = {0, n - 1}
    for start, stop in pairwise(edges.tolist()):
        part = values[start:stop]
        keep.add(int(start + np.argmin(part)))
        keep.add(int(start + np.argmax(part)))
    return np.array(sorted(keep), dtype=np.intp)


def bucket_factor(buckets: int) -> int:
    """How many buckets go into one bar so that at most BARS are drawn."""
    return max(1, -(-buckets // BARS))


def sums(values: npt.ArrayLike, factor: int) -> Floats:
    """Each `factor` neighbours added up; the last group may be shorter."""
    data = np.asarray(values, np.float64)
    return np.add.reduceat(data, np.arange(0, len(data), factor)) if len(data) else data


def rates(time_s: Floats, counter: Floats) -> tuple[Floats, Floats]:
    """Growth per second of a cumulative counter, at the later of two readings; a counter that fell gives 0."""
    if len(time_s) < 2:
        return time_s[:0], counter[:0]
    elapsed = np.diff(time_s)
    grown = np.maximum(np.diff(counter), 0.0)
    kept = elapsed > 0
    return time_s[1:][kept], grown[kept] / elapsed[kept]


def nested(value: Any) -> Any:  # noqa: ANN401
    """Replace every numpy array in nested dicts and lists by its encoding."""
    if isinstance(value, np.ndarray):
        return encode(value)
    if isinstance(value, dict):
        return {key: nested(part) for key, part in value.items()}
    return [nested(part) for part in value] if isinstance(value, list) else value
