"""Every frame's columns with their dtypes, in order, as `tracer/tables` declares them.

Integers are signed, so that differences never wrap; a capital letter (`Int64`) means that a value may be missing (NA).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..analyze.terms import Tier
from ..tables import contention, reclaim, recorded
from ..tables.table import Table

Columns = Mapping[str, str]
Extension = pd.api.extensions.ExtensionArray

TIER_DTYPE: Final = pd.CategoricalDtype([tier.label for tier in Tier], ordered=True)
"""Tiers in order: `spans[spans.tier >= "direct"]` works."""

STRING_DTYPE: Final = pd.StringDtype("python")
"""Text as Python has it, whether pyarrow is installed or not: that takes no name that is not UTF-8."""

_PANDAS: Final[Mapping[str, Any]] = {"category": TIER_DTYPE, "string": STRING_DTYPE}
_NESTED: Final = {"numbers", "ids", "words"}


def _dtypes(table: Table) -> Columns:
    return {name: "object" if dtype in _NESTED else dtype for name, dtype in table.dtypes.items()}


EVENTS: Final = _dtypes(recorded.EVENTS)
SAMPLES: Final = _dtypes(recorded.SAMPLES)
SPANS: Final = _dtypes(recorded.SPANS)
LADDER: Final = _dtypes(reclaim.LADDER)
RECLAIMERS: Final = _dtypes(reclaim.RECLAIMERS)
EPISODES: Final = _dtypes(reclaim.EPISODES)
SHRINKERS: Final = _dtypes(reclaim.SHRINKERS)
STALLS: Final = _dtypes(reclaim.STALLS)
CGROUPS: Final = _dtypes(reclaim.CGROUPS)
CONFLICTS: Final = _dtypes(contention.CONFLICTS)
CYCLES: Final = _dtypes(contention.CYCLES)
STORMS: Final = _dtypes(contention.STORMS)
FINDINGS: Final = _dtypes(contention.FINDINGS)
STEPS: Final = _dtypes(contention.STEPS)


def frame(columns: Columns, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows as a frame of exactly these columns and dtypes; None is NA."""
    return pd.DataFrame({name: series((row[name] for row in rows), dtype) for name, dtype in columns.items()})


def series(values: Iterable[Any], dtype: str) -> pd.Series[Any]:
    """One column; the dtype `category` is that of tiers."""
    column: pd.Series[Any] = pd.Series(list(values), dtype=_PANDAS.get(dtype, dtype))
    return column


def nullable(values: npt.NDArray[np.integer[Any]], missing: npt.NDArray[np.bool_]) -> Extension:
    """`Int64`, NA where `missing`."""
    return pd.arrays.IntegerArray(values.astype(np.int64), missing)


def words(names: Sequence[Any], codes: npt.NDArray[np.integer[Any]]) -> Extension:
    """`string`, each row one of a few names (text or NA)."""
    column: Extension = pd.array(np.asarray(names, object)[codes], dtype=STRING_DTYPE)
    return column


def texts(column: npt.NDArray[np.bytes_]) -> Extension:
    """The kernel's 16-byte strings as `string`; bytes that are no UTF-8 become U+FFFD, nothing else is changed."""
    halves = np.ascontiguousarray(column, "S16").view(np.uint64).reshape(-1, 2)
    low, high = (pd.factorize(halves[:, side])[0] for side in (0, 1))
    codes, present = pd.factorize(high.astype(np.int64) * (int(low.max(initial=0)) + 1) + low)
    first = np.zeros(len(present), np.int64)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    return words([bytes(text).decode("utf-8", "replace") for text in column[first].tolist()], codes)
