"""Events that the other tracer lost, as it says in its text."""

from __future__ import annotations

import re
from typing import Final

from ..batch import UNKNOWN_KIND, LostStretch
from ..store.format import MOST_COUNT

_LOST_LINE: Final = re.compile(r"\s*CPU:\s?(\d{1,5})\s+\[(?:LOST (\d{1,18}) EVENTS|(?:(\d{1,18}) )?EVENTS DROPPED)")
_PERF_LOST: Final = re.compile(r"PERF_RECORD_LOST\w*\s.*?(\d{1,18})\s*$")
_MOST_CPU_DIGITS: Final = 5


def is_loss(line: str) -> bool:
    """Whether a line tells of a loss on a CPU, before that CPU's next event."""
    return _LOST_LINE.match(line) is not None


class Losses:
    """`last` is the newest time of each CPU by its name in the text; a loss lies between it and the CPU's next line."""

    def __init__(self, first_ns: int) -> None:
        self.last: dict[str, int] = {}
        self.pending: dict[int, tuple[int, int]] = {}
        self.total = 0
        self._first_ns = first_ns
        self._new: list[int] = []

    def read(self, line: str) -> bool:
        """Whether a line without an event tells of a loss; it is remembered."""
        match = _LOST_LINE.match(line)
        if match is None:
            return False
        self._add(int(match[1]), int(match[2] or match[3] or 1))
        return True

    def read_perf(self, cpu: str, text: str) -> bool:
        """The same for perf's own records."""
        match = _PERF_LOST.match(text)
        if match is None:
            return False
        self._add(int(cpu), int(match[1]))
        return True

    def take_new(self) -> list[int]:
        """CPUs of which a line told a loss since the last call."""
        new, self._new = self._new, []
        return new

    def due(self, cpu: str, now_ns: int) -> list[LostStretch]:
        """The loss that this line of a CPU ends."""
        loss = self.pending.pop(int(cpu or 0), None)
        return [] if loss is None else [_stretch(loss, now_ns)]

    def rest(self) -> list[LostStretch]:
        """Losses after which the CPU said nothing more: up to the newest time of all."""
        end_ns = max(self.last.values(), default=self._first_ns)
        losses, self.pending = self.pending, {}
        return [_stretch(loss, end_ns) for loss in losses.values()]

    def _add(self, cpu: int, count: int) -> None:
        self.total += count
        start_ns, before = self.pending.get(cpu, (self._newest_ns(cpu), 0))
        self.pending[cpu] = (start_ns, min(before + count, MOST_COUNT))
        self._new.append(cpu)

    def _newest_ns(self, cpu: int) -> int:
        texts = {"" if cpu == 0 else str(cpu), *(f"{cpu:0{width}}" for width in range(1, _MOST_CPU_DIGITS + 1))}
        return max((self.last[text] for text in texts if text in self.last), default=self._first_ns)


def _stretch(loss: tuple[int, int], end_ns: int) -> LostStretch:
    start_ns, count = loss
    return LostStretch(min(start_ns, end_ns), end_ns, {UNKNOWN_KIND: count})
