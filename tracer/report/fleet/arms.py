"""Arms held against their control."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ...fleet.effects import ArmEffects, Arms, Effect, Side
from ...fleet.words import TITLES, amount, effect_words, interval_words
from ...wording.numbers import DASH, count, percent
from ..section import Content
from ..table import Cell, Column, Table, word
from .source import FleetSource

_HOW: Final = (
    "Intervals (95 %) are over guests drawn again. Of 20 fleets in which nothing differs, at most one marks any number"
    " of an arm as differing. Detectable: the least difference that guests as many and as different as these tell four"
    " times of five."
)


@dataclass(frozen=True)
class ArmTables:
    """A table an arm, and what to know of them."""

    tables: tuple[Table, ...]
    remarks: tuple[str, ...]


def content(source: FleetSource) -> Content | None:
    """None where no arms were asked for."""
    arms = source.results.arms
    if arms is None:
        return None
    remarks = [_HOW]
    if arms.unset:
        remarks.append(f"{count(arms.unset)} recordings have no label {arms.key}: they are in no arm.")
    remarks += [f"{each.arm}: {count(each.both)} guests are in the control, too." for each in arms.arms if each.both]
    return Content(ArmTables(tuple(_table(each, arms) for each in arms.arms), tuple(remarks)))


def _table(arm: ArmEffects, arms: Arms) -> Table:
    columns = (
        Column("By hour"),
        Column(arms.control, number=True),
        Column(arm.arm, number=True),
        Column("Difference", number=True),
        Column("Told"),
        Column("95 % interval", number=True),
        Column("Power", number=True),
        Column("Detectable", number=True),
    )
    return Table(f"{arm.arm} against {arms.control}", columns, [_row(each) for each in arm.effects], titled=True)


def _row(effect: Effect) -> list[Cell]:
    told = Cell("differs", css="told") if effect.told else word("no difference can be told")
    if effect.p is None:
        told = Cell("not known", css="none", small=(effect.why,))
    return [
        word(TITLES[effect.measure]),
        _side(effect.measure, effect.control),
        _side(effect.measure, effect.treatment),
        Cell(effect_words(effect), css="num"),
        told,
        Cell(interval_words(effect), css="num"),
        Cell(DASH if effect.power is None else percent(effect.power), css="num"),
        Cell(amount(effect.measure, effect.detectable), css="num"),
    ]


def _side(measure: str, side: Side) -> Cell:
    mark = ">= " if side.bounds and side.rate else ""
    told = f"{count(side.guests)} of {count(side.of)} guests"
    return Cell(f"{mark}{amount(measure, side.rate)}", css="num", small=(told,))
