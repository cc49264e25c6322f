"""Tasks' waiting in the last seconds: for the machine's memory, and at the limits of memory cgroups."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ..stream.attribution import RUNG_OF_SCOPE
from ..stream.grouping import groups
from ..stream.stretch import Stretch
from ..terms import Scope, Tier
from .time_sums import Waited

I64 = npt.NDArray[np.int64]

BEFORE_S: Final = 10
"""How long before a moment waiting counts: PSI's shortest average, by which systemd-oomd and lmkd judge. A window
begins with a whole second, so that it may be a second longer."""
SECOND_NS: Final = 1_000_000_000
_MEMCG: Final = RUNG_OF_SCOPE[Scope.MEMCG]


def window_begin(time_ns: int) -> int:
    """Where the window before a moment begins."""
    return (time_ns // SECOND_NS - BEFORE_S) * SECOND_NS


class _Waiting:
    """Waiting of one kind. What lies before the newest whole second is kept as its sums at whole seconds."""

    def __init__(self) -> None:
        self._waited = Waited()
        self._sums: dict[int, int] = {}
        self._until_s = -1
        self.newest_ns = -1

    def add(self, begin_ns: I64, end_ns: I64) -> None:
        """Take intervals; what lies before what was settled counts from there on."""
        if len(end_ns):
            self._waited.add(begin_ns, end_ns)
            self.newest_ns = max(self.newest_ns, int(end_ns.max()))

    def before(self, time_ns: int) -> int:
        """How long was waited in the window before a moment that was not settled yet, in ns."""
        since, until = self._until(np.asarray([window_begin(time_ns), time_ns])).tolist()
        return int(until - since)

    def settle(self, until_ns: int) -> None:
        """Nobody asks about a moment before `until_ns` any more."""
        last_s = until_ns // SECOND_NS
        if last_s <= self._until_s:
            return
        seconds = np.arange(last_s - BEFORE_S, last_s + 1)
        self._sums = dict(zip(seconds.tolist(), self._until(seconds * SECOND_NS).tolist(), strict=True))
        self._until_s = last_s
        self._waited.fold(last_s * SECOND_NS)

    def _until(self, time_ns: I64) -> I64:
        """How long was waited up to moments; those before what was settled are whole seconds of the window."""
        past = [self._sums.get(second, 0) for second in (time_ns // SECOND_NS).tolist()]
        return np.where(time_ns < self._until_s * SECOND_NS, past, self._waited.until(time_ns))


class RecentWaits:
    """Takes stretches; tells what the last seconds before a moment were like.

    Waiting at a memory cgroup's limit is told by the cgroup of those who waited, and which process is in which cgroup
    by its own waiting there.
    """

    def __init__(self) -> None:
        self.machine = _Waiting()
        """Waiting that is not at a memory cgroup's own limit."""
        self.limits = _Waiting()
        """Waiting at the limits of all memory cgroups."""
        self._cgroups: dict[int, _Waiting] = {}
        self._homes: dict[int, tuple[int, int]] = {}

    def advance(self, stretch: Stretch) -> None:
        """Take the waits of the next stretch."""
        spans = stretch.spans
        direct = spans.is_root & (spans.tier == Tier.DIRECT)
        at_limit = direct & (stretch.rung == _MEMCG)
        self.machine.add(*stretch.clipped(direct & ~at_limit))
        rows = np.flatnonzero(at_limit)
        if not len(rows):
            return
        begin_ns, end_ns = stretch.clipped(at_limit)
        self.limits.add(begin_ns, end_ns)
        begin_at = spans.begin_at[rows]
        cgroup_id = stretch.cgroup_id(begin_at)
        for number, chosen in groups(cgroup_id):
            if number:
                self._cgroups.setdefault(number, _Waiting()).add(begin_ns[chosen], end_ns[chosen])
        newest = np.argsort(end_ns, kind="stable")[::-1]
        tgids, first = np.unique(stretch.batch.header["tgid"][begin_at][newest], return_index=True)
        homes = zip(cgroup_id[newest[first]].tolist(), end_ns[newest[first]].tolist(), strict=True)
        self._homes.update(zip(tgids.tolist(), homes, strict=True))

    def home(self, tgid: int, time_ns: int) -> int:
        """The memory cgroup at whose limit a process waited in the window before a moment; 0 where it did not."""
        number, end_ns = self._homes.get(tgid, (0, -1))
        return number if end_ns >= window_begin(time_ns) else 0

    def in_cgroup(self, number: int, time_ns: int) -> int:
        """How long a cgroup's tasks waited at its limit in the window before a moment, in ns."""
        waiting = self._cgroups.get(number)
        return waiting.before(time_ns) if waiting else 0

    def settle(self, until_ns: int) -> None:
        """Nobody asks about a moment before `until_ns` any more."""
        since_ns = window_begin(until_ns)
        self._cgroups = {number: each for number, each in self._cgroups.items() if each.newest_ns >= since_ns}
        self._homes = {tgid: home for tgid, home in self._homes.items() if home[1] >= since_ns}
        for waiting in (self.machine, self.limits, *self._cgroups.values()):
            waiting.settle(until_ns)
