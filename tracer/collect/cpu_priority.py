"""Getting a CPU in time: on a machine that has more to do than its CPUs can, buffers fill while a recorder waits."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

_NICE: Final = -10
"""Nine times the weight of a task that nobody favours (sched_prio_to_weight, kernel/sched/core.c)."""


class CpuPriority:
    """A nice value for the calling thread and the threads that it starts; nothing where CAP_SYS_NICE is missing."""

    def __init__(self) -> None:
        self._before: int | None = None

    def raise_(self) -> None:
        """From now on this thread goes first; one that is favoured more stays so."""
        thread = threading.get_native_id()
        with suppress(OSError):
            before = os.getpriority(os.PRIO_PROCESS, thread)
            if before > _NICE:
                os.setpriority(os.PRIO_PROCESS, thread, _NICE)
                self._before = before

    def lower(self) -> None:
        """As it was before; idempotent."""
        before, self._before = self._before, None
        if before is not None:
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), before)


def raise_session(proc: Path = Path("/proc")) -> None:
    """The same for this process's session where it leads it, against other sessions.

    Where the kernel groups tasks by session (sched_autogroup_enabled), nice values hold among those of a session alone
    (sched(7), "The autogroup feature"). A session that somebody else leads, as a shell does, stays as it is.
    """
    if os.getsid(0) != os.getpid():
        return
    with suppress(OSError):
        if (proc / "sys/kernel/sched_autogroup_enabled").read_text().strip() == "1":
            (proc / "self/autogroup").write_text(str(_NICE))
