"""From the results so far, look after look, to the state at each moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from ..analyze.model import Analysis, Finding
from ..recording_facts import RecordingFacts
from .history import RECENT_S, recent_history, whole_history
from .looks import Look, beginning, look_at, lost_unknown
from .model import Flow, Snapshot
from .now import balloon_now, memory_now, source_of
from .standing import StandingLine
from .states import EPISODE_S, Moment
from .waiting import MOST_ROWS, Busy
from .windows import SECOND_S, TEN_S, RecentLooks, window

MOST_FINDINGS: Final = 50


@dataclass(frozen=True)
class StreamHealth:
    """What is known of the stream beside what is in it.

    `lag_s` is how far the results lie behind now, CPU a share of one CPU over the last 10 s; None where nobody knows.
    `ended` says how the stream ended (`closed`, `cut`), None while it goes on. `marks` are times in seconds since the
    recording's start, and words.
    """

    lag_s: float | None = None
    recorder_cpu_share: float | None = None
    recorder_memory_bytes: int | None = None
    view_cpu_share: float | None = None
    view_memory_bytes: int | None = None
    ended: str | None = None
    marks: Sequence[tuple[float, str]] = ()


NOTHING_KNOWN: Final = StreamHealth()


class Observer:
    """Takes the results so far, some times a second, each later than those before, and says what they show.

    What it keeps is bounded: totals of the last minute. Windows and what they say are differences of totals between
    looks: one that begins in the middle of a recording has none, and should be given looks at ten seconds and at one
    second before the moment it is asked for. Results of an earlier time than the last (a seek back) make it begin anew.
    """

    def __init__(self, facts: RecordingFacts) -> None:
        """`facts` are those of the recording or stream: its name and its metadata."""
        self._facts = facts
        self._last_s = 0.0
        self._looks, self._busy, self._line = RecentLooks(), Busy(), StandingLine()

    def look(self, analysis: Analysis, health: StreamHealth = NOTHING_KNOWN) -> Snapshot:
        """The state by these results. Milliseconds, whatever the recording's length, beside what has to be looked
        through once: tasks that waited, shrinkers, findings."""
        now = look_at(analysis, self._facts.metadata)
        if now.time_s < self._last_s:
            self._forget()
        self._last_s = now.time_s
        self._looks.beginning = beginning(now, analysis)
        self._busy.take(analysis)
        snapshot = self._snapshot(analysis, now, self._looks, health)
        self._looks.add(now)
        return snapshot

    def _forget(self) -> None:
        self._looks, self._busy, self._line = RecentLooks(), Busy(), StandingLine()

    def _snapshot(self, analysis: Analysis, now: Look, looks: RecentLooks, health: StreamHealth) -> Snapshot:
        metadata, page_bytes = self._facts.metadata, self._facts.metadata.page_size_bytes
        second, ten = looks.base(now, SECOND_S), looks.base(now, TEN_S)
        ten_length_s = now.time_s - ten.time_s
        episode = analysis.episodes[-1] if analysis.episodes else None
        lag_s = None if health.ended else health.lag_s
        limited = partial(self._busy.limited, analysis, second.time_s)
        moment = Moment(analysis, self._facts, now, second, limited, lag_s, cut=health.ended == "cut")
        return Snapshot(
            now_s=now.time_s,
            ended=health.ended,
            standing=self._line.at(moment, looks),
            source=source_of(analysis, metadata, self._facts.source),
            flow=_flow(analysis, now, second, health, lag_s),
            memory=memory_now(analysis, metadata),
            balloon=balloon_now(analysis, metadata),
            windows={
                "1s": window("1s", second, now, page_bytes),
                "10s": window("10s", ten, now, page_bytes),
                "total": window("total", beginning(now, analysis), now, page_bytes),
            },
            episode=episode,
            episode_open=episode is not None and episode.end_s >= now.time_s - EPISODE_S,
            waiting=self._busy.tasks(analysis.stalls, ten.time_s, ten_length_s),
            waiting_cgroups=self._busy.cgroups(analysis.cgroups or (), ten.time_s, ten_length_s),
            shrinkers=self._busy.shrinkers(analysis.shrinkers, ten.time_s, ten_length_s),
            history=whole_history(analysis, metadata),
            recent=recent_history([*looks.since(now.time_s - RECENT_S), now], page_bytes),
            findings=_newest_first(analysis.findings)[:MOST_FINDINGS],
            findings_left_out=analysis.forgotten.findings + max(len(analysis.findings) - MOST_FINDINGS, 0),
            findings_by_kind=_by_kind(analysis),
            not_judged=tuple(analysis.not_judged),
            marks=tuple(health.marks),
            cgroups=tuple(analysis.cgroups or ())[:MOST_ROWS],
        )


def _flow(analysis: Analysis, now: Look, second_ago: Look, health: StreamHealth, lag_s: float | None) -> Flow:
    length_s = now.time_s - second_ago.time_s
    return Flow(
        events=now.events,
        events_per_s=(now.events - second_ago.events) / length_s if length_s else None,
        lost_events=now.lost,
        lost_unknown=lost_unknown(analysis),
        lag_s=lag_s,
        recorder_cpu_share=health.recorder_cpu_share,
        recorder_memory_bytes=health.recorder_memory_bytes,
        view_cpu_share=health.view_cpu_share,
        view_memory_bytes=health.view_memory_bytes,
    )


def _by_kind(analysis: Analysis) -> dict[str, int]:
    told = Counter(finding.kind for finding in analysis.findings)
    return dict(sorted((told + Counter(analysis.forgotten.findings_by_kind)).items()))


def _newest_first(findings: Sequence[Finding]) -> list[Finding]:
    """Those that last before all others."""
    return sorted(findings, key=lambda finding: (not finding.open, -finding.start_s, finding.id))
