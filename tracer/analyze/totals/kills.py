"""OOM kills and why the balloon did not prevent them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ...metadata import Metadata
from ...schema import SpanKind
from ..stream.attribution import DIRECT_BITS
from ..stream.lane import SPAN_KINDS
from ..stream.stretch import Stretch

_NOTIFIERS: Final = (SpanKind.OOM_NOTIFIER, SpanKind.OOM_NOTIFY)
_NOTIFIER_KINDS: Final = frozenset({"oom_notifier_run", "oom_notify_begin"})

_RECENT_NS: Final = 1_000_000_000
"""How long before a kill the killer's last reclaim or OOM notification still belongs to it."""


_MOST_THREADS: Final = 4096
"""Threads remembered before those whose last reclaim is too long ago are forgotten."""


class KillReason(StrEnum):
    """Why the OOM killer killed although there was a balloon."""

    MEMCG = "memcg"
    FEATURE_OFF = "feature_off"
    NO_NOTIFIER = "no_notifier"
    NOTIFIER_TOO_LITTLE = "notifier_too_little"
    BALLOON_EMPTY = "balloon_empty"
    SYSRQ = "sysrq"
    UNKNOWN = "unknown"


@dataclass
class Kill:
    """One victim. `balloon_pages` is what the balloon held then, None where nothing tells; `cgroup_id` is the victim's
    cgroup, 0 where it is not known: it is where the victim itself was seen less than a second before."""

    time_ns: int
    pid: int
    victim: str
    killer: str
    last_reclaim: SpanKind | None
    notified: bool
    balloon_pages: int | None = None
    cgroup_id: int = 0


class _Last(NamedTuple):
    """A thread's last reclaim."""

    end_ns: int
    code: int
    tgid: int
    cgroup_id: int


class KillTracker:
    """Remembers for each thread what it did last, to tell what led to a kill."""

    def __init__(self) -> None:
        self._last: dict[int, _Last] = {}
        self._last_notified_ns = -_RECENT_NS

    def advance(self, stretch: Stretch) -> list[Kill]:
        """Take the next stretch; gives its kills."""
        spans = stretch.spans
        notified = np.sort(np.concatenate([spans.of(kind) for kind in _NOTIFIERS]))
        direct = np.flatnonzero(spans.is_root & spans.closed & (spans.kinds_above & DIRECT_BITS != 0))
        rows, args = stretch.args.all("mark_victim")
        kills = [
            self._kill(stretch, row, {name: column[index] for name, column in args.items()}, direct, notified)
            for index, row in enumerate(rows.tolist())
        ]
        self._remember(stretch, direct)
        if len(self._last) > _MOST_THREADS:
            since_ns = stretch.until_ns - _RECENT_NS
            self._last = {tid: last for tid, last in self._last.items() if last.end_ns >= since_ns}
        if len(notified):
            self._last_notified_ns = int(spans.begin_ns[notified].max())
        return kills

    def _remember(self, stretch: Stretch, direct: npt.NDArray[np.int64]) -> None:
        """Keep each thread's last reclaim, but for those that are too long ago for any later kill."""
        spans = stretch.spans
        tids, newest = np.unique(spans.tid[direct][::-1], return_index=True)
        last = direct[::-1][newest]
        recent = spans.end_ns[last] >= stretch.until_ns - _RECENT_NS
        self._last.update(zip(tids[recent].tolist(), _lasts(stretch, last[recent]), strict=True))

    def _kill(
        self,
        stretch: Stretch,
        row: int,
        args: dict[str, np.generic],
        direct: npt.NDArray[np.int64],
        notified: npt.NDArray[np.int64],
    ) -> Kill:
        spans, time_ns = stretch.spans, int(stretch.time_ns[row])
        tid = int(stretch.batch.header["tid"][row])
        here = direct[(spans.tid[direct] == tid) & (spans.end_ns[direct] <= time_ns)]
        last = self._last.get(tid)
        if len(here):
            (last,) = _lasts(stretch, here[[np.argmax(spans.end_ns[here])]])
        began = spans.begin_ns[notified]
        began = began[began <= time_ns]
        notified_ns = max(self._last_notified_ns, int(began.max(initial=-_RECENT_NS)))
        pid = int(args["pid"].item())
        return Kill(
            time_ns=time_ns,
            pid=pid,
            victim=_text(args["victim_comm"].item()),
            killer=_text(stretch.batch.header["comm"][row].item()),
            last_reclaim=SPAN_KINDS[last.code] if last and time_ns - last.end_ns <= _RECENT_NS else None,
            notified=time_ns - notified_ns <= _RECENT_NS,
            cgroup_id=self._cgroup_of(pid, stretch, row, direct),
        )

    def _cgroup_of(self, pid: int, stretch: Stretch, row: int, direct: npt.NDArray[np.int64]) -> int:
        """Where a victim of that number was: it is the one whose allocation killed it, or it reclaimed lately."""
        header, spans, time_ns = stretch.batch.header, stretch.spans, int(stretch.time_ns[row])
        if pid in (header["tgid"][row], header["tid"][row]):
            return int(header["cgroup_id"][row])
        tgid = header["tgid"][spans.begin_at[direct]]
        here = direct[((spans.tid[direct] == pid) | (tgid == pid)) & (spans.end_ns[direct] <= time_ns)]
        known = [last for tid, last in self._last.items() if pid in (tid, last.tgid)] + _lasts(stretch, here)
        newest = max(known, key=lambda last: (last.end_ns, last.cgroup_id), default=None)
        return newest.cgroup_id if newest and time_ns - newest.end_ns <= _RECENT_NS else 0


def _lasts(stretch: Stretch, rows: npt.NDArray[np.int64]) -> list[_Last]:
    """What is remembered of these spans."""
    spans, header = stretch.spans, stretch.batch.header
    begin_at = spans.begin_at[rows]
    columns = (spans.end_ns[rows], spans.code[rows], header["tgid"][begin_at], header["cgroup_id"][begin_at])
    return [_Last(*values) for values in zip(*(column.tolist() for column in columns), strict=True)]


def reason_for(kill: Kill, metadata: Metadata) -> KillReason:
    """Why the balloon did not help, from what the killer did before; a deduction, not a measurement."""
    features = metadata.balloon.features
    if kill.last_reclaim is SpanKind.MEMCG_RECLAIM:
        return KillReason.MEMCG
    if kill.balloon_pages == 0:
        return KillReason.BALLOON_EMPTY
    if kill.killer.startswith("kworker") and kill.last_reclaim is None:
        return KillReason.SYSRQ
    if features and "deflate_on_oom" not in features:
        return KillReason.FEATURE_OFF
    if kill.notified:
        return KillReason.NOTIFIER_TOO_LITTLE
    return KillReason.NO_NOTIFIER if metadata.kinds_traced & _NOTIFIER_KINDS else KillReason.UNKNOWN


def _text(name: object) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
