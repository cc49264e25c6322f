"""The ranking of guests."""

from __future__ import annotations

from typing import Final

from ...fleet.guests import Guest
from ...fleet.words import TITLES, findings_words, hours_words, rate_words
from ..section import Content
from ..table import Cell, Column, Table, first, number, unknown, word
from .source import FleetSource

_RATES: Final = ("kills", "cost", "stall", "refault", "waste", "cycles")
_COLUMNS: Final = (
    Column("Guest"),
    Column("Recorded", number=True),
    *(Column(f"{TITLES[name]} /h", number=True) for name in _RATES),
    Column("Findings"),
    Column("Worst"),
)


def content(source: FleetSource) -> Content:
    """Guests with most kills by hour first, then by cost."""
    shown, note = first(source.results.guests, "guest", "those with most OOM kills, then by cost")
    rows = [_row(guest, source) for guest in shown]
    table = Table("Guests by OOM kills and cost, by hour of recording", _COLUMNS, rows, sortable=True, note=note)
    return Content(table)


def _row(guest: Guest, source: FleetSource) -> list[Cell]:
    rates = [_rate(name, guest) for name in _RATES]
    missing = (f"a part is missing in {guest.unseen}",) if guest.unseen else ()
    recorded = Cell(hours_words(guest.hours), guest.hours, "num", small=missing)
    return [
        source.guest_cell(guest),
        recorded,
        *rates,
        word(findings_words(guest) or "none", "findings-of"),
        Cell(guest.costliest.facts["verdict"], css="verdict-of"),
    ]


def _rate(name: str, guest: Guest) -> Cell:
    rate = guest.rates[name]
    return unknown() if rate.value is None else number(rate_words(name, rate), rate.value)
