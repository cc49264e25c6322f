"""Which ladders the reader can choose: the whole recording, or an episode, the costliest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..analyze.model import Analysis, Episode, TierRow
from ..analyze.terms import TapVerdict, Tier
from ..wording.numbers import count, offset, plural, seconds
from ..wording.taps import tap_words, taps_together
from ..wording.tiers import rungs

MOST_EPISODES: Final = 16
_MARKS: Final = {
    TapVerdict.PREMATURE: ("◆", "sev-warning"),
    TapVerdict.LATE: ("◆", "sev-warning"),
    TapVerdict.TIMELY: ("✓", "measured"),
    TapVerdict.NEVER: ("○", ""),
    TapVerdict.UNKNOWN: ("?", "inferred"),
}
"""A shape and a class of the style for each verdict, so that none is told by its colour alone."""

Rung = tuple[Tier, str]
"""A tier and the name of it, or of one of its scopes."""


@dataclass(frozen=True)
class TapMark:
    """When the balloon was tapped: a label with its glossary word, and why that is said. `mark` and `css` are empty
    for a whole recording."""

    label: str
    term: str
    why: str
    mark: str = ""
    css: str = ""


@dataclass(frozen=True)
class Choice:
    """One ladder the reader can pick: the whole recording or an episode."""

    label: str
    start_s: float
    end_s: float
    rows: list[TierRow]
    tap: TapMark | None = None

    def by_rung(self) -> dict[Rung, TierRow]:
        """The rungs that were reached."""
        return {(row.tier, label): row for label, row in rungs(self.rows)}

    def entry(self, row: TierRow) -> int:
        """Which tier this one was in the order of their first entries, from 1; alike ones share a place."""
        return 1 + sum(other.first_s < row.first_s for other in self.rows)


def choices(analysis: Analysis, page_bytes: int) -> list[Choice]:
    """The whole recording, then the episodes in which tasks waited longest; those without waits by their length."""
    costliest = sorted(analysis.episodes, key=_cost, reverse=True)[:MOST_EPISODES]
    whole = Choice("Whole recording", 0.0, analysis.duration_s, analysis.tiers, _together(analysis))
    return [whole, *(_episode(analysis, episode, page_bytes) for episode in costliest)]


def which_episodes(analysis: Analysis) -> str:
    """Which of all episodes can be chosen; empty where all can."""
    if len(analysis.episodes) <= MOST_EPISODES:
        return ""
    return f"The {MOST_EPISODES} costliest of {plural(len(analysis.episodes), 'episode')}."


def _waited_s(episode: Episode) -> float:
    return sum(waits.stall_s for waits in (episode.global_waits, episode.memcg_waits) if waits)


def _cost(episode: Episode) -> tuple[float, float, int]:
    return _waited_s(episode), episode.end_s - episode.start_s, -episode.id


def _episode(analysis: Analysis, episode: Episode, page_bytes: int) -> Choice:
    waited_s = _waited_s(episode)
    waited = f", waited {seconds(waited_s)}" if waited_s else ""
    tapped = f", tap: {episode.tap.verdict}" if episode.tap else ""
    label = f"Episode {episode.id}: {offset(episode.start_s)} to {offset(episode.end_s)}{waited}{tapped}"
    mark = None
    if episode.tap:
        shape, css = _MARKS[episode.tap.verdict]
        word = str(episode.tap.verdict)
        term = {"never": "never tapped", "unknown": ""}.get(word, f"{word} tap")
        mark = TapMark(word, term, tap_words(analysis, episode, page_bytes), shape, css)
    return Choice(label, episode.start_s, episode.end_s, episode.tiers, mark)


def _together(analysis: Analysis) -> TapMark | None:
    known = [episode for episode in analysis.episodes if episode.tap]
    if not known:
        return None
    return TapMark("", "", f"{taps_together(known)} (of {count(len(known))}).")
