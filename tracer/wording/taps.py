"""When an episode tapped the balloon, and why that is said: the sentence of `summary --json` and of the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from ..analyze.balloon.size import balloon_pages
from ..analyze.findings.taps import SPENT_LEAST_S, early_taps, spent_s
from ..analyze.model import Analysis, Episode, Tap
from ..analyze.naming import tap_in
from ..analyze.terms import TapVerdict
from .numbers import count, mib, plural, seconds

_NONE: Final = "no balloon"


def tap_words(analysis: Analysis, episode: Episode, page_bytes: int) -> str:
    """Why an episode's tap has its verdict; empty where there is no balloon."""
    tap = episode.tap
    if tap is None:
        return ""
    if tap.verdict is TapVerdict.PREMATURE:
        return _premature(episode, page_bytes)
    if tap.verdict is TapVerdict.UNKNOWN:
        return f"{tap.unknown_why[:1].upper()}{tap.unknown_why[1:]}."
    if tap.verdict is TapVerdict.NEVER:
        return _never(analysis, episode, page_bytes)
    return _last(episode, tap, page_bytes)


def taps_together(episodes: Sequence[Episode]) -> str:
    """How many episodes have which verdict: `premature in 2 episodes, never in 1`; empty without episodes."""
    found = Counter(episode.tap.verdict if episode.tap else None for episode in episodes)
    if not episodes or set(found) == {None}:
        return _NONE if episodes else ""
    told = [(verdict.value, found[verdict]) for verdict in TapVerdict if verdict in found]
    (word, number), *others = told
    return ", ".join([f"{word} in {plural(number, 'episode')}", *(f"{word} in {count(n)}" for word, n in others)])


def _premature(episode: Episode, page_bytes: int) -> str:
    rows = early_taps(episode)
    where = " and ".join(f"{mib(row.balloon_pages or 0, page_bytes)} in {tap_in(row)}" for row in rows)
    gentle = sum(row.balloon_pages_at_def_priority for row in rows)
    first = f", {mib(gentle, page_bytes)} at priority 12, the gentlest pass" if gentle else ""
    return f"Reclaim could still free page cache when the balloon gave {where}{first}."


def _last(episode: Episode, tap: Tap, page_bytes: int) -> str:
    heroics = episode.before_notifier
    when = f", first {heroics.before_s:.2f} s into the episode" if heroics else ""
    spent = seconds(spent_s(episode))
    gave = f"The balloon gave {mib(tap.pages or 0, page_bytes)} only as the last resort{when}"
    if tap.verdict is TapVerdict.LATE:
        return f"{gave}; the episode's direct reclaim and throttling took {spent}."
    return f"{gave}; the episode's direct reclaim and throttling took {spent}, less than {SPENT_LEAST_S:g} s."


def _never(analysis: Analysis, episode: Episode, page_bytes: int) -> str:
    held = balloon_pages(analysis, page_bytes, episode.end_s)
    if held is None:
        return "No page left the balloon under pressure; what it held is not known."
    if not held:
        return "No page left the balloon under pressure: it was empty."
    return f"No page left the balloon under pressure; it held {mib(held, page_bytes)} at the episode's end."
