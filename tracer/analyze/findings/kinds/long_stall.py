"""Single waits for memory of a second and more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ...cgroup_rows import short_name
from ...model import Analysis, Finding
from ...terms import Quality, Scope, Severity, Tier
from ..kind import Explanation, Kind, cost_of, found
from ..needs import WAITS, lasting

if TYPE_CHECKING:
    from ...totals.long_stalls import LongStall
    from ..evidence import Evidence

LONG_S: Final = 1.0
"""A wait that people notice; the analysis follows waits up to it (LONG_NS in totals/long_stalls.py)."""
_CRITICAL_S: Final = 10.0
"""Most services' requests, probes and leases have timed out by then (Kubernetes' probes after 1 s, three times)."""
_NOBODY_WAITS: Final = ("kswapd", "kcompactd", "khugepaged", "kdamond")
"""Kernel threads that work in the background: no task waits for them."""
_STALLS_COUNTED: Final = "vmstat.compact_stall"
_COUNTED_WITHIN_S: Final = 0.01
"""From the end of compaction to the kernel's count of it: some instructions, and a preemption at most."""


def _stalls(evidence: Evidence) -> Iterator[Finding]:
    own = {stall.pid for stall in evidence.analysis.stalls if stall.is_recorder}
    for each, shrinkers in evidence.long_stalls:
        stall = _as_far_as_seen(evidence, each)
        if stall.comm.startswith(_NOBODY_WAITS) or _is_doubtful(evidence, stall) or _was_asked_for(evidence, stall):
            continue
        length_s = stall.length_ns / 1e9
        yield found(
            Severity.CRITICAL if length_s >= _CRITICAL_S else Severity.WARNING,
            (evidence.seconds(stall.begin_ns), evidence.seconds(stall.end_ns)),
            _text(stall, shrinkers, evidence.cgroup_paths.get(stall.cgroup_id), is_recorder=stall.tid in own),
            _numbers(evidence, stall, shrinkers),
            cost=cost_of(length_s),
            is_open=stall.is_open,
            quality=Quality.LOWER_BOUND if stall.is_open or _began_unseen(stall) else Quality.MEASURED,
            spans=() if _began_unseen(stall) else [stall.id],
            cgroup=evidence.cgroup_paths.get(stall.cgroup_id),
        )


def _began_unseen(stall: LongStall) -> bool:
    return stall.id < 0


def _as_far_as_seen(evidence: Evidence, stall: LongStall) -> LongStall:
    """The wait; of one that had not ended, in a source that tells of no such end at all, up to the last event in it."""
    if stall.is_open and stall.end_kind not in evidence.kinds_seen:
        return replace(stall, end_ns=max(stall.last_ns, stall.begin_ns))
    return stall


def _is_doubtful(evidence: Evidence, stall: LongStall) -> bool:
    """Whether begin and end may be those of two waits. What an import lacks at its start may just be missing in it."""
    begin_s, end_s = evidence.seconds(stall.begin_ns), evidence.seconds(stall.end_ns)
    if _began_unseen(stall) and evidence.metadata.imported_from is not None:
        return True
    if stall.length_ns < LONG_S * 1e9:
        return True
    edges = frozenset({stall.end_kind, stall.end_kind.replace("_end", "_begin")})
    return evidence.may_have_missed(begin_s, end_s, edges)


def _was_asked_for(evidence: Evidence, stall: LongStall) -> bool:
    """Whether it was compaction that no allocation waited for, as by vm.compact_memory: the kernel counts a stall right
    after each direct compaction (__alloc_pages_direct_compact() in mm/page_alloc.c), and counted none."""
    counter = evidence.analysis.samples.get(_STALLS_COUNTED)
    if stall.tier is not Tier.RETRY or counter is None or stall.is_open:
        return False
    before = counter.values[counter.time_s <= evidence.seconds(stall.begin_ns)]
    after = counter.values[counter.time_s >= evidence.seconds(stall.end_ns) + _COUNTED_WITHIN_S]
    return len(before) > 0 and len(after) > 0 and float(before[-1]) == float(after[0])


def _text(stall: LongStall, shrinkers: dict[str, int], cgroup: str | None, *, is_recorder: bool) -> str:
    within = f", in cgroup {short_name(cgroup)}" if cgroup else ""
    name = f"{stall.comm} (thread {stall.tid}{', the recorder' * is_recorder}{within})"
    who = f"The balloon's worker, {name}," if stall.by_balloon else name
    length, where = f"{stall.length_ns / 1e9:,.1f} s", _where(stall)
    if _began_unseen(stall):
        waited = f"waited at least {length} {where}, since before the recording"
    elif stall.is_open:
        waited = f"has been waiting for {length} {where} so far"
    else:
        waited = f"waited {length} {where}"
    priority = "" if stall.min_priority is None else f", down to priority {stall.min_priority}"
    got = "" if stall.pages is None else f", and got {stall.pages:,} pages{' so far' * stall.is_open}"
    most = "" if _began_unseen(stall) else _most(stall, shrinkers)
    return f"{who} {waited}{priority}{got}{most}."


