"""From a source and its side files to a recording."""

from __future__ import annotations

import contextlib
import gc
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ..batch import LostStretch
from ..errors import RecordingError, UsageError, shown
from ..freed_memory import keep_freed_memory
from ..outputs import check_output
from ..schema import KIND_BY_NAME, KIND_BY_NUMBER
from ..store.format import JSON
from ..store.note_keys import END_NOTE, IMPORT_NOTE, MARKERS_NOTE
from ..store.writer import Writer
from .blocks.kept import KeepingScanner
from .converter import Converter, Item
from .folding import unfolded
from .guestside import read_guest_samples
from .heads import FUNCTION_ARROW
from .hostside import read_host_log
from .joining import Sides
from .lines import MOST_LINE_BYTES
from .order import Lag, OutOfOrderError, merged
from .plan import metadata_of
from .returns import without_end
from .room import commonest, rows_that_fit
from .rules import FUNCTION_EVENT, Rules
from .sources import STDIN, Progress, Source, open_source
from .survey import Survey, Surveyor
from .table import FUNCTION_BY_NAME, WHOLE
from .unread import shown_line

_MOST_SHOWN: Final = 12
_SURVEY_SHARE: Final = 0.3
"""Part of the time the first pass takes."""
_GUESSED_ALL: Final = 0.999
_KEPT_BYTES: Final = 32 << 20
"""Arrays of some MiB that are made and freed for every block."""
_FLUSH_NS: Final = 1_000_000_000
"""As often as the recorder flushes."""


@dataclass(frozen=True)
class ImportRequest:
    """`source` is a path or `-`; `mapping` is event name to kind name; `kernel` and `host` are said by the user."""

    source: str
    output: Path
    force: bool = False
    mapping: Mapping[str, str] = field(default_factory=dict)
    samples: Path | None = None
    host_log: Path | None = None
    kernel: str = ""
    host: str = ""


@dataclass
class ImportResult:
    """What was imported, left out and found out. `remarks` are sentences for the user."""

    events: int = 0
    bytes_written: int = 0
    lines: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    unreadable: int = 0
    remarks: list[str] = field(default_factory=list)


def import_trace(request: ImportRequest, progress: Progress = lambda _what, _share: None) -> ImportResult:
    """Import a source.

    Raises UsageError for a mapping to no kind, RecordingError where a source can't be read or has no event of ours,
    CannotTraceError where a tool it needs is missing, TracerError where the output can't be written.
    """
    _check(request)
    keep_freed_memory(_KEPT_BYTES)
    guest = read_guest_samples(request.samples) if request.samples else None
    host = read_host_log(request.host_log) if request.host_log else None
    source = open_source(request.source, progress)
    with contextlib.ExitStack() as stack:
        stack.callback(source.close)
        lag: Lag | None = Lag()
        went_back = 0
        while True:
            rules = Rules(request.mapping)
            scanner = stack.enter_context(KeepingScanner())
            survey = _survey(source, rules, scanner, progress)
            scanner.again()
            try:
                if survey.continued and not source.is_unfolded:
                    source = unfolded(source, progress)
                    stack.callback(source.close)
                    continue
                if survey.first_ns == 0 and lag is not None:
                    raise OutOfOrderError
                _refuse_unread(request, source, survey, rules)
                result = _Import(request, source, rules, survey, Sides(survey, guest, host), lag, scanner).run(progress)
                break
            except OutOfOrderError:
                lag = None
                if (in_order := merged(source, progress)) is not None:
                    source, went_back = in_order
                    stack.callback(source.close)
    if went_back:
        often = "once" if went_back == 1 else f"{went_back:,} times"
        result.remarks.insert(0, f"The text was not sorted by time (it went back {often}): it was sorted")
    return result


def _check(request: ImportRequest) -> None:
    for name, kind in request.mapping.items():
        if kind not in KIND_BY_NAME:
            near = get_close_matches(kind, KIND_BY_NAME, n=3, cutoff=0.5)
            meant = f"did you mean {' or '.join(near)}?" if near else f"kinds are {', '.join(KIND_BY_NAME)}"
            raise UsageError(f"--map {name}={kind}: no such kind; {meant}")
    inputs = [path for path in (request.samples, request.host_log) if path is not None]
    inputs += [Path(request.source)] if request.source != STDIN else []
    for path in inputs:
        with contextlib.suppress(OSError):
            if path.samefile(request.output):
                raise UsageError(f"{shown(path)}: is the input too; choose another output with -o")
    check_output(request.output, force=request.force)


