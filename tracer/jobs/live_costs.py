"""What the recorder and the view themselves take, as the kernel counts it, while a view looks."""

from __future__ import annotations

import mmap
import os
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..kernel import kernel_time
from ..kernel.host import read_host
from ..live.observer import Observer, StreamHealth
from ..store.notes import facts_of, marks

if TYPE_CHECKING:
    from ..analyze import Analysis
    from ..live.model import Snapshot
    from ..store import FollowedRecording
    from .live_analysis import Look

_WINDOW_S: Final = 10.0
_EVERY_S: Final = 0.5
_ENDED: Final = ("Z", "X")
"""States of a process that has no memory any more: proc_pid_stat(5)."""
_TICKS_A_S: Final = os.sysconf("SC_CLK_TCK")
_STAT_CPU: Final = slice(11, 13)
"""utime and stime in /proc/PID/stat, counted behind the name in brackets: proc_pid_stat(5)."""


class ProcessCost:
    """CPU over the last 10 s as a share of one CPU, and anonymous memory, of one process; None where unknown."""

    def __init__(
        self, pid: int | None, root: Path = Path("/proc"), clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder = None if pid is None else root / str(pid)
        self._clock = clock
        self._looks: deque[tuple[float, float]] = deque()
        self.cpu_share: float | None = None
        self.memory_bytes: int | None = None

    def look(self) -> None:
        """Look again, unless the last look was a moment ago."""
        now_s = self._clock()
        if self._folder is None or (self._looks and now_s < self._looks[-1][0] + _EVERY_S):
            return
        try:
            stat = (self._folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
            resident, shared = (self._folder / "statm").read_text().split()[1:3]
        except OSError:
            stat = [_ENDED[0]]
        if stat[0] in _ENDED:
            self.cpu_share = self.memory_bytes = None
            return
        self._looks.append((now_s, sum(map(int, stat[_STAT_CPU])) / _TICKS_A_S))
        while len(self._looks) > 2 and self._looks[1][0] <= now_s - _WINDOW_S:
            self._looks.popleft()
        (from_s, before_s), (until_s, cpu_s) = self._looks[0], self._looks[-1]
        self.cpu_share = (cpu_s - before_s) / (until_s - from_s) if until_s > from_s else None
        self.memory_bytes = (int(resident) - int(shared)) * mmap.PAGESIZE


def observing(recording: FollowedRecording, *, recorder_pid: int | None, is_written: bool) -> Look:
    """What makes a snapshot of a stream's results so far, with what is known of it beside what is in it.

    `recorder_pid` is this view's own recorder's on this machine. `is_written`: it is being recorded now, not a file
    from earlier. A recording of this machine, since it started, has this machine's clock.
    """
    is_here = is_written and recording.metadata.boot_id == read_host().boot_id != ""
    recorder = ProcessCost(recorder_pid or (recording.metadata.recorder_pid if is_here else None))
    view = ProcessCost(os.getpid())
    observer = Observer(facts_of(recording, {}))
    start_ns = recording.metadata.start_ns

    def look(analysis: Analysis, ended: str | None) -> Snapshot:
        recorder.look()
        view.look()
        health = StreamHealth(
            lag_s=max(0.0, (kernel_time.now_ns() - recording.last_ns) / 1e9) if is_here else None,
            recorder_cpu_share=recorder.cpu_share,
            recorder_memory_bytes=recorder.memory_bytes,
            view_cpu_share=view.cpu_share,
            view_memory_bytes=view.memory_bytes,
            ended=ended,
            marks=[((mark.at_ns - start_ns) / 1e9, mark.words) for mark in marks(recording.notes, start_ns)],
        )
        return observer.look(analysis, health)

    return look
