"""OOM kills and why the balloon did not prevent them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ...metadata import Metadata
from ...schema import SpanKind
from ..stream.attribution import DIRECT_BITS
from ..stream.lane import SPAN_CODE, SPAN_KINDS
from ..stream.stretch import Stretch
from .kill_context import REQUEST_FIELDS, RETRY_FIELDS, RETRY_KEYS, Constraint, NewestRows, Request, Zones

_NOTIFIERS: Final = (SpanKind.OOM_NOTIFIER, SpanKind.OOM_NOTIFY)
_NOTIFIER_KINDS: Final = frozenset({"oom_notifier_run", "oom_notify_begin"})

_RECENT_NS: Final = 1_000_000_000
"""How long before a kill the killer's last reclaim or OOM notification still belongs to it."""


_CALLS: Final = "out_of_memory_begin"
_LONGEST_CALL_NS: Final = 60_000_000_000
"""How long out_of_memory() may take until it has killed: notifiers free memory first."""
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


_VICTIM_SIZES: Final = ("total_vm", "anon_rss", "file_rss", "shmem_rss", "pgtables")
_KIB: Final = 1024
_ENDS: Final = "out_of_memory_end"
_BEGINS: Final = {SpanKind.DIRECT_RECLAIM: "direct_reclaim_begin", SpanKind.MEMCG_RECLAIM: "memcg_reclaim_begin"}
"""Reclaim of which the begin tells what was allocated for."""


@dataclass(frozen=True)
class Victim:
    """What the victim had: `sizes` in bytes by the kernel's field (total_vm, anon_rss, ...)."""

    sizes: dict[str, int]
    uid: int
    oom_score_adj: int

    @property
    def resident_bytes(self) -> int:
        """What it held of memory, page tables left out."""
        return sum(self.sizes[name] for name in ("anon_rss", "file_rss", "shmem_rss"))


@dataclass
class Kill:
    """One victim. `killer` is the task that allocated. `balloon_pages` is what the balloon held then, `free_bytes` what
    the last reading says was free, `zones` what the allocation itself found; None where nothing tells. `cgroup_id` is
    the victim's cgroup, 0 where it is not known: it is where the victim itself was seen less than a second before."""

    time_ns: int
    pid: int
    victim: str
    killer: str
    last_reclaim: SpanKind | None
    notified: bool
    balloon_pages: int | None = None
    cgroup_id: int = 0
    request: Request = field(default_factory=Request)
    constraint: Constraint | None = None
    held: Victim | None = None
    zones: Zones | None = None
    free_bytes: int | None = None

    @property
    def is_memcgs(self) -> bool:
        """Whether it was a memory cgroup that was out of memory: as the kernel says, else by the reclaim before."""
        if self.constraint is not None:
            return self.constraint is Constraint.MEMCG
        return self.last_reclaim is SpanKind.MEMCG_RECLAIM


class _Last(NamedTuple):
    """A thread's last reclaim; `asked` is REQUEST_FIELDS of its begin."""

    end_ns: int
    code: int
    tgid: int
    cgroup_id: int
    asked: list[int]


