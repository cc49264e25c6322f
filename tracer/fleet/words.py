"""A fleet's numbers as they are shown, in a terminal and on a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Final

from ..analyze.terms import Quality
from ..gates.measures import Number
from ..wording.numbers import DASH, bytes_, change, count, plural, seconds
from .effects import Effect
from .guests import Guest, total
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
    told = "; ".join((*_killed(results), *_paid(results)))
    return f"{told[0].upper()}{told[1:]}."


def _killed(results: Results) -> Iterator[str]:
    """OOM kills, and where nobody knows of any."""
    numbers = [each.kills for each in results.fleet.recordings]
    killed = total(numbers)
    if killed.value:
        guests = sum(bool(guest.rates["kills"].value) for guest in results.guests)
        yield f"{_at_least(killed)}{plural(killed.value, 'OOM kill')} in {plural(guests, 'guest')}"
    if silent := sum(each.value is None for each in numbers):
        yield f"of {plural(silent, 'recording')} OOM kills are not known"


def _paid(results: Results) -> Iterator[str]:
    """What memory cost, who paid, and of whom nobody knows."""
    summed = total([each.cost_s for each in results.fleet.recordings])
    if summed.value is None:
        yield "what memory cost is not known in any recording"
        return
    costs = {guest.name: cost.value for guest in results.guests if (cost := guest.cost_s).value is not None}
    if summed.value:
        worst = max(costs, key=lambda name: costs[name])
        yield (
            f"{_most(costs.values(), summed.value)} of {plural(len(costs), 'guest')} pay half of the cost of"
            f" {_at_least(summed)}{seconds(summed.value)}"
        )
        yield f"{worst} alone pays {costs[worst] / summed.value:.0%}".replace("%", " %")
    else:
        seen = " as far as was seen" if summed.quality is Quality.LOWER_BOUND else ""
        yield f"no memory was waited for, moved for nothing or read again{seen}"
    if silent := len(results.guests) - len(costs):
        yield f"of {plural(silent, 'guest')} the cost is not known"


def _at_least(number: Number) -> str:
    return "at least " if number.quality is Quality.LOWER_BOUND else ""


def _most(costs: Iterable[float], whole: float) -> str:
    """How many of the costliest guests pay half of all."""
    paid = list(accumulate(sorted(costs, reverse=True)))
    return count(1 + next(at for at, each in enumerate(paid) if each >= whole / 2 or at == len(paid) - 1))


def effect_words(effect: Effect) -> str:
    """A difference by hour, and its share of the control's; a dash where it is not known."""
    if effect.difference is None:
        return DASH
    told = _signed(effect.measure, effect.difference)
    return told if effect.share is None else f"{told} ({change(effect.share)})"


def interval_words(effect: Effect) -> str:
    """Between what a difference lies; empty where that is not known."""
    if effect.low is None or effect.high is None:
        return DASH
    return f"{_signed(effect.measure, effect.low)} to {_signed(effect.measure, effect.high)}"


def _signed(measure: str, value: float) -> str:
    return f"{'-' if value < 0 else '+' if value > 0 else ''}{amount(measure, abs(value))}"