def _survey(source: Source, rules: Rules, scanner: KeepingScanner, progress: Progress) -> Survey:
    surveyor = Surveyor(rules, scanner)
    for block in source.blocks():
        surveyor.feed(block)
        progress("Scanning the trace", source.done * _SURVEY_SHARE)
    return surveyor.survey


def _refuse_unread(request: ImportRequest, source: Source, survey: Survey, rules: Rules) -> None:
    if not survey.names and not rules.threads.counted:
        name = source.name if request.source == STDIN else shown(Path(request.source))
        raise RecordingError(f"{name}: {_nothing_found(survey, source)}")


def _nothing_found(survey: Survey, source: Source) -> str:
    damage = f" (damaged: {source.damage})" if source.damage else ""
    if survey.unread:
        name, line = next(iter(survey.unread.items()))
        others = f" (nor that of {len(survey.unread) - 1} other known events)" if len(survey.unread) > 1 else ""
        return f"the text of {name}, which is known, could not be read{others}{damage}; the first such line: {line}"
    if not survey.counts and survey.unread_lines.total:
        return f"{survey.unread_lines}{damage}"
    if not survey.counts and source.tool:
        return f"has no samples: {source.tool} shows no event in it{damage}"
    if not survey.counts:
        return f"no event was found in its {survey.lines:,} lines{damage}; is it ftrace, trace-cmd or perf script text?"
    if set(survey.counts) <= {FUNCTION_ARROW, FUNCTION_EVENT}:
        names = ", ".join(FUNCTION_BY_NAME)
        return f"of the function tracer's lines only those of {names} are read, and there are none{damage}"
    return f"none of its events are known{damage}: {listed(survey.counts)}; name them with --map NAME=KIND"