class KillTracker:
    """Remembers for each thread what it did last, to tell what led to a kill."""

    def __init__(self) -> None:
        self._last: dict[int, _Last] = {}
        self._retries = NewestRows("reclaim_retry_zone", RETRY_KEYS, RETRY_FIELDS, _RECENT_NS)
        self._calls = NewestRows(_CALLS, (), REQUEST_FIELDS, _LONGEST_CALL_NS)
        self._undecided: dict[int, list[Kill]] = {}
        self._last_notified_ns = -_RECENT_NS

    def advance(self, stretch: Stretch) -> list[Kill]:
        """Take the next stretch; gives its kills."""
        spans = stretch.spans
        notified = np.sort(np.concatenate([spans.of(kind) for kind in _NOTIFIERS]))
        direct = np.flatnonzero(spans.is_root & spans.closed & (spans.kinds_above & DIRECT_BITS != 0))
        self._retries.take(stretch)
        self._calls.take(stretch)
        rows, args = stretch.args.all("mark_victim")
        kills = [
            self._kill(stretch, row, {name: column[index] for name, column in args.items()}, direct, notified)
            for index, row in enumerate(rows.tolist())
        ]
        self._decide(stretch, kills)
        self._remember(stretch, direct)
        self._retries.forget(stretch.until_ns)
        self._calls.forget(stretch.until_ns)
        if len(self._last) > _MOST_THREADS:
            since_ns = stretch.until_ns - _RECENT_NS
            self._last = {tid: last for tid, last in self._last.items() if last.end_ns >= since_ns}
        if len(notified):
            self._last_notified_ns = int(spans.begin_ns[notified].max())
        return kills

    def _remember(self, stretch: Stretch, direct: npt.NDArray[np.int64]) -> None:
        """Keep each thread's last reclaim, but for those that are too long ago for any later kill."""
        spans = stretch.spans
        direct = direct[np.lexsort((-direct, spans.end_ns[direct]))]
        tids, newest = np.unique(spans.tid[direct][::-1], return_index=True)
        last = direct[::-1][newest]
        recent = spans.end_ns[last] >= stretch.until_ns - _RECENT_NS
        self._last.update(zip(tids[recent].tolist(), _lasts(stretch, last[recent]), strict=True))

    def _decide(self, stretch: Stretch, kills: list[Kill]) -> None:
        """Take what the returns of out_of_memory() say of the kills in them."""
        rows, args = stretch.args.all(_ENDS)
        if not stretch.args.tells(_ENDS, "constraint"):
            return
        marked = stretch.args.all("mark_victim")[0]
        for tid, kill in zip(stretch.batch.header["tid"][marked].tolist(), kills, strict=True):
            self._undecided.setdefault(tid, []).append(kill)
        columns = (stretch.time_ns[rows], stretch.batch.header["tid"][rows], args["constraint"])
        for time_ns, tid, constraint in zip(*(column.tolist() for column in columns), strict=True):
            mine = self._undecided.pop(tid, [])
            for kill in mine:
                if kill.time_ns <= time_ns and constraint in set(Constraint):
                    kill.constraint = Constraint(constraint)
            if later := [kill for kill in mine if kill.time_ns > time_ns]:
                self._undecided[tid] = later

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
        last = last if last and time_ns - last.end_ns <= _RECENT_NS else None
        began = spans.begin_ns[notified]
        began = began[began <= time_ns]
        notified_ns = max(self._last_notified_ns, int(began.max(initial=-_RECENT_NS)))
        pid = int(args["pid"].item())
        return Kill(
            time_ns=time_ns,
            pid=pid,
            victim=_text(args["victim_comm"].item()),
            killer=_text(stretch.batch.header["comm"][row].item()),
            last_reclaim=SPAN_KINDS[last.code] if last else None,
            notified=time_ns - notified_ns <= _RECENT_NS,
            cgroup_id=self._cgroup_of(pid, stretch, row, direct),
            request=self._request(stretch, tid, time_ns, last),
            held=_victim(stretch, args),
            zones=Zones.of(self._retries.of(tid, time_ns)),
        )

    def _request(self, stretch: Stretch, tid: int, time_ns: int, last: _Last | None) -> Request:
        """As out_of_memory() was told, else as the thread's last reclaim was."""
        kind = _BEGINS.get(SPAN_KINDS[last.code]) if last else None
        reclaimed_for = Request.of(stretch, kind, last.asked) if last and kind else Request()
        calls = self._calls.of(tid, time_ns)
        if not len(calls):
            return reclaimed_for
        return Request.of(stretch, _CALLS, calls[-1, -len(REQUEST_FIELDS) :].tolist()).beside(reclaimed_for)

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
    code, begin_at = spans.code[rows], spans.begin_at[rows]
    asked = np.zeros((len(rows), len(REQUEST_FIELDS)), np.int64)
    for span, kind in _BEGINS.items():
        chosen = np.flatnonzero(code == SPAN_CODE[span])
        if len(chosen):
            asked[chosen] = np.column_stack(stretch.args.several(begin_at[chosen], kind, REQUEST_FIELDS))
    columns = (spans.end_ns[rows], code, header["tgid"][begin_at], header["cgroup_id"][begin_at], asked)
    return [_Last(*values) for values in zip(*(column.tolist() for column in columns), strict=True)]


def _victim(stretch: Stretch, args: dict[str, np.generic]) -> Victim | None:
    """What it had, by the tracepoint's fields in KiB (PG_COUNT_TO_KB, include/trace/events/oom.h); None where no field
    tells."""
    told = all(stretch.args.tells("mark_victim", name) for name in (*_VICTIM_SIZES, "uid", "oom_score_adj"))
    sizes = {name: int(args[name].item()) * _KIB for name in _VICTIM_SIZES}
    if not told or not sizes["total_vm"]:
        return None
    return Victim(sizes, int(args["uid"].item()), int(args["oom_score_adj"].item()))


def reason_for(kill: Kill, metadata: Metadata) -> KillReason:
    """Why the balloon did not help, from what the killer did before; a deduction, not a measurement."""
    features = metadata.balloon.features
    if kill.is_memcgs:
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
