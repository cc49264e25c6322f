"""A live view where there is no terminal to draw on: lines or JSON at an interval, and findings as they come."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, TextIO

from ..live.snapshot_json import snapshot_json
from ..terminal.live_lines import LineTable, finding_line, state_line
from .telling import FindingStream

if TYPE_CHECKING:
    from ..analyze.model import Finding
    from ..live.model import Snapshot
    from ..live.session import Session

GROWN: Final = 10.0
"""A finding that lasts is told again when it is so many times as long as when it was told last."""
_LOOK_S: Final = 0.05
_CONDITIONS: Final[dict[str, Callable[[Snapshot], int | None]]] = {
    "cycles": lambda shot: shot.windows["total"].balloon.cycles,
    "kills": lambda shot: shot.windows["total"].kills,
    "loss": lambda shot: shot.flow.lost_events or int(shot.flow.lost_unknown),
    "conflicts": lambda shot: _found(shot, "conflict"),
}
CONDITIONS: Final = tuple(_CONDITIONS)
"""What `--until` takes beside kinds of findings."""


@dataclass(frozen=True)
class Wishes:
    """How often, how many times (None: until the end), until what; `lines` also on a terminal, and whether as JSON."""

    interval_s: float = 1.0
    count: int | None = None
    until: tuple[str, ...] = ()
    lines: bool = False
    as_json: bool = False


def watch(
    session: Session,
    wishes: Wishes,
    out: TextIO,
    stop: threading.Event,
    say: Callable[[str], None],
    is_over: Callable[[], bool] = lambda: False,
) -> list[str]:
    """Show what a session says until it ends, `stop` is set, or what was waited for is there: that, with its numbers.

    What the session has to say goes to `say`. `is_over`: nothing more will come, although no snapshot may say so (what
    is followed was no recording). Raises OSError where `out` takes no more.
    """
    printer = _Json(out) if wishes.as_json else _Lines(out)
    shown, next_s, met = 0, time.monotonic(), list[str]()
    while not met:
        ends = is_over()
        snapshot = session.latest()
        has_ended = snapshot is not None and snapshot.ended is not None
        if snapshot is not None and (has_ended or time.monotonic() >= next_s):
            now_s = time.monotonic()
            next_s = (max(next_s, now_s - wishes.interval_s) if shown else now_s) + wishes.interval_s
            shown += 1
            printer.show(snapshot)
            met = [*_met(snapshot, wishes.until)]
        for told in iter(session.message, None):
            say(told)
        if ends or has_ended or shown == wishes.count or stop.wait(_LOOK_S):
            break
    return met


def _met(snapshot: Snapshot, wanted: tuple[str, ...]) -> Iterator[str]:
    for name in wanted:
        number = _CONDITIONS[name](snapshot) if name in _CONDITIONS else _found(snapshot, name)
        if number:
            yield f"{name} {number}"


def _found(snapshot: Snapshot, kind: str) -> int:
    return snapshot.findings_by_kind.get(kind, 0)


class _Found(NamedTuple):
    findings: Sequence[Finding]
    duration_s: float


@dataclass
class _Lines:
    """Lines for people."""

    out: TextIO
    _findings: FindingStream = field(default_factory=lambda: FindingStream(grown=GROWN))
    _table: LineTable = field(default_factory=LineTable)
    _state: str = ""

    def show(self, snapshot: Snapshot) -> None:
        lines = [*self._table.lines(snapshot)]
        if snapshot.standing.state != self._state:
            self._state = snapshot.standing.state
            lines += state_line(snapshot)
        tell = self._findings.rest if snapshot.ended else self._findings.new
        found = _Found(snapshot.findings, snapshot.now_s)
        lines += [finding_line(finding, snapshot) for finding in tell(found, snapshot.findings_left_out)]
        self.out.writelines(f"{line}\n" for line in lines)
        self.out.flush()


@dataclass
class _Json:
    """One object a line."""

    out: TextIO

    def show(self, snapshot: Snapshot) -> None:
        self.out.write(json.dumps(snapshot_json(snapshot), separators=(",", ":")) + "\n")
        self.out.flush()
