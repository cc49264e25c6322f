"""A fleet's numbers as they are shown, in a terminal and on a page."""

from __future__ import annotations

from typing import Final

from ..analyze.terms import Quality
from ..gates.measures import Number
from ..wording.numbers import DASH, bytes_, count, plural, seconds
from .effects import Effect
from .guests import Guest
from .results import Results

_MARKS: Final = {Quality.INFERRED: "~", Quality.LOWER_BOUND: ">= "}
_BYTES: Final = frozenset({"refault", "waste"})
_SECONDS: Final = frozenset({"cost", "stall"})
TITLES: Final = {
    "kills": "OOM kills",
    "cost": "Cost",
    "stall": "Waited",
    "refault": "Read again",
    "waste": "Moved for nothing",
    "cycles": "Cycles",
}


def amount(name: str, value: float | None) -> str:
    """A rate's value without `/h`; a dash where it is not known."""
    if value is None:
        return DASH
    if name in _BYTES:
        return bytes_(value)
    if name in _SECONDS:
        return seconds(value)
    return count(value) if value == round(value) else f"{value:,.2f}"


def rate_words(name: str, number: Number) -> str:
    """A rate by hour, with how it was had where it was not measured."""
    return f"{_MARKS.get(number.quality, '') if number.value else ''}{amount(name, number.value)}"


def hours_words(hours: float) -> str:
    """A length in the unit that fits: hours, minutes, seconds."""
    minutes = hours * 60
    if hours >= 1:
        return f"{hours:,.1f} h"
    return f"{minutes:,.1f} min" if minutes >= 1 else seconds(minutes * 60)


def findings_words(guest: Guest) -> str:
    """`2 critical, 1 warning`; empty without any."""
    told = [f"{count(number)} {severity}" for severity, number in guest.findings.items() if number]
    return ", ".join(told)


def counted(results: Results) -> str:
    """What was read and what was not, in a sentence."""
    fleet = results.fleet
    told = f"{plural(len(fleet.recordings), 'recording')} of {plural(len(results.guests), 'guest')}"
    words = [f"{told}, {hours_words(results.hours)} in all"]
    if fleet.unread:
        words.append(f"{count(len(fleet.unread))} could not be read")
    if results.unseen:
        words.append(f"of {count(results.unseen)} a part is missing, so that their numbers are lower bounds")
    if fleet.twice:
        words.append(f"{plural(len(fleet.twice), 'copy was', 'copies were')} not counted twice")
    return "; ".join(words) + "."


def sentence(results: Results) -> str:
    """The fleet in a sentence: who pays most, and for what."""
    if not results.guests:
        return "Nothing is known: no recording could be read."
    known = [guest for guest in results.guests if guest.rates["cost"].value is not None]
    kills = [guest for guest in results.guests if guest.rates["kills"].value]
    costs = sum((guest.rates["cost"].value or 0.0) * guest.hours for guest in known)
    if not known:
        return "What memory cost is not known in any recording."
    parts = []
    if kills:
        killed = sum(each.kills.value or 0.0 for each in results.fleet.recordings)
        parts.append(f"{plural(killed, 'OOM kill')} in {plural(len(kills), 'guest')}")
    if costs:
        worst = max(known, key=lambda guest: (guest.rates["cost"].value or 0.0) * guest.hours)
        share = (worst.rates["cost"].value or 0.0) * worst.hours / costs
        parts.append(
            f"{_tenth(known, costs)} of {plural(len(known), 'guest')} pay half of the cost of {seconds(costs)}"
        )
        parts.append(f"{worst.name} alone pays {share:.0%}".replace("%", " %"))
    silent = len(results.guests) - len(known)
    if silent:
        parts.append(f"of {plural(silent, 'guest')} the cost is not known")
    return "; ".join(parts or ["No memory was waited for, moved for nothing or read again"]) + "."


def _tenth(known: list[Guest], costs: float) -> str:
    """How many of the costliest guests pay half of all."""
    paid, number = 0.0, 0
    for each in sorted(((guest.rates["cost"].value or 0.0) * guest.hours for guest in known), reverse=True):
        paid, number = paid + each, number + 1
        if paid >= costs / 2:
            break
    return count(number)


def effect_words(effect: Effect) -> str:
    """A difference by hour, and its share of the control's; a dash where it is not known."""
    if effect.difference is None:
        return DASH
    told = _signed(effect.measure, effect.difference)
    return told if effect.share is None else f"{told} ({effect.share:+.0%})".replace("%", " %")


def interval_words(effect: Effect) -> str:
    """Between what a difference lies; empty where that is not known."""
    if effect.low is None or effect.high is None:
        return DASH
    return f"{_signed(effect.measure, effect.low)} to {_signed(effect.measure, effect.high)}"


def _signed(measure: str, value: float) -> str:
    return f"{'-' if value < 0 else '+' if value > 0 else ''}{amount(measure, abs(value))}"
