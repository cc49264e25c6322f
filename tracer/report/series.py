"""Arrays in a page's data, encoded as plotly's typed arrays."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import numpy.typing as npt


def encode(values: npt.ArrayLike, dtype: str = "f4") -> dict[str, str]:
    """An array as plotly reads it: `{"dtype": "f4", "bdata": base64}`."""
    data = np.ascontiguousarray(values, dtype=np.dtype(dtype).newbyteorder("<"))
    return {"dtype": dtype, "bdata": base64.b64encode(data.tobytes()).decode("ascii")}


def nested(value: Any) -> Any:  # noqa: ANN401
    """Replace every numpy array in nested dicts and lists by its encoding."""
    if isinstance(value, np.ndarray):
        return encode(value)
    if isinstance(value, dict):
        return {key: nested(part) for key, part in value.items()}
    return [nested(part) for part in value] if isinstance(value, list) else value
