"""Sources that are one CPU's events after another's, such as per-CPU buffers in one file: merged by time."""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterable, Iterator
from typing import IO, Final

import numpy as np
import numpy.typing as npt

from ..errors import RecordingError
from .heads import FORMS, HeadForm, head_of, time_ns
from .lines import LineLoss, line_chunks
from .losses import is_loss
from .sources import Progress, Source, Spool

LAG_NS: Final = 100_000_000
"""Events that are later than this after newer ones come too late for the analysis, which reorders that much."""
MOST_PARTS: Final = 4096
_BUFFERS_BYTES: Final = 1 << 24
"""What all parts of a merge may hold together."""
_LEAST_BUFFER_BYTES, _MOST_BUFFER_BYTES = 1 << 12, 1 << 16
_SMALL_NS: Final = 1_000_000
"""Among differences between lines some are less."""
_MOST_SPLITS: Final = 8

Keys = tuple[str, str, str]
"""An event's CPU, thread and name."""
Item = tuple[int, Keys, list[str]]
"""The time of an event, and its lines: what announces it, itself, and what belongs to it."""


class OutOfOrderError(Exception):
    """The source has to be merged first."""


class Lag:
    """Watches over the order of events."""

    def __init__(self) -> None:
        self._newest_ns = 0

    def check(self, times: npt.NDArray[np.uint64]) -> None:
        """Raises OutOfOrderError for an event that is too late."""
        signed = times.astype(np.int64)
        newest = np.maximum.accumulate(np.concatenate(([self._newest_ns], signed)))
        self._newest_ns = int(newest[-1])
        if bool((newest[1:] - signed > LAG_NS).any()):
            raise OutOfOrderError


class _Steps:
    """How times go back: from line to line, and by CPU, by thread and by event."""

    def __init__(self) -> None:
        self.lines = 0
        self.events = 0
        self.back = 0
        self.late = 0
        self.first_ns = -1
        self.least_ns = -1
        self.newest_ns = 0
        self.restarts: list[int] = []
        """Lines at which times go back by more than LAG_NS, and what comes then begins anew."""
        self.worst: list[int] = [0, 0, 0]
        self._last_ns = -1
        self._newest: list[dict[str, int]] = [{}, {}, {}]

    def add(self, item: Item, part_ns: int) -> bool:
        """Take an event; whether a new part begins with it, `part_ns` being the newest time of the last one."""
        now_ns, keys, lines = item
        self.events += 1
        self.back += now_ns < self._last_ns
        self.first_ns = now_ns if self.first_ns < 0 else self.first_ns
        self.least_ns = now_ns if self.least_ns < 0 else min(self.least_ns, now_ns)
        self.late += now_ns < self.newest_ns - LAG_NS
        for place, (key, newest) in enumerate(zip(keys, self._newest, strict=True)):
            before_ns = newest.get(key, now_ns)
            self.worst[place] = max(self.worst[place], before_ns - now_ns)
            newest[key] = max(before_ns, now_ns)
        begins = now_ns < part_ns - LAG_NS
        if begins:
            self.restarts.append(self.lines + 1)
        self._last_ns, self.newest_ns = now_ns, max(self.newest_ns, now_ns)
        self.lines += len(lines)
        return begins

    def check(self, name: str) -> None:
        """Raises RecordingError where the times are no clock, or several recordings' or boots'."""
        is_small = self.first_ns == 0 or self.least_ns < _SMALL_NS
        if self.back * 4 >= self.events - 1 > 0 and is_small and min(self.worst[:2]) > 0:
            raise RecordingError(
                f"{name}: its times are differences between lines (perf script --deltatime): they go back "
                f"in {self.back:,} of {self.events:,} events; print them without --deltatime"
            )
        if min(self.worst) > LAG_NS and self.is_restarted:
            at = " ".join(map(str, self.restarts[:_MOST_SPLITS]))
            raise RecordingError(
                f"{name}: its times go back {len(self.restarts):,} times on the same CPU and thread, first in line "
                f"{self.restarts[0]:,}: several recordings, copies or boots in one file; split it there "
                f"(csplit {name} {at}) and import each part separately"
            )
        if len(self.restarts) >= MOST_PARTS:
            raise RecordingError(f"{name}: its times go back {len(self.restarts):,} times; sort its lines by time")

    @property
    def is_restarted(self) -> bool:
        """Whether more than single events are late."""
        return self.late > len(self.restarts) or len(self.restarts) >= MOST_PARTS

    @property
    def can_be_merged(self) -> bool:
        """Whether CPUs, threads or events follow each other, each of them in order."""
        return self.is_restarted and min(self.worst) <= LAG_NS


def merged(source: Source, progress: Progress) -> tuple[Source, int] | None:
    """The source in order of time, in a temporary file, and how often its times went back.

    None where it is in order but for what the analysis puts right. Raises RecordingError where it can't be.
    """
    with Spool(packed=True) as plain:
        steps, starts = _split(source, plain, progress)
        stream = plain.finish()
    with stream:
        steps.check(source.name)
        if not steps.can_be_merged:
            return None
        with Spool(packed=False) as spool:
            ends = [*starts[1:], plain.size_bytes]
            size = min(max(_BUFFERS_BYTES // len(starts), _LEAST_BUFFER_BYTES), _MOST_BUFFER_BYTES)
            parts = [_part(stream, start, end, size) for start, end in zip(starts, ends, strict=True)]
            for *_, lines in heapq.merge(*parts, key=lambda item: item[0]):
                spool.write(_text(lines))
            return source.rewritten(spool.finish()), len(steps.restarts)


def _split(source: Source, plain: Spool, progress: Progress) -> tuple[_Steps, list[int]]:
    """Copies the text; gives how its times go back, and where each part starts that is in order by itself."""
    steps, starts, part_ns = _Steps(), [0], 0
    for item in _items(_shown(source, progress)):
        if steps.add(item, part_ns):
            starts.append(plain.size_bytes)
            part_ns = 0
        part_ns = max(part_ns, item[0])
        if len(starts) <= MOST_PARTS:
            plain.write(_text(item[2]))
    return steps, starts


def _shown(source: Source, progress: Progress) -> Iterator[list[str]]:
    for lines in source.chunks():
        yield lines
        progress("Sorting the trace by time", source.done)


def _part(stream: IO[bytes], start: int, end: int, size: int) -> Iterator[Item]:
    """The items of one part; times never go back, as a merge needs it."""
    at, newest_ns = start, 0

    def read(_size: int) -> bytes:
        nonlocal at
        data = os.pread(stream.fileno(), min(size, end - at), at)
        at += len(data)
        return data

    for now_ns, keys, lines in _items(line_chunks(read, LineLoss())):
        newest_ns = max(newest_ns, now_ns)
        yield newest_ns, keys, lines


def _items(chunks: Iterable[list[str]]) -> Iterator[Item]:
    form: HeadForm = FORMS[0]
    now_ns, keys = -1, ("", "", "")
    lines: list[str] = []
    announced: list[str] = []
    for line in (line for chunk in chunks for line in chunk):
        found = head_of(line, (form,)) or head_of(line)
        if found is None:
            (announced if now_ns < 0 or is_loss(line) else lines).append(line)
            continue
        form, match = found
        if now_ns >= 0:
            yield now_ns, keys, lines
        tid, _, cpu, seconds, fraction, name = match.group(*form.order)
        keys = (cpu or "", tid or "", name)
        now_ns = time_ns(seconds, fraction, form.scale)
        lines, announced = [*announced, line], []
    if lines or announced:
        yield max(now_ns, 0), keys, [*lines, *announced]


def _text(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
