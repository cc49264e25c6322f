"""Sources that are one CPU's events after another's, such as per-CPU buffers in one file: merged by time."""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterable, Iterator
from typing import IO, Final

import numpy as np
import numpy.typing as npt

from .heads import FORMS, HeadForm, head_of, time_ns
from .lines import line_chunks
from .losses import is_loss
from .sources import Progress, Source, Spool

LAG_NS: Final = 100_000_000
"""Events that are later than this after newer ones come too late for the analysis, which reorders that much."""
MOST_PARTS: Final = 256
_BUFFER_BYTES: Final = 1 << 16

Item = tuple[int, str, list[str]]
"""The time and the CPU of an event, and its lines: what announces it, itself, and what belongs to it."""


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


def merged(source: Source, progress: Progress) -> Source | None:
    """The source in order of time, in a temporary file; None where the events of one CPU are not in order either."""
    with Spool(packed=True) as plain:
        starts = _split(source, plain, progress)
        if starts is None:
            plain.finish().close()
            return None
        stream = plain.finish()
    with stream, Spool(packed=False) as spool:
        ends = [*starts[1:], plain.size_bytes]
        parts = [_part(stream, start, end) for start, end in zip(starts, ends, strict=True)]
        for *_, lines in heapq.merge(*parts, key=lambda item: item[0]):
            spool.write(_text(lines))
        return source.rewritten(spool.finish())


def _split(source: Source, plain: Spool, progress: Progress) -> list[int] | None:
    """Copies the text; gives where each part starts that is in order by itself."""
    starts, newest_ns = [0], 0
    of_cpu: dict[str, int] = {}
    for now_ns, cpu, lines in _items(_shown(source, progress)):
        if now_ns < of_cpu.get(cpu, 0) - LAG_NS or len(starts) > MOST_PARTS:
            return None
        of_cpu[cpu] = max(of_cpu.get(cpu, 0), now_ns)
        if now_ns < newest_ns - LAG_NS:
            starts.append(plain.size_bytes)
            newest_ns = 0
        newest_ns = max(newest_ns, now_ns)
        plain.write(_text(lines))
    return starts


def _shown(source: Source, progress: Progress) -> Iterator[list[str]]:
    for lines in source.chunks():
        yield lines
        progress("Putting the trace into the order of time", source.done)


def _part(stream: IO[bytes], start: int, end: int) -> Iterator[Item]:
    """The items of one part; times never go back, as a merge needs it."""
    at, newest_ns = start, 0

    def read(_size: int) -> bytes:
        nonlocal at
        data = os.pread(stream.fileno(), min(_BUFFER_BYTES, end - at), at)
        at += len(data)
        return data

    for now_ns, cpu, lines in _items(line_chunks(read)):
        newest_ns = max(newest_ns, now_ns)
        yield newest_ns, cpu, lines


def _items(chunks: Iterable[list[str]]) -> Iterator[Item]:
    form: HeadForm = FORMS[0]
    now_ns, cpu = -1, ""
    lines: list[str] = []
    announced: list[str] = []
    for line in (line for chunk in chunks for line in chunk):
        found = head_of(line, (form,)) or head_of(line)
        if found is None:
            (announced if now_ns < 0 or is_loss(line) else lines).append(line)
            continue
        form, match = found
        if now_ns >= 0:
            yield now_ns, cpu, lines
        cpu, seconds, fraction = match.group(*form.order[2:5])
        now_ns = time_ns(seconds, fraction)
        lines, announced = [*announced, line], []
    if lines or announced:
        yield max(now_ns, 0), cpu, [*lines, *announced]


def _text(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
