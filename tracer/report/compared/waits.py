"""How long single waits were in each arm."""

from __future__ import annotations

from dataclasses import dataclass

from ...compare.comparing import Comparison
from ...compare.waiting import arm_waits
from ...compare.words import shown_waits
from ..section import Content
from ..table import Cell, Column, Table, word

_COLUMNS = (
    Column("Arm"),
    *(Column(name, number=True) for name in ("Waits", "Median", "90 %", "99 %", "Longest")),
)


@dataclass(frozen=True)
class Waits:
    """A row an arm; `unknown` says why an arm's are not known."""

    table: Table
    unknown: tuple[str, ...]


def content(comparison: Comparison) -> Content | None:
    """None where nobody waited and it is known."""
    told = [(arm.name, arm_waits(arm)) for arm in comparison.arms]
    if not any(waits.spans or waits.why for _, waits in told):
        return None
    rows = [[word(name), *(Cell(text, css="num") for text in shown_waits(waits))] for name, waits in told]
    table = Table("Single waits for memory, by arm", _COLUMNS, rows)
    return Content(Waits(table, tuple(f"{name}: not known ({waits.why})." for name, waits in told if waits.why)))
