"""OOM kills, each with the reason why the balloon did not prevent it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from ...model import Analysis, Finding
from ...sizes import mib
from ...terms import Quality, Severity
from ..kind import Decisive, Explanation, Kind, found
from ..needs import KILLS

if TYPE_CHECKING:
    from ...totals.kills import Kill
    from ..evidence import Evidence

_MEMCG: Final = "memcg"
_SYSRQ: Final = "sysrq"
_REASON_TEXT: Final = {
    _MEMCG: "a memory cgroup was out of memory, and the kernel does not call OOM notifiers for that",
    "feature_off": "the balloon does not offer DEFLATE_ON_OOM, so nothing could be taken from it",
    "no_notifier": "no balloon's OOM notifier ran, as with DEFLATE_ON_OOM off",
    "notifier_too_little": "the OOM notifier ran shortly before and did not free enough",
    "balloon_empty": "the balloon was empty",
    _SYSRQ: "it looks like a manual request (sysrq), which deflates the balloon and kills regardless",
    "unknown": "this recording does not show why the balloon did not help",
}
"""By KillReason (totals/kills.py)."""


_NOT_THE_BALLOONS: Final = frozenset({_SYSRQ, _MEMCG})
"""Kills that no balloon could have prevented, whatever it held."""

_ADVICE: Final = {
    _MEMCG: "For a memory cgroup: raise its limit or shrink its load. The balloon can't help. To find its "
    "directory: `find /sys/fs/cgroup -inum` with the number reported.",
    "held": "If the balloon held memory: lower the host's target (deflate) before the load arrives, not after.",
    "feature_off": "If the reason is DEFLATE_ON_OOM: offer the feature (QEMU: `-device "
    "virtio-balloon,deflate-on-oom=on`).",
    "balloon_empty": "If the balloon was empty or there is none: the machine is too small for its load; give it more "
    "memory or swap.",
}


def _kills(evidence: Evidence) -> Iterator[Finding]:
    for kill in evidence.kills:
        time_s = evidence.seconds(kill.time_ns)
        reason = evidence.kill_reason(kill).value
        told = (
            _chosen(evidence, kill, reason),
            _allocation(evidence, kill),
            _victim(evidence, kill),
            _free(evidence, kill),
        )
        enough = None if reason in _NOT_THE_BALLOONS else _missing(evidence, kill)
        text = " ".join(filter(None, (*told, _enough(evidence, kill, enough))))
        numbers = _numbers(kill, enough)
        yield found(
            Severity.CRITICAL,
            (time_s, time_s),
            text,
            numbers,
            cost=None,
            quality=Quality.INFERRED,
            cgroup=evidence.cgroup_paths.get(kill.cgroup_id),
            advice=_advice(evidence, kill, reason),
        )


def _advice(evidence: Evidence, kill: Kill, reason: str) -> int | None:
    """What is true of this kill; None of one that somebody asked for."""
    if reason == _SYSRQ:
        return None
    if kill.balloon_pages is None and not evidence.balloon_seen and reason != _MEMCG:
        reason = "balloon_empty"
    return [*_ADVICE].index(reason if reason in _ADVICE else "held")


def _chosen(evidence: Evidence, kill: Kill, reason: str) -> str:
    """Whom it chose, and why the balloon did not help."""
    pages = kill.balloon_pages
    who = f"{kill.victim or 'a process'} (pid {kill.pid})"
    if pages is None and not evidence.balloon_seen:
        why = f": {_REASON_TEXT[reason]}" if reason == _MEMCG else ""
        return f"The OOM killer chose {who}{why}; {evidence.no_balloon}."
    size = (
        "an unknown balloon size" if pages is None else f"{evidence.mib(pages)}{' still' * (pages > 0)} in the balloon"
    )
    return f"The OOM killer chose {who} with {size}: {_REASON_TEXT[reason]}."


def _allocation(evidence: Evidence, kill: Kill) -> str:
    """Who asked for what."""
    request = kill.request
    parts = [] if request.order is None else [f"order {request.order}"]
    if request.gfp_flags is not None:
        parts.append(f"gfp_flags {request.gfp_flags:#x}")
    if kill.constraint is not None:
        parts.append(kill.constraint.label)
    if request.memcg_id:
        path = evidence.cgroup_paths.get(request.memcg_id)
        parts.append(f"memory cgroup {path or f'with inode {request.memcg_id}'}")
    return f"{kill.killer or 'A task'} was allocating ({', '.join(parts)})." if parts else ""


def _victim(evidence: Evidence, kill: Kill) -> str:
    held, path = kill.held, evidence.cgroup_paths.get(kill.cgroup_id)
    if held is None:
        return f"The victim was in cgroup {path}." if path else ""
    anon, file, shmem = (mib(held.sizes[name]) for name in ("anon_rss", "file_rss", "shmem_rss"))
    return (
        f"The victim{f', in cgroup {path},' if path else ''} held {mib(held.resident_bytes)} "
        f"(anon {anon}, file {file}, shmem {shmem}; "
        f"oom_score_adj {held.oom_score_adj})."
    )


def _free(evidence: Evidence, kill: Kill) -> str:
    if kill.zones is not None:
        free, wanted = evidence.mib(kill.zones.free_pages), evidence.mib(kill.zones.min_wmark_pages)
        return f"The zones that it retried had {free} free, with min watermarks of {wanted}."
    return "" if kill.free_bytes is None else f"{mib(kill.free_bytes)} of memory were free at the last sample before."


def _missing(evidence: Evidence, kill: Kill) -> int | None:
    """Pages that the balloon would have had to give; None where that or what it held is not known."""
    if kill.zones is None or kill.balloon_pages is None or not evidence.balloon_seen:
        return None
    return kill.zones.missing_pages(kill.zones.order if kill.request.order is None else kill.request.order)


def _enough(evidence: Evidence, kill: Kill, missing: int | None) -> str:
    if missing is None or not kill.balloon_pages:
        return ""
    is_enough = kill.balloon_pages >= missing
    return (
        f"The balloon held {'more than enough' if is_enough else 'too little'} to bring them above these: "
        f"{evidence.mib(missing)} were missing."
    )


def _numbers(kill: Kill, missing: int | None) -> dict[str, float]:
    request, held, zones = kill.request, kill.held, kill.zones
    numbers: dict[str, float | None] = {
        "pid": kill.pid,
        "balloon_pages": kill.balloon_pages,
        "order": request.order,
        "gfp_flags": request.gfp_flags,
        "constraint": kill.constraint,
        "memcg_id": request.memcg_id or None,
        "free_pages": None if zones is None else zones.free_pages,
        "min_wmark_pages": None if zones is None else zones.min_wmark_pages,
        "missing_pages": missing,
        "free_bytes": kill.free_bytes,
    }
    if held is not None:
        numbers |= {f"{name}_bytes": size for name, size in held.sizes.items()}
        numbers |= {"uid": held.uid, "oom_score_adj": held.oom_score_adj}
    return {name: value for name, value in numbers.items() if value is not None}


def _together(_analysis: Analysis, kills: Sequence[Finding], _page_bytes: int) -> str:
    return f"{len(kills):,} tasks were killed in total" if len(kills) > 1 else ""


KIND: Final = Kind(
    name="oom_kill",
    number=1,
    title="The OOM killer killed a task",
    clause="the OOM killer killed a task",
    needs=(KILLS,),
    rule=_kills,
    together=_together,
    decisive=Decisive.ALWAYS,
    explanation=Explanation(
        meaning="The kernel found no other way to get memory and killed a task. If a balloon held memory at that "
        "moment, the guest lost a task although the host had its memory on loan.",
        computed="Each `oom:mark_victim` event is one finding. What the balloon held is the last sample, or the "
        "sum of its steps, before the event. The reason is inferred: from the feature bits, from whether "
        "an OOM notifier ran in the second before, and from the killer's own last reclaim (of a memory "
        "cgroup or of the machine); where out_of_memory() itself is traced, its constraint decides. "
        "Order, gfp_flags, constraint and memory cgroup (the inode number of its directory) are from that "
        "call, else from the task's last reclaim; what the victim held is from the event. Free pages and "
        "min watermarks are those of the zones that the task retried in the second before "
        "(`oom:reclaim_retry_zone`), summed. Missing is what each zone lacked up to its min watermark, "
        "plus the pages of the allocation: if the balloon held that, deflating would have been enough, "
        "unless the allocation was of a higher order or not allowed to use the zones' reserves.",
        causes=(
            "The host inflated the balloon further than the guest can spare.",
            ("DEFLATE_ON_OOM was not negotiated, so the driver releases nothing when the guest is out of memory."),
            (
                "A memory cgroup reached its own limit: the kernel does not call OOM notifiers then, whatever the "
                "balloon holds."
            ),
            (
                "The OOM notifier releases 256 pages (1 MiB) per call, and another task took them before the one "
                "that needed them."
            ),
        ),
        advice=tuple(_ADVICE.values()),
        helped="No `oom_kill` under the same load; `late_tap` may replace it where the notifier now releases "
        "memory in time.",
        references=(
            "mm/oom_kill.c: out_of_memory() skips the notifiers for a memory cgroup's OOM",
            "drivers/virtio/virtio_balloon.c: virtio_balloon_oom_notify(), VIRTIO_BALLOON_OOM_NR_PAGES",
            "commit da10329cb057: virtio-balloon deflates through the OOM notifier again (Linux 5.8)",
        ),
    ),
)
