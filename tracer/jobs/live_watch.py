"""A live view where there is no terminal to draw on: lines or JSON at an interval, and findings as they come."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from ..errors import TracerError
from ..live.snapshot_json import snapshot_json
from ..terminal.live_lines import LineTable, finding_line, state_line, untold_line
from ..wording.numbers import plural
from .telling import FindingStream

if TYPE_CHECKING:
    from ..analyze.model import Finding
    from ..live.model import Snapshot
    from ..live.session import Session
    from .line_output import LineOutput

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
    out: LineOutput,
    stop: threading.Event,
    say: Callable[[str], None],
    is_over: Callable[[], bool] = lambda: False,
) -> list[str]:
    """Show what a session says until it ends, `stop` is set, or what was waited for is there: that, with its numbers.

    Where `stop` ends it the session is closed, and what it came to then is shown as the last. What the session has to
    say goes to `say`. `is_over`: nothing more will come, although no snapshot may say so (what is followed was no
    recording). Raises OSError where `out` takes no more.
    """
    watching = _Watching(session, wishes, out, _Json() if wishes.as_json else _Lines())
    while True:
        over = is_over()
        ends = watching.look() or over
        for told in iter(session.message, None):
            say(told)
        if ends or stop.wait(_LOOK_S):
            break
    if stop.is_set():
        session.close()
        watching.show_end()
    if not out.close(stop):
        raise UnreadOutputError("standard output: nothing reads it; the last lines were not written")
    if watching.skipped:
        say(f"{plural(watching.skipped, 'line was', 'lines were')} left out: standard output was read too slowly")
    return watching.met


class UnreadOutputError(TracerError):
    """What was still to be written at the end was not taken."""


class _Printer(Protocol):
    def text(self, snapshot: Snapshot) -> str:
        """What there is to say of it."""
        ...


@dataclass
class _Watching:
    """Shows at intervals; where what was shown before is not read yet, nothing: `skipped` counts that."""

    session: Session
    wishes: Wishes
    out: LineOutput
    printer: _Printer
    met: list[str] = field(default_factory=list)
    skipped: int = 0
    _shown: int = 0
    _last: Snapshot | None = None
    _next_s: float = field(default_factory=time.monotonic)

    def look(self) -> bool:
        """Show what there is where it is time; whether that was the last."""
        snapshot, is_free = self.session.latest(), self.out.is_free
        if snapshot is None:
            return False
        now_s, has_ended = time.monotonic(), snapshot.ended is not None
        if not has_ended and now_s < self._next_s:
            return False
        before_s = max(self._next_s, now_s - self.wishes.interval_s) if self._last else now_s
        self._next_s = before_s + self.wishes.interval_s
        self.met = [*_met(snapshot, self.wishes.until)]
        is_last = has_ended or bool(self.met)
        if is_last or is_free:
            self._show(snapshot)
        else:
            self.skipped += 1
        return is_last or self._shown == self.wishes.count

    def show_end(self) -> None:
        """What the session has come to, once it is closed, unless that was shown."""
        snapshot = self.session.latest()
        if snapshot is not None and snapshot.ended is not None and (self._last is None or not self._last.ended):
            self._show(snapshot)

    def _show(self, snapshot: Snapshot) -> None:
        self._shown, self._last = self._shown + 1, snapshot
        self.out.put(self.printer.text(snapshot))


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

    _findings: FindingStream = field(default_factory=lambda: FindingStream(grown=GROWN))
    _table: LineTable = field(default_factory=LineTable)
    _state: str = ""
    _untold: int = 0

    def text(self, snapshot: Snapshot) -> str:
        lines = [*self._table.lines(snapshot)]
        if snapshot.standing.state != self._state:
            self._state = snapshot.standing.state
            lines += state_line(snapshot)
        tell = self._findings.rest if snapshot.ended else self._findings.new
        found = _Found(snapshot.findings, snapshot.now_s)
        lines += [finding_line(finding, snapshot) for finding in tell(found, snapshot.findings_left_out)]
        lines += self._rest(snapshot)
        return "".join(f"{line}\n" for line in lines)

    def _rest(self, snapshot: Snapshot) -> Iterator[str]:
        """How many findings came up since the last line that a snapshot has no room for."""
        untold = snapshot.findings_left_out - self._findings.let_go
        if untold > self._untold:
            yield untold_line(untold - self._untold, snapshot)
            self._untold = untold


class _Json:
    """One object a line."""

    def text(self, snapshot: Snapshot) -> str:
        return json.dumps(snapshot_json(snapshot), separators=(",", ":")) + "\n"
