"""Processes that others killed with SIGKILL while memory was short: systemd-oomd, earlyoom and the like."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from ..stream.readings import AVAILABLE, PSI_SOME, SWAP_FREE, SWAP_TOTAL, TOTAL, Readings
from ..stream.stretch import Stretch
from .meter import Meter

BEFORE_S: Final = 10
"""How long before a kill pressure counts: PSI's shortest average, by which systemd-oomd and lmkd judge. A
window begins with a whole second, so that it may be a second longer."""
PRESSED_NS: Final = 500_000_000
"""Waiting, or stalls by PSI, in that window that make it one of pressure: 5 %, what GLib's memory monitor calls
medium (100 ms in 2 s: gio/gmemorymonitorpsi.c). Less comes with any page cache that is full."""
LOW_PARTS: Final = 10
"""Memory is low where at most one part in so many is available (of swap: free): earlyoom -m 10 -s 10."""
MEMORY_KILLERS: Final = frozenset(
    {"systemd-oomd", "earlyoom", "oomd", "nohang", "lmkd", "low-memory-moni", "kubelet", "resourced", "bustd"}
)
"""Names of tasks that kill for want of memory: of these any sign of pressure is enough."""
MOST_VICTIMS: Final = 8
"""Victims of one kill that are named."""
_TOGETHER_NS: Final = 1_000_000_000
"""SIGKILLs of one sender with shorter pauses are one kill, as of a cgroup's processes."""
_SECOND_NS: Final = 1_000_000_000
_BY_USER, _OF_A_THREAD = 0, 0
"""`si_code` SI_USER with `group` 0 is __cgroup_kill(): kill(2) signals a thread group, tgkill(2) has another code."""


class _Signal(NamedTuple):
    time_ns: int
    sender: int
    sender_comm: str
    pid: int
    victim: str
    by_cgroup: bool


@dataclass(frozen=True)
class Pressure:
    """What the time up to a kill was like. `waited_ns`: tasks' waiting in direct reclaim, added up, in the window that
    begins BEFORE_S earlier; `stalled_ns` (PSI some) and sizes are None where not sampled."""

    waited_ns: int
    stalled_ns: int | None
    available_bytes: int | None
    total_bytes: int | None
    swap_is_low: bool = False

    @property
    def memory_is_low(self) -> bool:
        """Whether little memory was available, as far as sampled."""
        return _is_low(self.available_bytes, self.total_bytes)

    def counts(self, sender_comm: str) -> bool:
        """Whether a kill by such a task was one under pressure."""
        if self.memory_is_low:
            return True
        most_ns = max(self.waited_ns, self.stalled_ns or 0)
        if sender_comm in MEMORY_KILLERS:
            return most_ns > 0 or self.swap_is_low
        return most_ns >= PRESSED_NS


@dataclass
class UserKill:
    """SIGKILLs that a process sent in one go. `victims`: the first MOST_VICTIMS of `processes`, each with its pid."""

    time_ns: int
    end_ns: int
    sender: int
    sender_comm: str
    pressure: Pressure
    by_cgroup: bool
    processes: int = 0
    victims: list[tuple[int, str]] = field(default_factory=list)

    @property
    def by_memory_killer(self) -> bool:
        """Whether the sender is one that kills for want of memory, by its name."""
        return self.sender_comm in MEMORY_KILLERS

    def takes(self, signal: _Signal) -> bool:
        """Whether a later signal belongs to it."""
        alike = (signal.sender, signal.by_cgroup) == (self.sender, self.by_cgroup)
        return alike and signal.time_ns - self.end_ns <= _TOGETHER_NS

    def add(self, signal: _Signal) -> None:
        """Take another signal."""
        self.end_ns = signal.time_ns
        self.processes += 1
        if len(self.victims) < MOST_VICTIMS:
            self.victims.append((signal.pid, signal.victim))


class UserKills:
    """Takes signals of stretches; keeps those that came under pressure, once that is known."""

    def __init__(self, meter: Meter, readings: Readings, recorder_pid: int | None) -> None:
        """`recorder_pid`: whose signals do not count, None where that is not known."""
        self._meter = meter
        self._readings = readings
        self._recorder_pid = recorder_pid
        self._signals: list[_Signal] = []
        self._waited: dict[int, int] = {}
        self._kept_ns = -1
        self._open: dict[int, UserKill] = {}
        self.found: list[UserKill] = []

    def advance(self, stretch: Stretch) -> None:
        """Take the signals of the next stretch."""
        rows, args = stretch.args.all("signal_generate")
        if not len(rows):
            return
        header = stretch.batch.header
        by_cgroup = (args["code"] == _BY_USER) & (args["group"] == _OF_A_THREAD)
        columns = (
            stretch.time_ns[rows].tolist(),
            header["tgid"][rows].tolist(),
            map(_text, header["comm"][rows].tolist()),
            args["pid"].tolist(),
            map(_text, args["victim_comm"].tolist()),
            by_cgroup.tolist(),
        )
        signals = map(_Signal._make, zip(*columns, strict=True))
        self._signals += [signal for signal in signals if signal.sender != self._recorder_pid]

    def settle(self, until_ns: int) -> None:
        """Everything up to `until_ns` was seen."""
        if not self._signals:
            return
        due = [signal for signal in self._signals if signal.time_ns <= until_ns]
        self._signals = self._signals[len(due) :]
        for signal in due:
            self._take(signal)

    def keep(self, until_ns: int) -> None:
        """The meter is about to forget what was before `until_ns`: remember what windows of later kills begin with."""
        last = until_ns // _SECOND_NS
        seconds = [second * _SECOND_NS for second in range(last - BEFORE_S - 1, last + 1)]
        self._waited = {time_ns: self._waited_ns(time_ns) for time_ns in seconds}
        self._kept_ns = until_ns

    def _take(self, signal: _Signal) -> None:
        kill = self._open.get(signal.sender)
        if kill is None or not kill.takes(signal):
            pressure = self._pressure(signal.time_ns)
            if not pressure.counts(signal.sender_comm):
                return
            begun = (signal.time_ns, signal.time_ns, signal.sender, signal.sender_comm)
            kill = self._open[signal.sender] = UserKill(*begun, pressure, signal.by_cgroup)
            self.found.append(kill)
        kill.add(signal)

    def _waited_ns(self, time_ns: int) -> int:
        """What tasks had waited up to a time, all together."""
        if time_ns <= self._kept_ns and time_ns in self._waited:
            return self._waited[time_ns]
        return int(self._meter.waits.until(np.asarray([time_ns]))[0])

    def _pressure(self, time_ns: int) -> Pressure:
        since_ns = _begin_of(time_ns)
        waited_ns = self._waited_ns(time_ns) - self._waited_ns(since_ns)
        names = (AVAILABLE, TOTAL, SWAP_FREE, SWAP_TOTAL, PSI_SOME)
        available, total, swap_free, swap_total, stalled = (self._readings.newest(name, time_ns) for name in names)
        stalled_before = self._readings.newest(PSI_SOME, since_ns)
        grown_ns = None if stalled is None or stalled_before is None else (stalled - stalled_before) * 1000
        swap_is_low = bool(swap_total) and _is_low(swap_free, swap_total)
        return Pressure(waited_ns, grown_ns, available, total, swap_is_low)


def _begin_of(time_ns: int) -> int:
    return (time_ns // _SECOND_NS - BEFORE_S) * _SECOND_NS


def _is_low(size: int | None, whole: int | None) -> bool:
    return size is not None and whole is not None and size * LOW_PARTS <= whole


def _text(name: object) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
