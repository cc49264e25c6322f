"""Every frame's columns with their dtypes, in order; `docs/api.md` says the same with meanings, and a test compares.

Integers are signed, so that differences never wrap; a capital letter (`Int64`) means that a value may be missing (NA).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..analyze.terms import Tier

Columns = Mapping[str, str]
Extension = pd.api.extensions.ExtensionArray

TIER_DTYPE: Final = pd.CategoricalDtype([tier.label for tier in Tier], ordered=True)
"""Tiers in order: `spans[spans.tier >= "direct"]` works."""

EVENTS: Final[Columns] = {
    "time_s": "float64",
    "time_ns": "int64",
    "tid": "int64",
    "tgid": "int64",
    "comm": "string",
    "cpu": "int64",
    "cgroup_id": "Int64",
    "cgroup": "string",
}
SAMPLES: Final[Columns] = {"time_s": "float64", "time_ns": "int64"}
SPANS: Final[Columns] = {
    "id": "Int64",
    "parent": "Int64",
    "kind": "string",
    "tier": "category",
    "begin_s": "Float64",
    "end_s": "Float64",
    "duration_ns": "Int64",
    "tid": "int64",
    "comm": "string",
    "state": "string",
}
LADDER: Final[Columns] = {
    "tier": "category",
    "scope": "string",
    "source": "string",
    "pages": "Int64",
    "objects": "Int64",
    "kills": "Int64",
    "quality": "string",
    "first_s": "float64",
    "busy_s": "float64",
    "spans": "int64",
    "tasks": "int64",
    "min_priority": "Int64",
    "missed_pages": "Int64",
    "extra_pages": "Int64",
    "nr_scanned": "Int64",
    "efficiency": "Float64",
}
RECLAIMERS: Final[Columns] = {
    "tier": "category",
    "scope": "string",
    "name": "string",
    "nid": "Int64",
    "spans": "int64",
    "busy_s": "float64",
    "pages": "Int64",
    "nr_scanned": "Int64",
    "efficiency": "Float64",
}
EPISODES: Final[Columns] = {
    "id": "int64",
    "start_s": "float64",
    "end_s": "float64",
    "highest_tier": "category",
    "tap": "string",
    "before_notifier_s": "Float64",
    "before_notifier_stall_s": "Float64",
    "before_notifier_stalls": "Int64",
    "before_notifier_retries": "Int64",
    "before_notifier_min_priority": "Int64",
}
CONFLICTS: Final[Columns] = {
    "id": "int64",
    "start_s": "float64",
    "end_s": "float64",
    "overlap_self_s": "float64",
    "overlap_induced_s": "float64",
    "overlap_foreign_s": "float64",
    "reclaimed_pages": "Int64",
    "inflated_pages": "Int64",
}
CYCLES: Final[Columns] = {
    "id": "int64",
    "class": "string",
    "leak_start_s": "float64",
    "start_s": "float64",
    "end_s": "float64",
    "leaked_pages": "int64",
    "reinflated_pages": "int64",
    "wasted_pages": "int64",
    "worker_s": "float64",
    "storm": "Int64",
}
STORMS: Final[Columns] = {
    "id": "int64",
    "class": "string",
    "start_s": "float64",
    "end_s": "float64",
    "cycles": "int64",
    "wasted_pages": "int64",
}
FINDINGS: Final[Columns] = {
    "id": "int64",
    "kind": "string",
    "severity": "string",
    "open": "bool",
    "cost": "float64",
    "start_s": "float64",
    "end_s": "float64",
    "text": "string",
    "quality": "string",
    "numbers": "object",
    "spans": "object",
    "cgroup": "string",
}
SHRINKERS: Final[Columns] = {
    "name": "string",
    "calls": "int64",
    "scanned": "Int64",
    "freed_objects": "Int64",
    "busy_s": "float64",
    "p50_ns": "int64",
    "p99_ns": "int64",
    "max_ns": "int64",
    "scan_share": "float64",
    "size_share": "float64",
    "efficiency": "Float64",
}
STALLS: Final[Columns] = {
    "comm": "string",
    "pid": "int64",
    "tier": "category",
    "spans": "int64",
    "stall_s": "float64",
    "max_ns": "int64",
    "is_recorder": "bool",
    "scope": "string",
    "cgroup": "string",
    "cgroup_id": "Int64",
}
CGROUPS: Final[Columns] = {
    "path": "string",
    "id": "Int64",
    "unit": "string",
    "pod": "string",
    "container": "string",
    "stall_s": "float64",
    "spans": "int64",
    "max_ns": "int64",
    "file_pages": "Int64",
    "anon_pages": "Int64",
    "lru_pages": "Int64",
    "limit_s": "float64",
    "limit_spans": "Int64",
    "kills": "Int64",
    "quality": "string",
}
STEPS: Final[Columns] = {
    "start_s": "float64",
    "end_s": "float64",
    "pages": "int64",
    "cause": "string",
    "quality": "string",
}


def frame(columns: Columns, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows as a frame of exactly these columns and dtypes; None is NA."""
    return pd.DataFrame({name: series((row[name] for row in rows), dtype) for name, dtype in columns.items()})


def series(values: Iterable[Any], dtype: str) -> pd.Series[Any]:
    """One column; the dtype `category` is that of tiers."""
    return pd.Series(list(values), dtype=TIER_DTYPE if dtype == "category" else dtype)


def nullable(values: npt.NDArray[np.integer[Any]], missing: npt.NDArray[np.bool_]) -> Extension:
    """`Int64`, NA where `missing`."""
    return pd.arrays.IntegerArray(values.astype(np.int64), missing)


def words(names: Sequence[Any], codes: npt.NDArray[np.integer[Any]]) -> Extension:
    """`string`, each row one of a few names (text or NA)."""
    column: Extension = pd.array(np.asarray(names, object)[codes], dtype="string")
    return column


def texts(column: npt.NDArray[np.bytes_]) -> Extension:
    """The kernel's 16-byte strings as `string`; bytes that are no UTF-8 become U+FFFD, nothing else is changed."""
    halves = np.ascontiguousarray(column, "S16").view(np.uint64).reshape(-1, 2)
    low, high = (pd.factorize(halves[:, side])[0] for side in (0, 1))
    codes, present = pd.factorize(high.astype(np.int64) * (int(low.max(initial=0)) + 1) + low)
    first = np.zeros(len(present), np.int64)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    return words([bytes(text).decode("utf-8", "replace") for text in column[first].tolist()], codes)
