"""Finds a recording's events and spans that somebody asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ..analyze import Analysis, Options
from ..analyze.only_cgroups import cgroup_matches
from ..errors import UsageError, printable
from ..evidence.events import Events
from ..evidence.numbering import MOST_NS, Anchors, Numbering
from ..evidence.selection import Selection, event_kinds, span_kinds
from ..evidence.spans import SpanStream
from ..evidence.subjects import Subject
from ..store import STDIN, AnyRecording
from ..wording.evidence import unseen_part
from ..wording.numbers import listing, plural
from .analysis import WHOLE, Span, analyse, opened

MARGIN_NS: Final = 1_000_000_000
"""So much before and after the time that is asked for is read, too: spans reach into it and out of it."""


@dataclass(frozen=True)
class Wanted:
    """What is asked for: a stretch of time, or the part of it that a finding or a cycle is about, of some kinds,
    threads or processes, and cgroups; empty and None are all."""

    span: Span = WHOLE
    kinds: Sequence[str] = ()
    pids: Sequence[int] = ()
    cgroup: str | None = None
    finding: int | None = None
    cycle: int | None = None


class Shown:
    """A recording and what is asked for of it. Raises RecordingError, UsageError."""

    def __init__(self, path: Path, wanted: Wanted, options: Options, *, redact: bool = False) -> None:
        if wanted.finding is not None and wanted.cycle is not None:
            raise UsageError("--finding and --cycle exclude each other")
        if path == STDIN and (wanted.finding, wanted.cycle) != (None, None):
            raise UsageError("--finding and --cycle read a recording twice: write standard input to a file first")
        self.recording: AnyRecording = opened(path, wanted.span, redact=redact)
        self._wanted = wanted
        self._anchors = Anchors()
        self.subject = self._subject(options)

    @property
    def evidence(self) -> frozenset[int] | None:
        """Ids of the spans that the finding or the cycle names; None without one."""
        return None if self.subject is None else self.subject.spans

    def missing_part(self) -> str:
        """What of the recording can't be read, as a clause, empty where nothing; after all of it was read."""
        return listing(unseen_part(WHOLE.part(self.recording).facts({})))

    def unknown_cgroup(self) -> str:
        """Why no row can be of the cgroup that is asked for, as a clause, empty where some can; after all of it was
        read."""
        pattern, paths = self._wanted.cgroup, self.recording.cgroups.values()
        if pattern is None or any(cgroup_matches(path, pattern) for path in paths):
            return ""
        if not paths:
            return "the recording names no cgroups"
        asked, below = printable(pattern), printable(f"{pattern.rstrip('/')}/*")
        return f"the recording names {plural(len(paths), 'cgroup')}, none of them {asked}; those below it are '{below}'"

    def events(self) -> Events:
        """The events."""
        return Events(self.recording, self._selection(event_kinds(frozenset(self._wanted.kinds))))

    def spans(self) -> SpanStream:
        """The spans."""
        selection = self._selection(span_kinds(frozenset(self._wanted.kinds)))
        from_ns, to_ns = selection.from_ns, selection.to_ns
        if named := self.evidence:
            first_ns, last_ns = self._anchors.begins(named)
            selection = replace(selection, spans=named)
            from_ns, to_ns = min(from_ns or 0, first_ns), max(to_ns or MOST_NS, last_ns)
        until_ns = None if to_ns is None or to_ns > MOST_NS - MARGIN_NS else to_ns + MARGIN_NS
        return SpanStream(self.recording, selection, self._numbering(from_ns), until_ns)

    def _selection(self, kinds: frozenset[str]) -> Selection:
        wanted, start_ns = self._wanted, self.recording.metadata.start_ns
        from_s, to_s = wanted.span.from_s, wanted.span.to_s
        selection = Selection(
            from_ns=None if from_s is None else start_ns + round(from_s * 1e9),
            to_ns=None if to_s is None else start_ns + round(to_s * 1e9),
            kinds=kinds or None,
            tids=frozenset(wanted.pids) or None,
            cgroup=wanted.cgroup,
        )
        return selection if self.subject is None else _within(selection, self.subject)

    def _numbering(self, from_ns: int | None) -> Numbering:
        if from_ns is None or from_ns - MARGIN_NS <= self.recording.metadata.start_ns:
            return Numbering()
        from_ns -= MARGIN_NS
        if self.subject is None:
            return Numbering(from_ns)
        anchor = self._anchors.before(from_ns)
        return Numbering(from_ns, anchor) if anchor else Numbering()

    def _subject(self, options: Options) -> Subject | None:
        wanted = self._wanted
        if wanted.finding is None and wanted.cycle is None:
            return None
        analysis, metadata = self._analysed(options), self.recording.metadata
        if wanted.finding is not None:
            return Subject.finding(analysis, metadata, wanted.finding)
        return Subject.cycle(analysis, metadata, wanted.cycle or 0)

    def _analysed(self, options: Options) -> Analysis:
        return analyse(WHOLE.part(self.recording), options, self._anchors)


def _within(selection: Selection, subject: Subject) -> Selection:
    from_ns = subject.from_ns if selection.from_ns is None else max(selection.from_ns, subject.from_ns)
    to_ns = subject.to_ns if selection.to_ns is None else min(selection.to_ns, subject.to_ns)
    if to_ns <= from_ns:
        raise UsageError("what was asked for by --finding or --cycle lies outside of --from and --to")
    return replace(selection, from_ns=from_ns, to_ns=to_ns)
