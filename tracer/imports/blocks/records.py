"""Columns that were read become records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...schema import EVENT_DTYPE, Kind
from ..chunk import fill_defaults
from .heads import NO_TGID, Heads, comms_of
from .templates import Columns
from .text import I64, Block


@dataclass(frozen=True)
class Taken:
    """Events of one kind: the rows of their heads, and their fields."""

    kind: Kind
    rows: I64
    columns: Columns


def records_of(block: Block, heads: Heads, all_taken: Sequence[Taken]) -> tuple[I64, npt.NDArray[np.void]]:
    """Records of EVENT_DTYPE in the order of the text, and their lines. Times are as the text has them."""
    rows = np.sort(np.concatenate([np.zeros(0, np.int64), *(taken.rows for taken in all_taken)]))
    records: npt.NDArray[np.void] = np.zeros(len(rows), EVENT_DTYPE)
    tid, tgid = heads.tid[rows], heads.tgid[rows]
    records["time_ns"], records["cpu"], records["tid"] = heads.now_ns[rows], heads.cpu[rows], tid
    records["tgid"] = np.where(tgid == NO_TGID, tid, tgid)
    records["comm"] = comms_of(block, heads.comm_starts[rows], heads.comm_sizes[rows])
    place = np.zeros(len(heads), np.int64)
    place[rows] = np.arange(len(rows))
    positions = [place[taken.rows] for taken in all_taken]
    for taken, where in zip(all_taken, positions, strict=True):
        records["kind"][where] = taken.kind.number
    fill_defaults(records)
    for taken, where in zip(all_taken, positions, strict=True):
        typed = records.view(taken.kind.record_dtype)
        for name, column in taken.columns.items():
            typed[name][where] = column.astype(typed[name].dtype)
    return heads.lines[rows], records


def in_order(
    lines: I64, records: npt.NDArray[np.void], other_lines: I64, others: npt.NDArray[np.void]
) -> tuple[I64, npt.NDArray[np.void]]:
    """Two sets of records by line, as one."""
    if not len(others):
        return lines, records
    all_lines = np.concatenate((lines, other_lines))
    order = np.argsort(all_lines, kind="stable")
    return all_lines[order], np.concatenate((records, others))[order]
