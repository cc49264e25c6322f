"""Where events go in time: those that tie, or step back a little, are moved on by 1 ns a step.

Texts have microseconds, so events tie, and the clocks of CPUs differ by a little.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from ..schema import EVENT_DTYPE, KIND_BY_NAME, KIND_BY_NUMBER
from .returns import OpenEntries, Row

STEP_BACK_NS: Final = 1_000_000
"""A thread's clock that goes back by less is made to go on by 1 ns a step: texts have microseconds, and CPUs differ."""
_MOST_THREADS: Final = 65_536

Records = npt.NDArray[np.void]
I64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Placing:
    """Takes records with the text's times, in the order of the text; `backwards` counts those that go back far."""

    def __init__(self, entries: OpenEntries) -> None:
        self.backwards = 0
        self._entries = entries
        self._last_ns: dict[int, int] = {}
        self._tie = (-1, -1)
        """The last event's time as the text has it, and where it was put: those that tie with it follow it."""

    def place(self, records: Records, lines: I64) -> tuple[Records, I64]:
        """The next records and their lines: with the ends that were put between them, and with their final times."""
        if not len(records):
            return records, lines
        if len(self._last_ns) > _MOST_THREADS:
            self._last_ns.clear()
        ends = self._ends(records)
        records["time_ns"] = self._untied(records["time_ns"].astype(np.int64))
        if ends:
            places = [place for place, _ in ends]
            records = np.insert(records, places, _records_of([row for _, row in ends]))
            lines = np.insert(lines, places, lines[places])
            is_end = np.zeros(len(records), bool)
            is_end[np.array(places) + np.arange(len(places))] = True
        else:
            is_end = np.zeros(len(records), bool)
        self._by_thread(records, is_end)
        return records, lines

    def _untied(self, now_ns: I64) -> I64:
        tied_ns, placed_ns = self._tie
        is_first = np.concatenate(([now_ns[0] != tied_ns], now_ns[1:] != now_ns[:-1]))
        places = np.arange(len(now_ns))
        run_starts = np.maximum.accumulate(np.where(is_first, places, 0))
        placed = now_ns + places - run_starts
        if not is_first[0]:
            rest = np.argmax(is_first) if is_first.any() else len(placed)
            placed[:rest] = placed_ns + 1 + places[:rest]
        self._tie = int(now_ns[-1]), int(placed[-1])
        return placed

    def _by_thread(self, records: Records, is_end: Bools) -> None:
        """Each thread's times go on."""
        threads = _threads(records)
        order = np.argsort(threads, kind="stable")
        threads, times = threads[order], records["time_ns"][order].astype(np.int64)
        is_first = np.concatenate(([True], threads[1:] != threads[:-1]))
        starts = np.flatnonzero(is_first)
        before = np.concatenate(([0], times[:-1]))
        before[starts] = [self._last_ns.get(thread, -1) for thread in threads[starts].tolist()]
        wrong = (times <= before) | is_end[order]
        if wrong.any():
            self._move(times, before, is_end[order], is_first, wrong)
            records["time_ns"][order] = times
        ends = np.append(starts[1:], len(order)) - 1
        self._last_ns.update(zip(threads[ends].tolist(), times[ends].tolist(), strict=True))

    def _move(self, times: I64, before: I64, is_end: Bools, is_first: Bools, wrong: Bools) -> None:
        """Moves what does not come after the one before it, and what follows on its thread as far as it has to."""
        done = -1
        for start in np.flatnonzero(wrong).tolist():
            if start <= done:
                continue
            last_ns = int(before[start] if is_first[start] else times[start - 1])
            done = start
            while True:
                now_ns = int(times[done])
                times[done] = last_ns = max(now_ns, last_ns + 1) if is_end[done] else self._later(now_ns, last_ns)
                following = done + 1
                if following == len(times) or is_first[following]:
                    break
                if times[following] > last_ns and not is_end[following]:
                    break
                done = following

    def _later(self, now_ns: int, last_ns: int) -> int:
        """A time that ties with the thread's last one, or is a little before it, comes right after it."""
        if now_ns > last_ns:
            return now_ns
        if last_ns - now_ns >= STEP_BACK_NS:
            self.backwards += 1
            return now_ns
        return last_ns + 1

    def _ends(self, records: Records) -> list[tuple[int, Row]]:
        """Ends that nothing in the text tells, each with the place of the record that it comes before."""
        entries = self._entries
        if not entries:
            return []
        numbers = [KIND_BY_NAME[name].number for name in entries.kinds]
        starts = np.flatnonzero(np.isin(records["kind"], numbers)).tolist()
        found: list[tuple[int, Row]] = []
        after = -1
        for start in [0, *starts]:
            if start <= after:
                continue
            for after, row in _rows(records, start):
                found += [(after, end) for end in entries.before(row)]
                if not entries.any_open:
                    break
        return found


def _rows(records: Records, start: int) -> Iterator[tuple[int, Row]]:
    for place in range(start, len(records)):
        now_ns, tid, tgid, cpu, kind, comm = (records[name][place] for name in _ROW)
        yield place, Row(int(now_ns), int(tid), int(tgid), bytes(comm), KIND_BY_NUMBER[int(kind)], int(cpu))


_ROW: Final = ("time_ns", "tid", "tgid", "cpu", "kind", "comm")


def _records_of(rows: list[Row]) -> Records:
    records: Records = np.zeros(len(rows), EVENT_DTYPE)
    for place, row in enumerate(rows):
        records["time_ns"][place], records["tid"][place], records["tgid"][place] = row.time_ns, row.tid, row.tgid
        records["comm"][place], records["kind"][place], records["cpu"][place] = row.comm, row.kind.number, row.cpu
    return records


def _threads(records: Records) -> I64:
    """A key for each thread; the idle tasks, all 0, are told apart by CPU."""
    tid = records["tid"].astype(np.int64)
    return np.where(tid != 0, tid, -1 - records["cpu"].astype(np.int64))
