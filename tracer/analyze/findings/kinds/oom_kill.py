"""OOM kills, each with the reason why the balloon did not prevent it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from ...model import Analysis, Finding
from ...terms import Quality, Severity
from ..kind import Decisive, Explanation, Kind, found
from ..needs import KILLS

if TYPE_CHECKING:
    from ..evidence import Evidence

_MEMCG: Final = "memcg"
_REASON_TEXT: Final = {
    _MEMCG: "a memory cgroup was out of memory, and for that the OOM notifier does not run",
    "feature_off": "the balloon does not offer DEFLATE_ON_OOM, so nothing could be taken from it",
    "no_notifier": "no OOM notifier of a balloon ran, as where DEFLATE_ON_OOM is off",
    "notifier_too_little": "the OOM notifier ran shortly before and did not free enough",
    "balloon_empty": "the balloon was empty",
    "sysrq": "it looks asked for (sysrq), which deflates the balloon and kills all the same",
    "unknown": "why the balloon did not help can't be told from this recording",
}
"""By KillReason (totals/kills.py)."""


def _kills(evidence: Evidence) -> Iterator[Finding]:
    for kill in evidence.kills:
        time_s = evidence.seconds(kill.time_ns)
        pages = kill.balloon_pages
        reason = evidence.kill_reason(kill).value
        who = f"{kill.victim or 'a process'} (pid {kill.pid})"
        if pages is None and not evidence.balloon_seen:
            why = f": {_REASON_TEXT[reason]}" if reason == _MEMCG else ""
            text = f"The OOM killer chose {who}{why}; {evidence.no_balloon}."
        else:
            size = (
                "an unknown balloon size"
                if pages is None
                else f"{evidence.mib(pages)}{' still' * (pages > 0)} in the balloon"
            )
            text = f"The OOM killer chose {who} with {size}: {_REASON_TEXT[reason]}."
        numbers = {"pid": kill.pid} if pages is None else {"pid": kill.pid, "balloon_pages": pages}
        when, quality = (time_s, time_s), Quality.INFERRED
        yield found(Severity.CRITICAL, when, text, numbers, cost=None, quality=quality)


def _together(_analysis: Analysis, kills: Sequence[Finding], _page_bytes: int) -> str:
    return f"{len(kills):,} tasks were killed in all" if len(kills) > 1 else ""


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
        meaning="The kernel found no other way to get memory and killed a task. Where a balloon held memory at "
        "that moment, the guest lost a task although it had memory, on loan to the host.",
        computed="Each `oom:mark_victim` event is one finding. What the balloon held is the last reading, or the "
        "sum of its steps, before the event. The reason is inferred: from the feature bits, from whether "
        "an OOM notifier ran in the second before, and from the killer's own last reclaim (of a memory "
        "cgroup or of the machine).",
        causes=(
            "The host inflated the balloon further than the guest can spare.",
            "DEFLATE_ON_OOM was not negotiated, so the driver gives nothing back when the guest is out of memory.",
            "A memory cgroup reached its own limit: the OOM notifiers are not called then, whatever the balloon holds.",
            "The OOM notifier gives 256 pages (1 MiB) a call, and another task took them before the one that asked.",
        ),
        advice=(
            "For a memory cgroup: raise its limit or shrink its load. The balloon can't help.",
            "Where the balloon held memory: lower the host's target (deflate) before the load comes, not after.",
            "Where the reason is DEFLATE_ON_OOM: offer the feature (QEMU: `-device virtio-balloon,deflate-on-oom=on`).",
            "Where the balloon was empty: the guest is too small for its load; give it more memory or swap.",
        ),
        helped="No `oom_kill` under the same load; `late_tap` may take its place where the notifier now gives "
        "memory in time.",
        references=(
            "mm/oom_kill.c: out_of_memory() calls the notifiers only where the OOM is not a memory cgroup's",
            "drivers/virtio/virtio_balloon.c: virtio_balloon_oom_notify(), VIRTIO_BALLOON_OOM_NR_PAGES",
            "commit da10329cb057: virtio-balloon gives back through the OOM notifier again (Linux 5.8)",
        ),
    ),
)
