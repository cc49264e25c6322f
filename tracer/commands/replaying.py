"""Replays a recording: findings in the order they come up, then the summary."""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TextIO

from ..analyze import Engine
from ..live import finding_line, summary_text
from .analysis import analyse, facts_of
from .pacing import Pace

if TYPE_CHECKING:
    from ..analyze import Analysis, Options
    from ..analyze.model import Finding
    from ..store import Recording

SETTLED_S: Final = 1.0
"""How long ago a finding must have ended to be shown: until then it may still grow."""
LOOK_S: Final = 1.0
"""How often the results so far are looked at, in seconds of the recording (times the speed above 1)."""


@dataclass
class FindingStream:
    """Gives each finding once, when it has settled; what concerns the whole recording is left to the summary."""

    shown: set[tuple[str, float]] = field(default_factory=set)

    def new(self, analysis: Analysis, settled_s: float) -> Iterator[Finding]:
        """Findings not given before that ended before `settled_s`, in the order they ended."""
        for finding in sorted(analysis.findings, key=lambda finding: finding.end_s):
            whole = finding.start_s <= 0.0 and finding.end_s >= analysis.duration_s
            key = (finding.kind, finding.start_s)
            if not whole and finding.end_s <= settled_s and key not in self.shown:
                self.shown.add(key)
                yield finding


def replay_recording(
    recording: Recording, options: Options, speed: float | None, out: TextIO, *, quiet: bool = False
) -> Analysis:
    """Print findings and the summary to `out`; `speed` None is as fast as it goes."""
    stream = FindingStream()
    if speed is None:
        analysis = analyse(recording, options)
    else:
        analysis = _paced(recording, options, Pace(speed), stream, out, quiet=quiet)
    out.writelines(finding_line(finding) + "\n" for finding in stream.new(analysis, analysis.duration_s))
    if stream.shown:
        out.write("\n")
    out.write(summary_text(analysis, facts_of(recording, analysis)))
    return analysis


def _paced(
    recording: Recording, options: Options, pace: Pace, stream: FindingStream, out: TextIO, *, quiet: bool
) -> Analysis:
    engine = Engine(recording.metadata, recording.symbols, options)
    progress = Progress((recording.last_ns - recording.metadata.start_ns) / 1e9, quiet=quiet)
    step_s = LOOK_S * max(pace.speed, 1.0)
    next_look_s = step_s
    for item, now_s in pace.items(recording):
        engine.feed(item)
        if now_s < next_look_s:
            continue
        next_look_s = now_s + step_s
        # `finish` uses an engine up, so the results so far come from a copy.
        out.writelines(
            finding_line(finding) + "\n" for finding in stream.new(copy.deepcopy(engine).finish(), now_s - SETTLED_S)
        )
        out.flush()
        progress.show(now_s)
    progress.clear()
    return engine.finish(recording.last_ns)


@dataclass
class Progress:
    """A line on stderr that is written over, on a terminal only."""

    length_s: float
    quiet: bool = False

    @property
    def wanted(self) -> bool:
        """Whether somebody is watching."""
        return not self.quiet and sys.stderr.isatty()

    def show(self, now_s: float) -> None:
        """Where the replay is."""
        if self.wanted:
            sys.stderr.write(f"\r{now_s:.1f} of {self.length_s:.1f} s\033[K")
            sys.stderr.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self.wanted:
            sys.stderr.write("\r\033[K")
