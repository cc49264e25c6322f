"""What was found, as a tree: episodes, storms, cycles and conflicts with the ids of their spans."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from ...analyze.model import Analysis, Conflict, Cycle, Episode, Finding, Storm
from ...analyze.terms import Quality

_KILLS: Final = frozenset({"oom_kill", "user_kill"})
_TRACE_BYTES: Final = 16
_SPAN_BYTES: Final = 8

Thing = Episode | Storm | Cycle | Conflict


@dataclass(frozen=True)
class SpanId:
    """A span in its trace, in hexadecimal; the same whenever a recording is exported."""

    trace: str
    span: str


@dataclass(frozen=True)
class Found:
    """One thing that lasted. `kills` are the findings of kills in it, `balloon` is how numbers of the balloon were
    had."""

    id: SpanId
    parent: SpanId | None
    kind: str
    thing: Thing
    balloon: Quality
    kills: tuple[Finding, ...] = ()

    @property
    def name(self) -> str:
        """What such things are called: a handful of names."""
        return f"{self.kind} {self.thing.cycle_class.value}" if isinstance(self.thing, Cycle | Storm) else self.kind


class FoundSpans:
    """All of a recording, and which of them a finding is about."""

    def __init__(self, analysis: Analysis, recording_id: str) -> None:
        self._recording_id = recording_id
        self._balloon = analysis.balloon.quality
        self._episodes = analysis.episodes
        self._starts_s = [one.start_s for one in self._episodes]
        kills: defaultdict[int, list[Finding]] = defaultdict(list)
        for finding in analysis.findings:
            if finding.kind in _KILLS and (episode := self._episode_at(finding.start_s)):
                kills[episode.id].append(finding)
        episodes = {one.id: self._found("episode", one, None, kills[one.id]) for one in self._episodes}
        self._ids = {key: one.id for key, one in episodes.items()}
        storms = {one.id: self._found("storm", one, self._around(one.start_s)) for one in analysis.storms}
        cycles = [
            self._found("cycle", one, storms[one.storm].id if one.storm in storms else self._around(one.start_s))
            for one in analysis.cycles
        ]
        conflicts = [self._found("conflict", one, self._around(one.start_s)) for one in analysis.conflicts]
        self.all: list[Found] = [*episodes.values(), *storms.values(), *cycles, *conflicts]
        """Parents before children."""
        self._exact = {(one.kind, one.thing.start_s, one.thing.end_s): one.id for one in self.all}

    def about(self, finding: Finding) -> SpanId | None:
        """The span of the very thing, else of the episode in which it began; None without one."""
        exact = self._exact.get((finding.kind, finding.start_s, finding.end_s))
        return exact or self._around(finding.start_s)

    def _found(self, kind: str, thing: Thing, parent: SpanId | None, kills: list[Finding] | None = None) -> Found:
        key = f"{self._recording_id}/{kind}/{thing.id}/{round(thing.start_s * 1e9)}"
        trace = parent.trace if parent else _digest(f"trace/{key}", _TRACE_BYTES)
        identity = SpanId(trace, _digest(f"span/{key}", _SPAN_BYTES))
        return Found(identity, parent, kind, thing, self._balloon, tuple(kills or ()))

    def _around(self, at_s: float) -> SpanId | None:
        episode = self._episode_at(at_s)
        return self._ids[episode.id] if episode else None

    def _episode_at(self, at_s: float) -> Episode | None:
        place = bisect_right(self._starts_s, at_s) - 1
        return self._episodes[place] if place >= 0 and at_s <= self._episodes[place].end_s else None


def _digest(key: str, size: int) -> str:
    return hashlib.blake2b(key.encode(), digest_size=size).hexdigest()
