"""A trace's tracks: described when they are first used."""

from __future__ import annotations

from ...errors import printable
from ...protobuf import message, number, text
from ..tasks import Task
from .packets import Packets

Path = tuple[str, ...]
_NAME, _PROCESS, _THREAD, _COUNTER = 2, 3, 4, 8
_UNIT, _UNIT_NAME = 3, 6


class Tracks:
    """Numbers tracks from 1 on, above the packets' base."""

    def __init__(self, packets: Packets) -> None:
        self._packets = packets
        self._count = 0
        self._threads: dict[tuple[int, int, int], tuple[int, str]] = {}
        self._processes: set[int] = set()
        self._named: dict[tuple[Path, int], int] = {}
        self._counters: dict[str, int] = {}

    def of_task(self, task: Task) -> int:
        """The track of a task's thread, which has the task's newest name."""
        uuid, name = self._threads.get(task.thread) or (self._next(), None)
        if name != task.comm:
            self._threads[task.thread] = uuid, task.comm
            self._describe(uuid, task)
        return uuid

    def named(self, path: Path, lane: int = 0) -> int:
        """A track by its name, inside of those named before it; lanes beside each other have the same name."""
        if (known := self._named.get((path, lane))) is not None:
            return known
        parent = self.named(path[:-1]) if len(path) > 1 else None
        uuid = self._named[path, lane] = self._next()
        self._packets.track(uuid, text(_NAME, printable(path[-1])), parent=parent)
        return uuid

    def counter(self, name: str, unit: str, unit_number: int = 0) -> int:
        """A counter's track."""
        if (known := self._counters.get(name)) is not None:
            return known
        parent = self.named(("Counters", name.partition(".")[0]))
        uuid = self._counters[name] = self._next()
        told = number(_UNIT, unit_number) if unit_number else text(_UNIT_NAME, unit)
        self._packets.track(uuid, text(_NAME, printable(name)), message(_COUNTER, told), parent=parent)
        return uuid

    def _describe(self, uuid: int, task: Task) -> None:
        if not task.tid:
            self._packets.track(uuid, text(_NAME, f"{task.comm} (CPU {task.cpu})"))
            return
        if task.tgid not in self._processes:
            self._processes.add(task.tgid)
            named = text(6, task.comm) if task.tid == task.tgid else b""
            self._packets.track(self._next(), message(_PROCESS, number(1, task.tgid), named))
        thread = message(_THREAD, number(1, task.tgid), number(2, task.tid), text(5, task.comm))
        self._packets.track(uuid, thread)

    def _next(self) -> int:
        self._count += 1
        return self._packets.base + self._count
