"""Begins whose ends the source does not have at all.

People put a probe on a function's entry and none on its return. A span that never ends would swallow everything that
follows on its thread, so it is taken to end right after the last event that can lie inside it. One that may be under
way when the trace ends stays open.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, NamedTuple

from ..schema import KIND_BY_NAME, KINDS, Kind, Role

QUIET_NS: Final = 50_000_000
"""A span without an end is over when its thread was silent for so long: `leak_balloon` of one notification was measured
at 34 ms at most. It is less than the window in which records are put into order."""

NO_END: Final = "not in the source: placed after the last event inside the span"
"""What the plan says of a kind whose events were all made up here."""

_TELL: Final = frozenset({"tell_host"})
_LEAK: Final = _TELL | {"leak_balloon_begin", "leak_balloon_end"}
_NOTIFY: Final = _LEAK | {"oom_notify_begin", "oom_notify_end"}
_DRIVER: Final = _LEAK | {"fill_balloon_begin", "fill_balloon_end"}
_ALLOCATION: Final = _LEAK | {
    *("balloon_shrinker_begin", "balloon_shrinker_end", "shrink_slab_start", "shrink_slab_end"),
    *("lru_shrink_inactive", "reclaim_pages", "throttled", "wakeup_kswapd"),
    *("direct_reclaim_begin", "direct_reclaim_end", "memcg_reclaim_begin", "memcg_reclaim_end"),
    *("node_reclaim_begin", "node_reclaim_end", "compaction_begin", "compaction_end"),
}

INSIDE: Final[dict[str, frozenset[str]]] = {
    "leak_balloon_begin": _TELL,
    "oom_notify_begin": _LEAK,
    "balloon_shrinker_begin": _LEAK,
    "out_of_memory_begin": _NOTIFY | {"oom_notifier_run", "mark_victim"},
    "fill_balloon_begin": _ALLOCATION,
    "update_balloon_size_begin": _ALLOCATION | _DRIVER,
}
"""What can lie inside a function's span, by the kind that begins it. Tracepoints come in pairs and are not here."""

_DEPTH: Final = {Role.BEGIN: 1, Role.END: -1, Role.POINT: 0}
_END_OF: Final = {kind.span: kind for kind in KINDS if kind.role is Role.END}


class Row(NamedTuple):
    """One event without its fields, its time as the text has it."""

    time_ns: int
    tid: int
    tgid: int
    comm: bytes
    kind: Kind
    cpu: int


@dataclass
class _Open:
    kind: str
    row: Row
    last_ns: int
    depth: int = 0


def without_end(kinds: Collection[str]) -> frozenset[str]:
    """Those of the kinds that begin a span whose end is not among them."""
    return frozenset(name for name in kinds if name in INSIDE and end_of(name) not in kinds)


def end_of(begin: str) -> str:
    """The kind that ends what this kind begins."""
    return _END_OF[KIND_BY_NAME[begin].span].name


class OpenEntries:
    """Follows spans of the kinds that never end, and ends them."""

    def __init__(self, kinds: Collection[str]) -> None:
        self.kinds = frozenset(kinds)
        self._open: dict[int, list[_Open]] = {}
        self._deadline_ns = 0
        self.ended = 0

    def __bool__(self) -> bool:
        """Whether there is anything to follow."""
        return bool(self.kinds)

    @property
    def any_open(self) -> bool:
        """Whether an event of any kind may end something."""
        return bool(self._open)

    def before(self, row: Row) -> list[Row]:
        """Ends that belong before this event, each right after the last event inside; the event is remembered."""
        time_ns, name, role = row.time_ns, row.kind.name, row.kind.role
        thread = row.tid or -1 - row.cpu
        if not self._open and name not in self.kinds:
            return []
        ends = self._expired(time_ns) if time_ns > self._deadline_ns else []
        stack = self._open.setdefault(thread, [])
        while stack and not _lies_inside(stack[-1], name, role):
            ends.append(self._end(stack))
        for entry in stack:
            entry.last_ns = max(entry.last_ns, time_ns)
        if name in self.kinds:
            stack.append(_Open(name, row, time_ns))
        elif stack:
            stack[-1].depth += _DEPTH[role]
        if not stack:
            del self._open[thread]
        self._deadline_ns = min((each[-1].last_ns for each in self._open.values()), default=0) + QUIET_NS
        return ends

    def _expired(self, now_ns: int) -> list[Row]:
        ends = []
        for thread, stack in list(self._open.items()):
            while stack and not stack[-1].depth and now_ns - stack[-1].last_ns > QUIET_NS:
                ends.append(self._end(stack))
            if not stack:
                del self._open[thread]
        return ends

    def _end(self, stack: list[_Open]) -> Row:
        entry = stack.pop()
        end_ns = entry.last_ns + 1
        for outer in stack:
            outer.last_ns = max(outer.last_ns, end_ns)
        self.ended += 1
        return entry.row._replace(time_ns=end_ns, kind=KIND_BY_NAME[end_of(entry.kind)])


def _lies_inside(entry: _Open, kind: str, role: Role) -> bool:
    if role is Role.END and not entry.depth:
        return False
    return kind in INSIDE[entry.kind]
