"""What a kernel lets programs do: of the running kernel tried here and now, of another as it was described."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from typing import Final, Protocol

from . import syscalls


class Trials(Protocol):
    """Questions whose answers decide what is compiled."""

    def __hash__(self) -> int: ...

    def why_no_ring(self) -> str:
        """Why there is no BPF ring buffer; empty where there is."""
        ...

    def accepts_mapped_array(self) -> bool:
        """Whether an array can be mapped."""
        ...

    def accepts_call(self, function: int) -> bool:
        """Whether programs may call a helper that reads memory into a buffer."""
        ...

    def accepts_task_read(self, offset: int) -> bool:
        """Whether programs may read two words of the running task there."""
        ...

    def accepts_task_walk(self, offsets: Sequence[int]) -> bool:
        """Whether programs may follow pointers from the running task, each at its offset."""
        ...

    def why_no_cgroup_id(self) -> str:
        """Why programs may not ask for the running task's cgroup; empty where they may."""
        ...


class RunningKernel:
    """The kernel that this process runs on."""

    def why_no_ring(self) -> str:
        """See `Trials`."""
        try:
            os.close(syscalls.create_ring(os.sysconf("SC_PAGE_SIZE")))
        except OSError as error:
            # Anything else (no permission, no memory) is not about rings: it is told where the programs' maps are made.
            return "this kernel has no BPF ring buffer" if error.errno == errno.EINVAL else ""
        return ""

    def accepts_mapped_array(self) -> bool:
        """See `Trials`."""
        return syscalls.accepts_mapped_array()

    def accepts_call(self, function: int) -> bool:
        """See `Trials`."""
        return syscalls.accepts_call(function)

    def accepts_task_read(self, offset: int) -> bool:
        """See `Trials`."""
        return syscalls.accepts_task_read(offset)

    def accepts_task_walk(self, offsets: Sequence[int]) -> bool:
        """See `Trials`."""
        return syscalls.accepts_task_walk(offsets)

    def why_no_cgroup_id(self) -> str:
        """See `Trials`."""
        return syscalls.why_no_cgroup_id()


RUNNING: Final[Trials] = RunningKernel()
