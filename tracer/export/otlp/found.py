"""What was found, as a tree: episodes, storms, cycles and conflicts with the ids of their spans."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
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
    """One thing that lasted. `key` tells it from all others of any recording: it is the same in a slice that has all of
    it. `kills` are the findings of kills in it, `balloon` is how numbers of the balloon were had."""

    key: str
    parent: Found | None
    kind: str
    thing: Thing
    balloon: Quality
    kills: tuple[Finding, ...] = ()

    @property
    def name(self) -> str:
        """What such things are called: a handful of names."""
        return name_of(self.kind, self.thing)

    @cached_property
    def id(self) -> SpanId:
        """Of the trace that its topmost parent is the root of."""
        trace = self.parent.id.trace if self.parent else _digest(f"trace/{self.key}", _TRACE_BYTES)
        return SpanId(trace, _digest(f"span/{self.key}", _SPAN_BYTES))


def name_of(kind: str, thing: Thing) -> str:
    """A kind, with a cycle's class."""
    return f"{kind} {thing.cycle_class.value}" if isinstance(thing, Cycle | Storm) else kind


class FoundSpans:
    """All of a recording, and which of them a finding is about."""

    def __init__(self, analysis: Analysis, tracing_id: str, start_ns: int) -> None:
        """`tracing_id` is the recording's (`tables/origin.py`), `start_ns` time 0 of the analysis (CLOCK_MONOTONIC)."""
        self._tracing_id, self._start_ns = tracing_id, start_ns
        self._alike = Counter[str]()
        self._balloon = analysis.balloon.quality
        self._episodes = analysis.episodes
        self._starts_s = [one.start_s for one in self._episodes]
        kills: defaultdict[int, list[Finding]] = defaultdict(list)
        for finding in analysis.findings:
            if finding.kind in _KILLS and (episode := self._episode_at(finding.start_s)):
                kills[episode.id].append(finding)
        episodes = {one.id: self._found("episode", one, None, kills[one.id]) for one in self._episodes}
        self._found_episodes = episodes
        storms = {one.id: self._found("storm", one, self._around(one.start_s)) for one in analysis.storms}
        cycles = [
            self._found("cycle", one, storms[one.storm] if one.storm in storms else self._around(one.start_s))
            for one in analysis.cycles
        ]
        conflicts = [self._found("conflict", one, self._around(one.start_s)) for one in analysis.conflicts]
        self.all: list[Found] = [*episodes.values(), *storms.values(), *cycles, *conflicts]
        """Parents before children."""
        self._exact = {(one.kind, one.thing.start_s, one.thing.end_s): one for one in self.all}

    def about(self, finding: Finding) -> SpanId | None:
        """The span of the very thing, else of the episode in which it began; None without one."""
        exact = self._exact.get((finding.kind, finding.start_s, finding.end_s))
        about = exact or self._around(finding.start_s)
        return about.id if about else None

    def _found(self, kind: str, thing: Thing, parent: Found | None, kills: Sequence[Finding] = ()) -> Found:
        key = f"{self._tracing_id}/{name_of(kind, thing)}/{self._start_ns + round(thing.start_s * 1e9)}"
        self._alike[key] += 1
        return Found(f"{key}/{self._alike[key]}", parent, kind, thing, self._balloon, tuple(kills))

    def _around(self, at_s: float) -> Found | None:
        episode = self._episode_at(at_s)
        return self._found_episodes[episode.id] if episode else None

    def _episode_at(self, at_s: float) -> Episode | None:
        place = bisect_right(self._starts_s, at_s) - 1
        return self._episodes[place] if place >= 0 and at_s <= self._episodes[place].end_s else None


def _digest(key: str, size: int) -> str:
    return hashlib.blake2b(key.encode(), digest_size=size).hexdigest()