def _where(stall: LongStall) -> str:
    if stall.tier is Tier.RETRY:
        return "in direct compaction"
    if stall.scope is None:
        return "in direct reclaim"
    scope = "its begin was not seen" if stall.scope is Scope.UNKNOWN else stall.scope.value
    return f"in direct reclaim ({scope})"


def _most(stall: LongStall, shrinkers: dict[str, int]) -> str:
    """Where most of the wait went, as a clause."""
    if stall.tier is Tier.RETRY:
        return ""
    parts = {f"shrinker {name}": spent_ns for name, spent_ns in shrinkers.items()}
    parts |= {"compaction": stall.compaction_ns, "throttling": stall.throttled_ns}
    rest = "the LRU lists" if stall.scans else "code that was not traced"
    parts[rest] = _rest_ns(stall, shrinkers)
    largest = max(parts, key=lambda part: parts[part])
    spent_s = min(parts[largest], stall.length_ns) / 1e9
    return f"; most of the wait, {spent_s:,.1f} s, went into {largest}"


def _rest_ns(stall: LongStall, shrinkers: dict[str, int]) -> int:
    return max(stall.length_ns - sum(shrinkers.values()) - stall.compaction_ns - stall.throttled_ns, 0)


def _numbers(evidence: Evidence, stall: LongStall, shrinkers: dict[str, int]) -> dict[str, float]:
    numbers: dict[str, float] = {"stall_s": stall.length_ns / 1e9, "tid": stall.tid}
    known = {"pages": stall.pages, "min_priority": stall.min_priority}
    numbers |= {name: value for name, value in known.items() if value is not None}
    if _began_unseen(stall) or stall.tier is Tier.RETRY:
        return numbers
    parts = {
        "shrink_slab_start": ("shrinkers_s", sum(shrinkers.values())),
        "compaction_begin": ("compaction_s", stall.compaction_ns),
        "throttled": ("throttled_s", stall.throttled_ns),
    }
    numbers |= {name: spent_ns / 1e9 for kind, (name, spent_ns) in parts.items() if evidence.may_tell(kind)}
    return numbers | {"rest_s": _rest_ns(stall, shrinkers) / 1e9}


def _together(_analysis: Analysis, stalls: Sequence[Finding], _page_bytes: int) -> str:
    if len(stalls) == 1:
        return ""
    return (
        f"{len(stalls):,} waits of a second or more, {sum(each.numbers['stall_s'] for each in stalls):,.1f} s in total"
    )


KIND: Final = Kind(
    name="long_stall",
    number=19,
    title="A task waited a long time for memory",
    clause="a task waited a second or more for memory without a break",
    needs=(WAITS, lasting(1)),
    rule=_stalls,
    together=_together,
    told_open=True,
    explanation=Explanation(
        meaning="An allocation did not return for a second or more, because the task had to reclaim or compact "
        "memory first. The task, and whatever waits for it or for a lock that it holds, stood still for "
        "that long.",
        computed="One call of direct reclaim (the machine's, a memory cgroup's or a NUMA node's) or of direct "
        "compaction that took 1 s or more; critical from 10 s. Time in shrinkers, throttling and "
        "compaction inside it is measured; the rest went into the LRU lists if they were scanned during "
        "the call. Pages are `nr_reclaimed` of its end event, or the LRU pages reclaimed so far if it had "
        "not ended. A wait that had not ended, or began before the recording, is reported with the part "
        "that was traced, as a lower bound. Excluded are kernel threads that reclaim or compact in the "
        "background, compaction that somebody asked for (vm.compact_memory: `compact_stall` in /proc/vmstat does not "
        "grow), and waits whose begin or end may have been lost. At most 1,000 are listed, and as "
        "many of 10 s or more.",
        causes=(
            "A shrinker that waits for a lock or for I/O (a file system's inodes, a driver's buffers).",
            "Dirty page cache on a slow disk: reclaim is throttled until it is written back.",
            "Hardly anything left to reclaim: priority drops to 0 for a handful of pages.",
            "A memory cgroup at its own limit, where tasks of the same cgroup wait for each other.",
            "The host starves the guest's virtual CPUs or its disk, so that everything takes long.",
        ),
        advice=(
            (
                "See where most of the time went. A shrinker: `reclaim-tracer summary` lists what it frees for "
                "its time; look for the lock or the device behind it (`echo w > /proc/sysrq-trigger` while it "
                "hangs)."
            ),
            "Throttling: lower vm.dirty_background_bytes, so that writeback starts earlier.",
            (
                "The LRU lists with few pages freed: the machine, or the cgroup, is too small for its load; give "
                "it memory (lower the balloon's target, raise the limit) or swap."
            ),
            "Raise vm.watermark_scale_factor, so that kswapd reclaims earlier and tasks do not have to.",
        ),
        helped="The longest wait in the table of stalls (`max_ns`) drops well below a second under the same load.",
        references=(
            "mm/vmscan.c: try_to_free_pages(), try_to_free_mem_cgroup_pages(), reclaim_throttle(), shrink_node()",
            "mm/page_alloc.c: __alloc_pages_direct_reclaim(), __alloc_pages_direct_compact()",
        ),
    ),
)
