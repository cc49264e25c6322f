"""The timeline as a section of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from ..chosen_findings import chosen
from ..section import Content, Source
from .balloon import balloon_row
from .clock import Clocks, clocks_of
from .lanes import lanes_row
from .memory import memory_row
from .model import Row
from .packing import packed
from .reclaim import reclaim_row, slab_row
from .waiting import pressure_row, refault_row, waiting_row

_ROWS: Final = (
    lanes_row,
    balloon_row,
    memory_row,
    reclaim_row,
    refault_row,
    waiting_row,
    pressure_row,
    slab_row,
)


@dataclass(frozen=True)
class Timeline:
    """The rows from top to bottom, and the clocks that the axis can show."""

    rows: Sequence[Row]
    clocks: Clocks

    @property
    def drawn(self) -> bool:
        """Whether there is anything over time."""
        return any(row.drawn for row in self.rows)


def timeline(source: Source) -> Timeline:
    """All rows."""
    return Timeline([make(source) for make in _ROWS], clocks_of(source.facts))


def content(source: Source) -> Content:
    """Rows of charts over one time axis."""
    shown = timeline(source)
    if not shown.drawn:
        return Content(shown, None)
    return Content(shown, {"packed": packed(data(shown, source))}, frozenset({"scatter"}))


def data(shown: Timeline, source: Source) -> dict[str, Any]:
    """What the script draws from."""
    duration_s = source.analysis.duration_s
    findings = chosen(source.analysis.findings)
    return {
        "rows": [row.data(duration_s) for row in shown.rows if row.drawn],
        "clocks": asdict(shown.clocks),
        "findings": {str(finding.id): [finding.start_s, finding.end_s] for finding in findings},
    }
