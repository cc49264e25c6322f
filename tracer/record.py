"""A record as BPF programs write it, and what an event kind is: the words in which `schema` lists the kinds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final

import numpy as np

ARGS_BYTES: Final = 64
COMM_BYTES: Final = 16
MODULE_NAME_BYTES: Final = 56
"""MODULE_NAME_LEN in include/linux/module.h on 64-bit machines."""

HEADER_FIELDS: Final[tuple[tuple[str, str], ...]] = (
    ("time_ns", "u8"),
    ("tid", "u4"),
    ("tgid", "u4"),
    ("comm", f"S{COMM_BYTES}"),
    ("kind", "u2"),
    ("cpu", "u2"),
    ("cgroup_id", "u4"),
)
"""What every record starts with. `time_ns` is CLOCK_MONOTONIC; `tid`/`tgid` are the initial pid namespace's.

`cgroup_id` is the running task's cgroup, the number of its directory's inode, which kernfs gives from 1 on (the
root's); 0 where it is not known, or does not fit: kernfs_new_node() in fs/kernfs/dir.c starts over after 2^31 files.
"""

HEADER_DTYPE: Final = np.dtype(list(HEADER_FIELDS))
EVENT_DTYPE: Final = np.dtype([*HEADER_FIELDS, ("args", f"V{ARGS_BYTES}")])
"""One record as BPF writes it: 104 bytes in native byte order."""

ADDRESS_FIELDS: Final = frozenset({"shrink", "shr", "work", "function", "cb", "vq"})
"""Arguments that are kernel addresses, or opaque ids in their place."""


class Role(StrEnum):
    """What an event does to its thread's stack of spans."""

    BEGIN = "begin"
    END = "end"
    POINT = "point"


class SpanKind(StrEnum):
    """Kinds of span; the value is what results and reports print."""

    SHRINK_SLAB = "shrink_slab"
    DIRECT_RECLAIM = "direct_reclaim"
    MEMCG_RECLAIM = "memcg_reclaim"
    MEMCG_SOFTLIMIT_RECLAIM = "memcg_softlimit_reclaim"
    NODE_RECLAIM = "node_reclaim"
    KSWAPD = "kswapd"
    BALLOON_WORK = "balloon_work"
    OOM_NOTIFIER = "oom_notifier"
    UPDATE_BALLOON_SIZE = "update_balloon_size"
    FILL_BALLOON = "fill_balloon"
    LEAK_BALLOON = "leak_balloon"
    BALLOON_SHRINKER = "balloon_shrinker"
    OOM_NOTIFY = "oom_notify"
    OUT_OF_MEMORY = "out_of_memory"
    COMPACTION = "compaction"
    PROACTIVE_RECLAIM = "proactive_reclaim"
    DROP_CACHES = "drop_caches"
    BALANCE_PGDAT = "balance_pgdat"


@dataclass(frozen=True)
class Kind:
    """One event kind. `number` is its value in the record and never changes its meaning.

    `tracepoint` is empty for a kind that only a probe on a kernel function gives, which its name then tells.
    """

    number: int
    name: str
    tracepoint: str
    fields: tuple[tuple[str, str], ...]
    role: Role = Role.POINT
    span: SpanKind | None = None

    @cached_property
    def args_dtype(self) -> np.dtype[np.void]:
        """The arguments' layout inside the record's 64 argument bytes (the C compiler's natural alignment)."""
        return np.dtype(list(self.fields), align=True)

    @property
    def tracepoint_name(self) -> str:
        """The tracepoint without its category."""
        return self.tracepoint.partition(":")[2]

    @cached_property
    def record_dtype(self) -> np.dtype[np.void]:
        """A whole record of this kind: header fields and arguments by name, 104 bytes."""
        args, base = self.args_dtype, HEADER_DTYPE.itemsize
        names = [name for name, _ in HEADER_FIELDS] + [name for name, _ in self.fields]
        formats = [code for _, code in HEADER_FIELDS] + [code for _, code in self.fields]
        header_offsets = [HEADER_DTYPE.fields[name][1] for name, _ in HEADER_FIELDS]  # type: ignore[index]
        arg_offsets = [base + args.fields[name][1] for name, _ in self.fields]  # type: ignore[index]
        return np.dtype(
            {
                "names": names,
                "formats": formats,
                "offsets": header_offsets + arg_offsets,
                "itemsize": EVENT_DTYPE.itemsize,
            }
        )
