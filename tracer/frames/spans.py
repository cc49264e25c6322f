"""Keeps the spans that leave the engine and makes a frame of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..analyze.stream.closed import NO_SPAN, NO_TIME, SPAN_STATES, leaving
from ..analyze.stream.lane import SPAN_KINDS
from ..analyze.stream.stretch import Stretch
from .columns import TIER_DTYPE, Extension, nullable, texts, words

_KEPT: dict[str, npt.DTypeLike] = {
    "id": np.int64,
    "parent": np.int64,
    "begin_ns": np.int64,
    "end_ns": np.int64,
    "tid": np.uint32,
    "comm": "S16",
    "code": np.int8,
    "tier": np.int8,
    "state": np.int8,
}
"""55 bytes a span."""


class SpanRows:
    """Takes the spans that leave the engine."""

    def __init__(self) -> None:
        self._parts: list[dict[str, npt.NDArray[Any]]] = []

    def __call__(self, stretch: Stretch) -> None:
        """Keep those that end in it."""
        for spans in leaving(stretch):
            if len(spans):
                self._parts.append({name: getattr(spans, name).astype(dtype) for name, dtype in _KEPT.items()})

    def frame(self, origin_ns: int) -> pd.DataFrame:
        """All of them by time of begin, an end without a begin by its own; columns as in `columns.SPANS`."""
        rows = self._rows()
        begin_ns, end_ns = rows["begin_ns"], rows["end_ns"]
        begun, ended = begin_ns != NO_TIME, end_ns != NO_TIME
        order = np.lexsort((rows["id"], np.where(begun, begin_ns, end_ns)))
        frame = pd.DataFrame(
            {
                "id": nullable(rows["id"], rows["id"] == NO_SPAN),
                "parent": nullable(rows["parent"], rows["parent"] == NO_SPAN),
                "kind": words([kind.value for kind in SPAN_KINDS], rows["code"]),
                "tier": pd.Categorical.from_codes(rows["tier"], dtype=TIER_DTYPE),
                "begin_s": _seconds(begin_ns, begun, origin_ns),
                "end_s": _seconds(end_ns, ended, origin_ns),
                "duration_ns": nullable(end_ns - begin_ns, ~(begun & ended)),
                "tid": rows["tid"].astype(np.int64),
                "comm": texts(rows["comm"]),
                "state": words([state.value for state in SPAN_STATES], rows["state"]),
            }
        )
        return frame.take(order).reset_index(drop=True)

    def _rows(self) -> dict[str, npt.NDArray[Any]]:
        """Everything kept, joined once."""
        if len(self._parts) != 1:
            empty = {name: np.empty(0, dtype) for name, dtype in _KEPT.items()}
            parts = [empty, *self._parts]
            self._parts = [{name: np.concatenate([part[name] for part in parts]) for name in _KEPT}]
        return self._parts[0]


def _seconds(time_ns: npt.NDArray[np.int64], seen: npt.NDArray[np.bool_], origin_ns: int) -> Extension:
    return pd.arrays.FloatingArray((time_ns - origin_ns) / 1e9, ~seen)
