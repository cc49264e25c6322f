"""A fleet's results as the JSON that `fleet --json` prints; its keys are a contract (docs/fleet.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from ..gates.judging import Judged
from ..gates.measures import Number
from .guests import Guest
from .results import Results
from .words import counted, sentence

FORMAT: Final = "reclaim-tracer/fleet"
VERSION: Final = 1


def fleet_json(results: Results, gates: Sequence[Judged] = ()) -> dict[str, Any]:
    """Plain JSON values; rates are by hour of recording, `cost` and `stall` in seconds, `refault` and `waste` in
    bytes."""
    fleet, times = results.fleet, results.over_time
    return {
        "format": FORMAT,
        "version": VERSION,
        "verdict": sentence(results),
        "counted": counted(results),
        "recordings": len(fleet.recordings),
        "hours": results.hours,
        "lower_bounds": results.unseen,
        "guests": [_guest(guest) for guest in results.guests],
        "groupings": [asdict(each) for each in results.groupings],
        "findings": asdict(times),
        "outliers": [
            {
                "guest": each.guest.name,
                "measure": each.measure,
                "rate": each.rate,
                "quality": each.guest.rates[each.measure].quality.value,
                "usual": each.usual,
                "among": each.among,
                "score": each.score,
            }
            for each in results.outliers
        ],
        "arms": None if results.arms is None else asdict(results.arms),
        "unread": [asdict(each) for each in fleet.unread],
        "gates": [
            {"condition": each.condition.text, "outcome": each.outcome.name.lower(), "words": each.words}
            for each in gates
        ],
        "twice": [{"source": source, "counted": counted_as} for source, counted_as in fleet.twice],
    }


def _guest(guest: Guest) -> dict[str, Any]:
    return {
        "guest": guest.name,
        "hours": guest.hours,
        "recordings": [each.source for each in guest.recordings],
        "costliest": guest.costliest.source,
        "rates": {name: _number(number) for name, number in guest.rates.items()},
        "findings": dict(guest.findings),
        "lower_bounds": guest.unseen,
    }


def _number(number: Number) -> dict[str, Any]:
    return {"value": number.value, "quality": number.quality.value, "why": number.why or None}
