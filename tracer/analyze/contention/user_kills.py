"""Processes that others killed with SIGKILL while memory was short: systemd-oomd, earlyoom and the like."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ...known_names import MEMORY_KILLERS
from ..stream.readings import AVAILABLE, PSI_SOME, SWAP_FREE, SWAP_TOTAL, TOTAL, Readings
from ..stream.stretch import Stretch
from .recent_waits import RecentWaits, window_begin

PRESSED_NS: Final = 500_000_000
"""Waiting, or stalls by PSI, in that window that make it one of pressure: 5 %, what GLib's memory monitor calls
medium (100 ms in 2 s: gio/gmemorymonitorpsi.c). Less comes with any page cache that is full."""
LOW_PARTS: Final = 10
"""Memory is low where at most one part in so many is available (of swap: free): earlyoom -m 10 -s 10."""
STALE_NS: Final = 500_000_000
"""A reading that is older says little of memory at a kill: a recorder reads four times a second while anything comes,
and every two seconds at rest."""
MOST_VICTIMS: Final = 8
"""Victims of one kill that are named."""
_TOGETHER_NS: Final = 1_000_000_000
"""SIGKILLs of one sender with shorter pauses are one kill, as of a cgroup's processes."""
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
    """What the time up to a kill was like. `waited_ns`: tasks' waiting in direct reclaim for the machine, added up, in
    the window that begins BEFORE_S earlier; `limits_ns`: at the limits of all memory cgroups; `cgroup_ns`: of them at
    the limit of the victim's, which is `cgroup_id` (0: not known). `stalled_ns` (PSI some, which counts both) and sizes
    are None where not sampled. `read_before_ns` is how old the reading of available memory was."""

    waited_ns: int
    limits_ns: int
    cgroup_id: int
    cgroup_ns: int
    stalled_ns: int | None
    available_bytes: int | None
    total_bytes: int | None
    swap_is_low: bool = False
    read_before_ns: int | None = None

    @property
    def memory_is_low(self) -> bool:
        """Whether little memory was available, as far as sampled."""
        return _is_low(self.available_bytes, self.total_bytes)

    @property
    def machine_stalled_ns(self) -> int | None:
        """Of PSI's stalls, what waiting at memory cgroups' limits does not explain."""
        return None if self.stalled_ns is None else max(self.stalled_ns - self.limits_ns, 0)

    def of_machine(self, sender_comm: str) -> bool:
        """Whether a kill by such a task was one while the machine was short of memory."""
        if self.memory_is_low or (sender_comm in MEMORY_KILLERS and self.swap_is_low):
            return True
        return max(self.waited_ns, self.machine_stalled_ns or 0) >= _least_ns(sender_comm)

    def of_cgroup(self, sender_comm: str) -> bool:
        """Whether it was one while the victim's memory cgroup was at its limit."""
        return self.cgroup_ns >= _least_ns(sender_comm)

    def counts(self, sender_comm: str) -> bool:
        """Whether a kill by such a task was one under pressure."""
        return self.is_seen(sender_comm) or self.is_unknown(sender_comm)

    def is_seen(self, sender_comm: str) -> bool:
        """Whether anything shows that memory was short."""
        return self.of_machine(sender_comm) or self.of_cgroup(sender_comm)

    def is_unknown(self, sender_comm: str) -> bool:
        """Whether a memory killer may have seen what nobody else has: memory that fell since it was last read."""
        stale = self.read_before_ns is not None and self.read_before_ns > STALE_NS
        return stale and sender_comm in MEMORY_KILLERS and not self.is_seen(sender_comm)


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
    def of_machine(self) -> bool:
        """Whether the machine was short of memory, and not the victim's memory cgroup alone."""
        return self.pressure.of_machine(self.sender_comm)

    @property
    def by_memory_killer(self) -> bool:
        """Whether the sender is one that kills for want of memory, by its name."""
        return self.sender_comm in MEMORY_KILLERS

    @property
    def is_unknown(self) -> bool:
        """Whether nothing tells if memory was short."""
        return self.pressure.is_unknown(self.sender_comm)

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

    def __init__(self, readings: Readings, recorder_pid: int | None) -> None:
        """`recorder_pid`: whose signals do not count, None where that is not known."""
        self._readings = readings
        self._recorder_pid = recorder_pid
        self._signals: list[_Signal] = []
        self._waits = RecentWaits()
        self._undecided: dict[int, list[_Signal]] = {}
        self._open: dict[int, UserKill] = {}
        self.found: list[UserKill] = []

    def advance(self, stretch: Stretch) -> None:
        """Take the waits and signals of the next stretch."""
        self._waits.advance(stretch)
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
        due = [signal for signal in self._signals if signal.time_ns <= until_ns]
        self._signals = self._signals[len(due) :]
        for signal in due:
            self._take(signal)
        self._waits.settle(until_ns)
        self._forget(until_ns - _TOGETHER_NS)

    def forget(self, before_ns: int) -> None:
        """Keep no kills that were over before a time, which lies a minute or more back."""
        self.found = [kill for kill in self.found if kill.end_ns >= before_ns]

    def _forget(self, since_ns: int) -> None:
        """Signals that are too long ago to be one kill with later ones."""
        self._open = {sender: kill for sender, kill in self._open.items() if kill.end_ns >= since_ns}
        waiting = self._undecided.items()
        self._undecided = {sender: signals for sender, signals in waiting if signals[-1].time_ns >= since_ns}

    def _take(self, signal: _Signal) -> None:
        kill = self._open.get(signal.sender)
        if kill is not None and kill.takes(signal):
            kill.add(signal)
            return
        before, since_ns = self._undecided.pop(signal.sender, []), signal.time_ns - _TOGETHER_NS
        signals = [one for one in before if one.time_ns >= since_ns and one.by_cgroup == signal.by_cgroup]
        signals.append(signal)
        pressure = self._pressure(signal)
        if not pressure.counts(signal.sender_comm):
            self._undecided[signal.sender] = signals
            return
        began_ns = signals[0].time_ns
        kill = UserKill(began_ns, began_ns, signal.sender, signal.sender_comm, pressure, signal.by_cgroup)
        self._open[signal.sender] = kill
        self.found.append(kill)
        for one in signals:
            kill.add(one)

    def _pressure(self, signal: _Signal) -> Pressure:
        time_ns, waits = signal.time_ns, self._waits
        names = (AVAILABLE, TOTAL, SWAP_FREE, SWAP_TOTAL, PSI_SOME)
        available, total, swap_free, swap_total, stalled = (self._readings.newest(name, time_ns) for name in names)
        stalled_before = self._readings.newest(PSI_SOME, window_begin(time_ns))
        grown_ns = None if stalled is None or stalled_before is None else (stalled - stalled_before) * 1000
        swap_is_low = bool(swap_total) and _is_low(swap_free, swap_total)
        home = waits.home(signal.pid, time_ns)
        return Pressure(
            waited_ns=waits.machine.before(time_ns),
            limits_ns=waits.limits.before(time_ns),
            cgroup_id=home,
            cgroup_ns=waits.in_cgroup(home, time_ns) if home else 0,
            stalled_ns=grown_ns,
            available_bytes=available,
            total_bytes=total,
            swap_is_low=swap_is_low,
            read_before_ns=self._readings.age_ns(AVAILABLE, time_ns),
        )


def _least_ns(sender_comm: str) -> int:
    """Waiting from which on it is pressure."""
    return 1 if sender_comm in MEMORY_KILLERS else PRESSED_NS


def _is_low(size: int | None, whole: int | None) -> bool:
    return size is not None and whole is not None and size * LOW_PARTS <= whole


def _text(name: object) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