def listed(counts: Counter[str]) -> str:
    """The commonest names with their numbers."""
    common = [f"{shown_line(name)} {count:,}" for name, count in counts.most_common(_MOST_SHOWN)]
    more = len(counts) - len(common)
    return ", ".join(common) + (f" and {more:,} more" if more else "")


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """Millions of short-lived tuples and no cycles: looking for those would take an eighth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _Import:
    """The second pass, and what is written about it."""

    def __init__(
        self,
        request: ImportRequest,
        source: Source,
        rules: Rules,
        survey: Survey,
        sides: Sides,
        lag: Lag | None,
        scanner: KeepingScanner,
    ) -> None:
        """Without `lag` any order is taken."""
        self._request = request
        self._source = source
        self._rules = rules
        self._survey = survey
        self._sides = sides
        self._lag = lag
        self._without_end = without_end(survey.names)
        self._converter = Converter(rules, survey, self._without_end, scanner)
        self._result = ImportResult(lines=survey.lines)
        self._second = 0

    def run(self, progress: Progress) -> ImportResult:
        """Write the recording; what was begun of it goes where the import is broken off."""
        request = self._request
        metadata = metadata_of(self._survey, self._source, self._without_end, request.kernel, request.host)
        writer = Writer(request.output, self._sides.improve(metadata), force=request.force, whole=True)
        try:
            with _without_collector():
                self._copy(writer, progress)
            if self._lag is not None and self._converter.backwards:
                raise OutOfOrderError
            self._finish(writer)
            writer.close()
        except BaseException:
            writer.discard()
            raise
        self._result.bytes_written, self._result.events = writer.bytes_written, writer.events_written
        return self._result

    def _copy(self, writer: Writer, progress: Progress) -> None:
        for block in self._source.blocks():
            for item in self._converter.feed(block):
                self._write(writer, item)
            progress("Importing", _SURVEY_SHARE + self._source.done * (1 - _SURVEY_SHARE) * _GUESSED_ALL)
        for item in self._converter.finish():
            self._write(writer, item)

    def _write(self, writer: Writer, item: Item) -> None:
        if isinstance(item, LostStretch):
            writer.write_lost(item)
            return
        if self._lag is not None:
            self._lag.check(item["time_ns"])
        writer.write_symbols(self._rules.symbols.take_new())
        for part in self._between_readings(writer, item):
            # Ahead of the events, of which the writer keeps some back: readings wait for them, not they for readings.
            self._write_samples(writer, int(part["time_ns"].max()))
            writer.write_events(part)
        for number, count in enumerate(np.bincount(item["kind"]).tolist()):
            if count:
                self._result.kinds[KIND_BY_NUMBER[number].name] += count

    def _write_samples(self, writer: Writer, until_ns: int | None) -> None:
        for samples in self._sides.until(until_ns):
            writer.write_samples(samples)

    def _between_readings(self, writer: Writer, item: npt.NDArray[np.void]) -> Iterator[npt.NDArray[np.void]]:
        """Its records, a second at a time with a flush between where there are readings: who plays the recording gets
        them as the recorder's, among the events and not after thousands of these."""
        if not self._sides.are_left:
            yield item
            return
        seconds = np.maximum.accumulate(item["time_ns"]) // _FLUSH_NS
        for start, stop in pairwise([0, *(np.flatnonzero(np.diff(seconds)) + 1).tolist(), len(item)]):
            if int(seconds[start]) > self._second:
                self._second = int(seconds[start])
                self._write_samples(writer, self._second * _FLUSH_NS)
                writer.flush()
            yield item[start:stop]

    def _finish(self, writer: Writer) -> None:
        self._write_samples(writer, None)
        converter, result = self._converter, self._result
        result.unknown, result.unreadable, result.lost = converter.unknown, converter.unreadable, converter.losses.total
        result.remarks += [*self._remarks(), *self._sides.remarks]
        ended_ns = max(converter.losses.last.values(), default=0)
        for key, value in {**self._notes(), **self._sides.notes, END_NOTE: ended_ns}.items():
            writer.write_note(key, value)

    def _remarks(self) -> Iterator[str]:
        if self._source.damage:
            yield f"The source is damaged: {self._source.damage}; imported up to there ({self._survey.lines:,} lines)"
        if long_lines := self._survey.long_lines + self._source.long_lines:
            lines = f"{long_lines:,} line{'s' if long_lines > 1 else ''}"
            yield f"Left out: {lines} of more than {MOST_LINE_BYTES >> 10} KiB, longer than any tracer's"
        if overwritten := self._survey.facts.overwritten:
            yield f"{overwritten:,} older events were overwritten in the tracer's buffer before it was read"
        if ended := self._converter.entries.ended:
            kinds = sorted(self._without_end)
            yield f"No event ends {', '.join(kinds)}: {ended:,} spans were ended after their last event"
        if count := self._converter.unreadable:
            lines = f"{count:,} line{'s' if count > 1 else ''} of known events could not be read"
            yield f"{lines}, the first: {self._converter.first_unreadable}"
        yield from self._converter.absurd_remarks()
        for kind, names in self._survey.cut.items():
            if kind not in self._survey.fields and (cut := [each for each in WHOLE[kind] if each not in names]):
                yield f"Fields missing from every line of {kind}: {', '.join(cut)}; they are unknown"
        if self._survey.unread_lines.total:
            yield f"Left out: {self._survey.unread_lines}"
        if self._converter.backwards:
            yield f"{self._converter.backwards:,} events are earlier than the previous one of their thread"

    def _notes(self) -> dict[str, JSON]:
        converter, start_ns = self._converter, self._survey.first_ns
        markers: Iterator[JSON] = ([(time_ns - start_ns) / 1e9, text[:500]] for time_ns, text in converter.markers)
        return {
            IMPORT_NOTE: {
                "lines": self._survey.lines,
                "unknown": commonest(converter.unknown),
                "unreadable": converter.unreadable,
                "absurd": converter.absurd,
                "backwards": converter.backwards,
                "ended_without_end": converter.entries.ended,
                "overwritten": self._survey.facts.overwritten,
                "damage": self._source.damage,
                "counted": dict(self._rules.threads.counted),
            },
            MARKERS_NOTE: rows_that_fit(markers),
        }
