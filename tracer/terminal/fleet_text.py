"""A fleet's results as text for a terminal."""

from __future__ import annotations

from typing import Final, Protocol

from ..fleet.effects import Effect
from ..fleet.guests import RATES, Guest
from ..fleet.results import Results
from ..fleet.words import (
    TITLES,
    amount,
    counted,
    effect_words,
    findings_words,
    hours_words,
    interval_words,
    rate_words,
    sentence,
)
from ..wording.numbers import bytes_, count, plural, seconds
from .paper import Paper

_MOST: Final = 12
_PLAIN: Final = Paper()


class Tally(Protocol):
    """How a run went."""

    states: dict[str, int]
    unchanged: int
    events: int
    read_bytes: int
    wall_s: float
    peak_bytes: int
    died: int
    retried: int


def fleet_text(results: Results, paper: Paper = _PLAIN) -> str:
    """The verdict, the worst guests, findings by kind, and what could not be read."""
    sections = [
        [*paper.paragraph(sentence(results), "Verdict: "), *paper.paragraph(counted(results), "Read:    ")],
        _arms(results, paper),
        _guests(results, paper),
        _kinds(results, paper),
        _unread(results, paper),
    ]
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _arms(results: Results, paper: Paper) -> list[str]:
    if results.arms is None:
        return []
    lines: list[str] = []
    for arm in results.arms.arms:
        head = ("by hour", results.arms.control, arm.arm, "difference", "95 % interval", "detectable", "")
        rows = [_effect(each) for each in arm.effects]
        lines += [f"{arm.arm} against {results.arms.control}", *paper.table(head, rows)]
    return lines


def _effect(each: Effect) -> tuple[str, ...]:
    name = each.measure
    told = "differs" if each.told else each.why or "no difference can be told"
    sides = (f"{amount(name, side.rate)} ({count(side.guests)})" for side in (each.control, each.treatment))
    return (TITLES[name], *sides, effect_words(each), interval_words(each), amount(name, each.detectable), told)


def _guests(results: Results, paper: Paper) -> list[str]:
    if not results.guests:
        return []
    head = ("guest", "recorded", *(f"{TITLES[name].lower()}/h" for name in RATES), "findings")
    rows = [_guest(guest) for guest in results.guests[:_MOST]]
    rest = len(results.guests) - len(rows)
    more = [f"  and {plural(rest, 'guest')} more"] if rest > 0 else []
    return [
        "Guests, most OOM kills and then the costliest first, by hour of recording",
        *paper.table(head, rows),
        *more,
    ]


def _guest(guest: Guest) -> tuple[str, ...]:
    rates = (rate_words(name, guest.rates[name]) for name in RATES)
    return (guest.name, hours_words(guest.hours), *rates, findings_words(guest) or "none")


def _kinds(results: Results, paper: Paper) -> list[str]:
    kinds = results.over_time.kinds
    if not kinds:
        return []
    rows = [(each.severity, each.kind, count(each.findings), count(each.guests)) for each in kinds]
    return ["Findings by kind", *paper.table(("severity", "kind", "findings", "guests"), rows)]


def _unread(results: Results, paper: Paper) -> list[str]:
    unread = results.fleet.unread
    if not unread:
        return []
    rows = [line for each in unread[:_MOST] for line in paper.paragraph(f"{each.source}: {each.why}", "  ")]
    more = [f"  and {count(len(unread) - _MOST)} more"] if len(unread) > _MOST else []
    return ["Not read", *rows, *more]


def run_words(tally: Tally) -> str:
    """How a run went, in a sentence."""
    made = sum(number for state, number in tally.states.items() if state != "kept")
    kept = tally.unchanged + tally.states["kept"]
    words = [f"{plural(made, 'recording')} read, {count(kept)} as they were"]
    if made:
        each = f"{made / tally.wall_s:,.1f}/s" if tally.wall_s else "at once"
        words.append(f"{bytes_(tally.read_bytes)} in {seconds(tally.wall_s)} ({each})")
        words.append(f"{bytes_(tally.peak_bytes)} of memory at most in a process")
    if tally.retried:
        words.append(f"{plural(tally.retried, 'recording')} tried again alone, with more memory")
    if tally.died:
        words.append(f"{plural(tally.died, 'process', 'processes')} died, and what was in hand was tried again")
    return "; ".join(words)
