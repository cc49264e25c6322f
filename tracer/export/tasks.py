"""Who was at work at each event: task and cgroup, as few rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..batch import Batch
from ..errors import printable
from ..store.dictionary import distinct

I64 = npt.NDArray[np.int64]
_HALF = np.uint64(32)


@dataclass(frozen=True)
class Task:
    """A task in a cgroup (0: unknown). `cpu` is that of an idle task, which all have the id 0, else 0."""

    tid: int
    tgid: int
    comm: str
    cgroup_id: int
    cpu: int

    @property
    def thread(self) -> tuple[int, int, int]:
        """What stays the same when it changes its name or its cgroup."""
        return self.tid, self.tgid, self.cpu


def tasks_of(batch: Batch) -> tuple[list[Task], I64]:
    """The tasks of a batch's events, and which of them each event's is."""
    if not len(batch):
        return [], np.empty(0, np.int64)
    header = batch.header
    tid, tgid, cgroup, cpu = (header[name].astype(np.uint64) for name in ("tid", "tgid", "cgroup_id", "cpu"))
    cpu[tid != 0] = 0
    comm = np.ascontiguousarray(header["comm"]).view(np.uint64).reshape(-1, 2)
    first, codes = distinct(
        [tid | tgid << _HALF, np.ascontiguousarray(comm[:, 0]), np.ascontiguousarray(comm[:, 1]), cgroup | cpu << _HALF]
    )
    rows = zip(*(column[first].tolist() for column in (tid, tgid, header["comm"], cgroup, cpu)), strict=True)
    tasks = [Task(one, group, word(comm), cgroup, cpu) for one, group, comm, cgroup, cpu in rows]
    return tasks, codes.astype(np.int64)


def word(name: bytes) -> str:
    """A kernel's text of fixed length, as what can be shown anywhere."""
    return printable(name.rstrip(b"\0").decode("utf-8", "replace"))
