"""The first line: which state is shown, since when, and what it has cost since; steady enough to be read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from .looks import Look, refaults
from .model import Standing, State
from .states import Moment, Reading, blindness, held_until_s, present
from .windows import RecentLooks, grown

HOLD_S: Final = 2.0
"""A worse state is shown at once, a better one when the worse was not seen for so long: reclaim comes in bursts, and a
line that changes with each of them can't be read."""
_SEVERITY: Final = {state: number for number, state in enumerate(State)} | {State.BLIND: len(State)}
"""The worst first. That nothing can be called fine is no news while something is seen."""
_SAME_S: Final = 1e-6


@dataclass(frozen=True)
class _Shown:
    """A state that is shown, when it was seen last, and the totals when it began: not before `from_s`, up to which a
    worse one was shown."""

    reading: Reading
    seen_s: float
    base: Look
    from_s: float = 0.0


class StandingLine:
    """Takes moments in order."""

    def __init__(self) -> None:
        self._shown: _Shown | None = None

    def at(self, moment: Moment, looks: RecentLooks) -> Standing:
        """The state at this moment. `looks` are those before it."""
        now = moment.now
        shown = self._shown = self._next(moment, looks)
        blind = blindness(moment)
        page_bytes = moment.facts.metadata.page_size_bytes
        if blind is None:
            return _standing(shown.reading, now, _base(shown, looks), page_bytes)
        seen = shown.reading
        if seen.state not in (State.OK, State.BLIND):
            blind = replace(blind, why=f"{blind.why} Seen all the same, {seen.state.value}: {seen.why}")
        return _standing(blind, now, looks.before(blind.since_s, now), page_bytes)

    def _next(self, moment: Moment, looks: RecentLooks) -> _Shown:
        reading, now, shown = present(moment), moment.now, self._shown
        if shown is None or _SEVERITY[reading.state] < _SEVERITY[shown.reading.state]:
            return _Shown(reading, now.time_s, looks.before(reading.since_s, now))
        if reading.state is shown.reading.state:
            return _goes_on(shown, reading, now, looks)
        if now.time_s - shown.seen_s < HOLD_S and shown.reading.state is not State.BLIND:
            return shown
        from_s = max(shown.seen_s, held_until_s(shown.reading.state, moment))
        since_s = max(reading.since_s, from_s)
        return _Shown(replace(reading, since_s=since_s), now.time_s, looks.before(since_s, now), from_s)


def _goes_on(shown: _Shown, reading: Reading, now: Look, looks: RecentLooks) -> _Shown:
    """The same state with what is seen of it now. It may turn out to have begun earlier: a storm is known by its third
    cycle."""
    before_s, since_s = shown.reading.since_s, max(reading.since_s, shown.from_s)
    base = looks.before(since_s, now) if since_s < before_s - _SAME_S else shown.base
    return _Shown(replace(reading, since_s=min(before_s, since_s)), now.time_s, base, shown.from_s)


def _base(shown: _Shown, looks: RecentLooks) -> Look:
    """Of how things stood when the recording began, more may be known by now."""
    return looks.beginning if looks.beginning and not shown.base.time_s else shown.base


def _standing(reading: Reading, now: Look, base: Look, page_bytes: int) -> Standing:
    waited_s = None if now.waited_s is None or base.waited_s is None else max(now.waited_s - base.waited_s, 0.0)
    wasted, before = now.moved.wasted, base.moved.wasted
    again = grown(refaults(now), refaults(base))
    standing = Standing(
        state=reading.state,
        since_s=reading.since_s,
        why=reading.why,
        where=reading.where,
        waited_s=waited_s,
        moved_bytes=None if wasted is None or before is None else max(wasted - before, 0) * page_bytes,
        read_again_bytes=None if again is None else round(again[0] * page_bytes),
        finding=None if reading.finding is None else reading.finding.id,
    )
    return _as_found(standing, reading, page_bytes)


def _as_found(standing: Standing, reading: Reading, page_bytes: int) -> Standing:
    """With the finding's own numbers, where it is all there is of the state."""
    finding = reading.finding
    if finding is None or abs(finding.start_s - reading.since_s) > _SAME_S:
        return standing
    numbers = finding.numbers
    if "stall_s" in numbers:
        standing = replace(standing, waited_s=numbers["stall_s"])
    if "wasted_pages" in numbers:
        standing = replace(standing, moved_bytes=round(numbers["wasted_pages"] * page_bytes))
    if "refault_pages" in numbers:
        standing = replace(standing, read_again_bytes=round(numbers["refault_pages"] * page_bytes))
    return standing
