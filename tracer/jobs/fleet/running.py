"""A whole fleet: what is new is worked through, everything is gathered, and the report is written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from ...errors import UsageError, printable
from ...fleet.fragments import Fragments
from ...fleet.gathered import Fleet, Unread, gathered
from ...fleet.identity import stamps_of
from ...fleet.manifest import Entry
from ...fleet.places import is_url, place
from ...fleet.tables import fragments_name
from ...tables.library import library
from ..memory_bound import MOST_BYTES
from .rate import Rate
from .seen import Seen
from .work import FAILED, KEPT, MADE, UNREAD, Outcome, Task

if TYPE_CHECKING:
    from ...analyze import Options

TABLES: Final = "tables"
"""The folder of the tables over all recordings, in the output's."""
PROCESS_BYTES: Final = 208 << 20
"""A worker beside what its analysis takes. Measured while it loaded pandas (31 MiB): 203 MiB at most in a thousand
recordings, analyses of up to 272,406 events among them (docs/fleet.md)."""
LEAST_BYTES: Final = 64 << 20
"""An analysis gets no less."""
Progress = Callable[[str, float | None], object]


class Pool(Protocol):
    """What works through tasks."""

    @property
    def died(self) -> int:
        """How many processes did."""

    def run(self, tasks: Iterable[Task], told: Callable[[Outcome], object]) -> None:
        """All of them, or those begun before `stop`; each outcome is told in the caller's thread."""

    def stop(self) -> None:
        """Begin nothing more."""

    def finish(self) -> None:
        """Wait until what was begun is done."""


@dataclass(frozen=True)
class Share:
    """How many processes, and how much memory each one's analysis may take."""

    processes: int
    memory_bytes: int


def share_of(cpus: int, memory_bytes: int | None) -> Share:
    """As many processes as CPUs, fewer where so much memory has no room for them. Raises UsageError for too little."""
    if memory_bytes is None:
        return Share(cpus, MOST_BYTES)
    processes = min(cpus, memory_bytes // (PROCESS_BYTES + LEAST_BYTES))
    if not processes:
        least = (PROCESS_BYTES + LEAST_BYTES) >> 20
        raise UsageError(f"--memory: one process needs {least} MiB")
    return Share(processes, min(memory_bytes // processes - PROCESS_BYTES, MOST_BYTES))


@dataclass
class Tally:
    """How a run went: outcomes by state, what was read, and the processes that died."""

    states: dict[str, int] = field(default_factory=lambda: dict.fromkeys((MADE, KEPT, UNREAD, FAILED), 0))
    unchanged: int = 0
    events: int = 0
    read_bytes: int = 0
    written_bytes: int = 0
    seconds: float = 0.0
    wall_s: float = 0.0
    peak_bytes: int = 0
    retried: int = 0
    died: int = 0

    def take(self, outcome: Outcome) -> None:
        """One more."""
        self.states[outcome.state] += 1
        self.events += outcome.events
        self.read_bytes += outcome.read_bytes
        self.written_bytes += outcome.written_bytes
        self.seconds += outcome.seconds
        self.peak_bytes = max(self.peak_bytes, outcome.peak_bytes)


@dataclass(frozen=True)
class Request:
    """Which recordings, where to, and how they are analysed."""

    entries: Sequence[Entry]
    output: str
    options: Options
    share: Share


class Run:
    """One run over a fleet; `tally` grows, and `stopped` says that it ended before everything was worked through."""

    def __init__(self, request: Request, progress: Progress) -> None:
        self.request = request
        self._progress = progress
        self._folder = fragments_name(request.options)
        where = place(request.output)
        self._fragments = Fragments(where, self._folder)
        self._seen = Seen(where, self._folder)
        self._keys: dict[str, str] = {}
        self._failed: dict[str, Outcome] = {}
        self.tally = Tally()
        self.stopped = False

    def work(self, pool: Pool, alone: Callable[[int], Pool]) -> None:
        """Everything that is new or changed. What had too little memory is tried again `alone`, with that of all."""
        todo = [self._task(entry.source) for entry in self._new()]
        rate = Rate(len(todo))
        self._run(pool, todo, rate)
        whole = self.request.share.memory_bytes * self.request.share.processes
        again = [
            replace(self._task(source), memory_bytes=max(whole, self.request.share.memory_bytes))
            for source, outcome in self._failed.items()
            if outcome.is_memory and whole > self.request.share.memory_bytes
        ]
        if again and not self.stopped:
            self.tally.retried += len(again)
            self._run(alone(1), again, Rate(len(again)))
        self.tally.wall_s = rate.elapsed_s
        self._seen.write()

    def gather(self) -> Fleet:
        """Read back all that is there. Raises OSError."""
        known = ((entry, self._keys[entry.source]) for entry in self.request.entries if entry.source in self._keys)
        failed = [Unread(source, outcome.why) for source, outcome in self._failed.items()]
        return gathered(self._fragments, known, failed, Path(self.request.output) / TABLES)

    @property
    def fragments(self) -> Fragments:
        """What is kept."""
        return self._fragments

    @property
    def keys(self) -> dict[str, str]:
        """The fragment of each source that has one."""
        return dict(self._keys)

    @property
    def missing(self) -> int:
        """Recordings that were not come to."""
        return len(self.request.entries) - len(self._keys) - len(self._failed)

    def _run(self, pool: Pool, tasks: Sequence[Task], rate: Rate) -> None:
        def told(outcome: Outcome) -> None:
            self._take(outcome)
            rate.step()
            self._progress(rate.words("Analysing recordings"), rate.share)

        before = pool.died
        try:
            pool.run(tasks, told)
        except KeyboardInterrupt:
            pool.stop()
            self.stopped = True
            pool.finish()
        finally:
            self.tally.died += pool.died - before

    def _take(self, outcome: Outcome) -> None:
        self._failed.pop(outcome.source, None)
        self.tally.take(outcome)
        if outcome.state == FAILED:
            self._failed[outcome.source] = outcome
            return
        self._keys[outcome.source] = outcome.key
        self._seen.note(outcome.source, outcome.stamps, outcome.key)

    def _new(self) -> Iterator[Entry]:
        """Those whose files are not as they were when their fragment was made."""
        there = self._fragments.keys()
        for entry in self.request.entries:
            key = self._known_key(entry.source)
            if key in there:
                self._keys[entry.source] = key
                self.tally.unchanged += 1
            else:
                yield entry

    def _known_key(self, source: str) -> str:
        from ...store import files_of

        if not is_url(source):
            with suppress(OSError):
                return self._seen.key(source, stamps_of(files_of(Path(source))))
        return ""

    def _task(self, source: str) -> Task:
        options = self.request.options
        return Task(
            source, self.request.output, options.horizon_s, options.gap_s, self.request.share.memory_bytes
        )  # fmt: skip


def check_ready(output: Path) -> None:
    """Raises TracerError where it is something other than a folder, or pyarrow is not installed."""
    library("pyarrow")
    if os.path.lexists(output) and not output.is_dir():
        raise UsageError(f"{printable(str(output))}: is no folder; choose another path with -o")
