"""Short records: 80 bytes instead of 104, for what nearly every event has to say.

Header fields lie where a long record has them. Arguments of at most 40 bytes do, too; those of a few frequent kinds are
in narrower integers, as long as their values fit (`bpf/short.h`, which a test compiles against this table). An array of
records is of one form: EVENT_DTYPE or SHORT_DTYPE.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from .record import EVENT_DTYPE, HEADER_DTYPE, HEADER_FIELDS, Kind
from .schema import KIND_BY_NUMBER, KINDS

Records = npt.NDArray[np.void]

SHORT_ARGS_BYTES: Final = 40
SHORT_DTYPE: Final = np.dtype([*HEADER_FIELDS, ("args", f"V{SHORT_ARGS_BYTES}")])

_PAGE_COUNTS: Final = (
    ("nr_scanned", "u4"),
    ("nr_reclaimed", "u4"),
    ("nr_dirty", "u2"),
    ("nr_writeback", "u2"),
    ("nr_congested", "u2"),
    ("nr_immediate", "u2"),
    ("nr_activate0", "u2"),
    ("nr_activate1", "u2"),
    ("nr_ref_keep", "u2"),
    ("nr_unmap_fail", "u2"),
)
NARROW_FIELDS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "shrink_slab_start": (
        ("shr", "u8"),
        ("shrink", "i4"),
        ("nr_objects_to_shrink", "i4"),
        ("cache_items", "u4"),
        ("delta", "u4"),
        ("total_scan", "i4"),
        ("memcg_id", "u4"),
        ("gfp_flags", "u4"),
        ("nid", "i2"),
        ("priority", "i2"),
    ),
    "shrink_slab_end": (
        ("shr", "u8"),
        ("shrink", "i4"),
        ("unused_scan", "i4"),
        ("new_scan", "i4"),
        ("total_scan", "i4"),
        ("memcg_id", "u4"),
        ("retval", "i4"),
        ("nid", "i2"),
    ),
    "lru_shrink_inactive": (
        *_PAGE_COUNTS,
        ("reclaim_flags", "u4"),
        ("nid", "i2"),
        ("priority", "i2"),
        ("nr_calls", "u4"),
    ),
    "reclaim_pages": (*_PAGE_COUNTS, ("nid", "i4")),
    "reclaim_retry_zone": (
        ("reclaimable", "u4"),
        ("available", "u4"),
        ("min_wmark", "u4"),
        ("node", "i4"),
        ("zone_idx", "i4"),
        ("order", "i4"),
        ("no_progress_loops", "i4"),
        ("wmark_check", "u4"),
    ),
}
"""By the name of the kind. `shrink`, a function's address, is in the highest 2 GiB on x86-64 (Documentation/arch/x86/
x86_64/mm.rst) and comes back by its sign; elsewhere it does not fit."""


def _short_args(kind: Kind) -> np.dtype[np.void] | None:
    if kind.name in NARROW_FIELDS:
        return np.dtype(list(NARROW_FIELDS[kind.name]), align=True)
    return kind.args_dtype if kind.args_dtype.itemsize <= SHORT_ARGS_BYTES else None


SHORT_ARGS: Final = {kind.number: args for kind in KINDS if (args := _short_args(kind)) is not None}
"""The layout of a short record's arguments by the number of its kind; others come in long ones only."""


def args_of(kind: Kind, record_bytes: int) -> np.dtype[np.void] | None:
    """The layout of the kind's arguments in records of that size; None where these can't hold them."""
    return kind.args_dtype if record_bytes == EVENT_DTYPE.itemsize else SHORT_ARGS.get(kind.number)


@cache
def typed_dtype(kind: Kind, record_bytes: int) -> np.dtype[np.void]:
    """A whole record of that size with the kind's arguments by name. Raises KeyError where they do not fit."""
    if record_bytes == EVENT_DTYPE.itemsize:
        return kind.record_dtype
    args = SHORT_ARGS[kind.number]
    layouts = [(EVENT_DTYPE, name, 0) for name, _ in HEADER_FIELDS]
    layouts += [(args, name, HEADER_DTYPE.itemsize) for name in args.names or ()]
    places = [(name, *layout.fields[name][:2], base) for layout, name, base in layouts]  # type: ignore[index]
    return np.dtype(
        {
            "names": [name for name, *_ in places],
            "formats": [dtype for _, dtype, _, _ in places],
            "offsets": [base + offset for _, _, offset, base in places],
            "itemsize": record_bytes,
        }
    )


def lengthened(records: Records) -> Records:
    """The same as records of EVENT_DTYPE: a copy, where they are short ones."""
    if records.itemsize == EVENT_DTYPE.itemsize:
        return records
    long: Records = np.zeros(len(records), EVENT_DTYPE)
    for name, _ in HEADER_FIELDS:
        long[name] = records[name]
    for number in np.flatnonzero(np.bincount(records["kind"])).tolist():
        if number in SHORT_ARGS:
            kind, rows = KIND_BY_NUMBER[number], np.flatnonzero(records["kind"] == number)
            short, typed = records[rows].view(typed_dtype(kind, records.itemsize)), long[rows].view(kind.record_dtype)
            for name, _ in kind.fields:
                typed[name] = short[name]
            long[rows] = typed.view(EVENT_DTYPE)
    return long
