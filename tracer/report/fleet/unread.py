"""What is not in the numbers, or only in part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..section import Content
from ..table import Column, Table, first, word
from .source import FleetSource

_COLUMNS: Final = (Column("Recording"), Column("Why"))


@dataclass(frozen=True)
class NotRead:
    """Recordings that could not be read, that have a part missing, and copies; None where there are none."""

    unread: Table | None
    partly: Table | None
    twice: Table | None


def content(source: FleetSource) -> Content:
    """Three tables."""
    fleet = source.results.fleet
    partly = [(each.source, each.facts["unseen"]) for each in fleet.recordings if each.facts["unseen"] is not None]
    return Content(
        NotRead(
            _table("Not read: in no number", [(each.source, each.why) for each in fleet.unread]),
            _table("Read with a part missing: lower bounds", partly),
            _table("Copies: counted once", [(copy, f"the same recording as {other}") for copy, other in fleet.twice]),
        )
    )


def _table(title: str, told: list[tuple[str, str]]) -> Table | None:
    if not told:
        return None
    shown, note = first(told, "recording", "by name")
    return Table(title, _COLUMNS, [[word(name), word(why)] for name, why in shown], titled=True, note=note)
