"""The state while a recording goes on, as lines of 79 columns: for a pipe, a log, a serial console."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from ..errors import printable
from ..live.model import Snapshot, State, TierWindow, Window
from ..wording.numbers import DASH, plural

if TYPE_CHECKING:
    from ..analyze.model import Finding

_MIB: Final = 1 << 20
_PAGE_LINES: Final = 20
"""The heads are repeated after so many lines, as vmstat(8) does."""
_COLUMNS: Final = (
    ("time", -8),
    ("state", -10),
    ("avail", 6),
    ("balloon", 7),
    ("kswapd", 6),
    ("direct", 6),
    ("oom", 6),
    ("wait", 5),
    ("psi", 5),
    ("reread", 6),
    ("lost", 4),
)
"""Heads and widths, negative to the left: MemAvailable and the balloon's size in MiB; MiB/s that kswapd, direct reclaim
and OOM notifiers supplied; time waited and PSI some, in percent of the last second; refaults in MiB/s; events lost."""
_UNITS: Final = ("", "", "MiB", "MiB", "MiB/s", "MiB/s", "MiB/s", "%", "%", "MiB/s", "")
_SCALES: Final = ("", "k", "M", "G")


@dataclass
class LineTable:
    """Rows of one table, its heads repeated now and then."""

    _left: int = 0

    def lines(self, snapshot: Snapshot) -> Iterator[str]:
        """The row, behind the heads where it is their turn."""
        if not self._left:
            self._left = _PAGE_LINES
            yield _row(name for name, _ in _COLUMNS)
            yield _row(_UNITS)
        self._left -= 1
        yield _row(_cells(snapshot))


def state_line(snapshot: Snapshot) -> list[str]:
    """Why the state is what it is now; nothing where all is well."""
    standing = snapshot.standing
    if standing.state is State.OK:
        return []
    where = f" ({printable(standing.where)})" if standing.where else ""
    return [f"{clock(snapshot, snapshot.now_s)} {standing.state.upper()}{where}: {printable(standing.why)}"]


def finding_line(finding: Finding, snapshot: Snapshot) -> str:
    """One finding: when it began, how much it matters, its sentence."""
    return f"{clock(snapshot, finding.start_s)} {finding.severity.value}: {printable(finding.text)}"


def untold_line(number: int, snapshot: Snapshot) -> str:
    """Findings that came up faster than they are told one by one."""
    more = plural(number, "more finding", "more findings")
    return f"{clock(snapshot, snapshot.now_s)} {more} in the same time, counted but not told one by one"


def clock(snapshot: Snapshot, at_s: float) -> str:
    """A moment of the recording by this machine's wall clock; without one the seconds since the start."""
    start_utc_ns = snapshot.source.start_utc_ns
    if not start_utc_ns:
        return f"{at_s:7.1f}s"
    return datetime.fromtimestamp(start_utc_ns / 1e9 + at_s).astimezone().strftime("%H:%M:%S")


def _row(cells: Iterable[str]) -> str:
    padded = (
        cell.ljust(-width) if width < 0 else cell.rjust(width) for cell, (_, width) in zip(cells, _COLUMNS, strict=True)
    )
    return " ".join(padded).rstrip()


def _cells(snapshot: Snapshot) -> tuple[str, ...]:
    last = snapshot.windows["1s"]
    flow = snapshot.flow
    return (
        clock(snapshot, snapshot.now_s),
        snapshot.standing.state.upper(),
        _mib(snapshot.memory.available_bytes),
        _mib(snapshot.balloon.size_bytes),
        _supplied(last, "background"),
        _supplied(last, "direct"),
        _supplied(last, "oom_notify", "OOM notif"),
        _percent(last.waiting_share),
        _percent(last.psi_some),
        _rate(last.refault_bytes, last.length_s),
        _short(flow.lost_events) if flow.lost_events or not flow.lost_unknown else "?",
    )


def _supplied(window: Window, *labels: str) -> str:
    """MiB/s of all tiers whose label begins so; unknown where none of them is known."""
    tiers: list[TierWindow] = [tier for tier in window.tiers if tier.label.startswith(labels)]
    known = [size for tier in tiers if (size := tier.supplied_bytes) is not None]
    return _rate(sum(known) if known else None, window.length_s)


def _rate(size: int | None, length_s: float) -> str:
    if size is None or length_s <= 0:
        return DASH
    rate = size / length_s / _MIB
    return f"{rate:.1f}" if rate < 1000 else _short(rate)


def _mib(size: int | None) -> str:
    return DASH if size is None else _short(size / _MIB, 5)


def _percent(share: float | None) -> str:
    return DASH if share is None else f"{share * 100:.0f}"


def _short(number: float, digits: int = 3) -> str:
    """A number in at most `digits` digits and a letter: `999`, `12k`."""
    for scale in _SCALES:
        if abs(number) < 10**digits:
            return f"{number:.0f}{scale}"
        number /= 1000
    return f"{number:.0f}T"
