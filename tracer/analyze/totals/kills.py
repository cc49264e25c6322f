"""OOM kills and why the balloon did not prevent them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

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
    """One victim. `balloon_pages` is what the balloon held then, None where nothing tells."""

    time_ns: int
    pid: int
    victim: str
    killer: str
    last_reclaim: SpanKind | None
    notified: bool
    balloon_pages: int | None = None


class KillTracker:
    """Remembers for each thread what it did last, to tell what led to a kill."""

    def __init__(self) -> None:
        self._last: dict[int, tuple[int, int]] = {}
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
            self._last = {tid: last for tid, last in self._last.items() if last[0] >= since_ns}
        if len(notified):
            self._last_notified_ns = int(spans.begin_ns[notified].max())
        return kills

    def _remember(self, stretch: Stretch, direct: npt.NDArray[np.int64]) -> None:
        """Keep each thread's last reclaim, but for those that are too long ago for any later kill."""
        spans = stretch.spans
        tids, newest = np.unique(spans.tid[direct][::-1], return_index=True)
        last = direct[::-1][newest]
        recent = np.flatnonzero(spans.end_ns[last] >= stretch.until_ns - _RECENT_NS)
        ends = zip(spans.end_ns[last[recent]].tolist(), spans.code[last[recent]].tolist(), strict=True)
        self._last.update(zip(tids[recent].tolist(), ends, strict=True))

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
            newest = here[np.argmax(spans.end_ns[here])]
            last = (int(spans.end_ns[newest]), int(spans.code[newest]))
        began = spans.begin_ns[notified]
        began = began[began <= time_ns]
        notified_ns = max(self._last_notified_ns, int(began.max(initial=-_RECENT_NS)))
        return Kill(
            time_ns=time_ns,
            pid=int(args["pid"].item()),
            victim=_text(args["victim_comm"].item()),
            killer=_text(stretch.batch.header["comm"][row].item()),
            last_reclaim=SPAN_KINDS[last[1]] if last and time_ns - last[0] <= _RECENT_NS else None,
            notified=time_ns - notified_ns <= _RECENT_NS,
        )


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
