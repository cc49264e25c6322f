"""When the balloon was tapped in an episode, by the rules of `premature_tap` and `late_tap`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from ..model import Episode, Tap, TierRow, known_sum
from ..terms import TapVerdict, Tier
from .needs import LEAKS, NOTIFICATIONS, NOTIFIER_KINDS, SHRINKER_KINDS, SHRINKERS

if TYPE_CHECKING:
    from .evidence import Evidence

SPENT_LEAST_S: Final = 0.1
"""Time in direct reclaim and retries from which on the balloon came late: what a person notices."""
_EARLY: Final = frozenset({Tier.BACKGROUND, Tier.DIRECT})
_TELLING: Final = NOTIFIER_KINDS | SHRINKER_KINDS | {"balloon_run_pages", "leak_balloon_begin", "leak_balloon_end"}
"""Event kinds without which a tap may not have been seen."""


def early_taps(episode: Episode) -> list[TierRow]:
    """Rungs in which pages left the balloon although reclaim could still free page cache."""
    return [row for row in episode.tiers if row.tier in _EARLY and row.balloon_pages]


def row_of(episode: Episode, tier: Tier) -> TierRow | None:
    """An episode's rung of a tier; None where it was not entered."""
    return next((row for row in episode.tiers if row.tier is tier), None)


def spent_s(episode: Episode) -> float:
    """Seconds that the episode's direct reclaim and throttled waits took."""
    rows = (row_of(episode, tier) for tier in (Tier.DIRECT, Tier.RETRY))
    return sum(row.busy_s or 0.0 for row in rows if row)


def judge_taps(evidence: Evidence) -> None:
    """Give each episode its `tap`."""
    if evidence.surely_no_balloon:
        return
    in_need = SHRINKERS if evidence.analysis.balloon.reclaim_path == "shrinker" else NOTIFICATIONS
    unseen = [need.why for need in (LEAKS, in_need) if not need.is_met(evidence)]
    for episode in evidence.analysis.episodes:
        episode.tap = _tap(evidence, episode, unseen)


def _tap(evidence: Evidence, episode: Episode, unseen: Sequence[str]) -> Tap:
    if early := early_taps(episode):
        return Tap(TapVerdict.PREMATURE, known_sum(row.balloon_pages for row in early))
    last = [row for row in episode.tiers if row.tier >= Tier.RETRY and row.balloon_pages]
    if last:
        late = spent_s(episode) >= SPENT_LEAST_S
        return Tap(TapVerdict.LATE if late else TapVerdict.TIMELY, known_sum(row.balloon_pages for row in last))
    if unseen:
        return Tap(TapVerdict.UNKNOWN, None, unseen[0])
    if evidence.may_have_missed(episode.start_s, episode.end_s, _TELLING):
        return Tap(TapVerdict.UNKNOWN, None, "events that tell of it were lost in this time")
    return Tap(TapVerdict.NEVER, 0)
