"""What the programs cost, measured by the kernel itself."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Self

from ..program_cost import ProgramCost
from . import syscalls


class CostMeter:
    """While it is open the kernel measures every BPF program that runs, at two readings of its clock a run.

    It asks by a descriptor, not by sysctl, so the measuring ends with this process whatever ends it.
    """

    def __init__(self) -> None:
        """Raises OSError on kernels before "bpf: Sharing bpf runtime stats with BPF_ENABLE_STATS" (5.8)."""
        self._fd = syscalls.enable_run_statistics()

    def close(self) -> None:
        """Stop measuring; idempotent."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_costs(programs: Mapping[str, int]) -> dict[str, ProgramCost]:
    """What programs (name to descriptor) have cost while they were measured; those that never ran are left out."""
    costs = {name: ProgramCost(*syscalls.run_statistics(fd)) for name, fd in programs.items()}
    return {name: cost for name, cost in costs.items() if cost.runs}
