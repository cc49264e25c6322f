"""Runs of the balloon's worker that had not returned for long when the recording ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from ...model import Analysis, Finding
from ...terms import Quality, Severity
from ..kind import Explanation, Kind, cost_of, found
from ..needs import WORK

if TYPE_CHECKING:
    from ..evidence import Evidence

_HUNG_S: Final = 120.0
"""From here on the kernel itself calls a task hung: CONFIG_DEFAULT_HUNG_TASK_TIMEOUT in lib/Kconfig.debug."""

_LAST_TEXT: Final = {
    "tell_host": "tell_host, waiting for the host",
    "fill_balloon_begin": "fill_balloon",
    "leak_balloon_begin": "leak_balloon",
    "direct_reclaim_begin": "direct reclaim (global)",
}


def _stuck(evidence: Evidence) -> Iterator[Finding]:
    for stuck in evidence.balloon.stuck.found:
        since_s, until_s = evidence.seconds(stuck.run.begin_ns), evidence.seconds(stuck.until_ns)
        last = _LAST_TEXT.get(stuck.last_kind, stuck.last_kind)
        seen = f", last seen in {last}, at {evidence.seconds(stuck.last_ns):.3f} s" if last else ""
        text = (
            f"The balloon's worker has been inside one run since {since_s:.3f} s and had not returned after "
            f"{until_s - since_s:,.1f} s{seen}."
        )
        yield found(
            Severity.CRITICAL if until_s - since_s >= _HUNG_S else Severity.WARNING,
            (since_s, until_s),
            text,
            {"stuck_s": until_s - since_s, "last_seen_s": evidence.seconds(stuck.last_ns)},
            cost=cost_of(until_s - since_s),
            is_open=True,
            quality=Quality.LOWER_BOUND,
            spans=[stuck.run.id],
        )


def _together(_analysis: Analysis, runs: Sequence[Finding], _page_bytes: int) -> str:
    return f"{len(runs):,} runs did not return" if len(runs) > 1 else ""


KIND: Final = Kind(
    name="worker_stuck",
    number=4,
    title="The balloon's worker does not return",
    clause="the balloon's worker did not return",
    needs=(WORK,),
    rule=_stuck,
    together=_together,
    told_open=True,
    explanation=Explanation(
        meaning="One run of the balloon's worker went on and on. While it does, the balloon follows no target, "
        "and whoever waits for the worker (suspend, unplugging the device) hangs as well.",
        computed="A run that had been open for 10 s when the recording ended: a run moves at most 256 pages, or "
        "sleeps 200 ms when it can't allocate, so that a healthy one ends within a second. Critical from "
        "120 s on, when the kernel's hung task detector speaks up too. The time is a lower bound: the "
        "run may have begun earlier and had not ended.",
        causes=(
            "The host does not answer: the driver waits in tell_host() until the device has taken the pages.",
            "The worker allocates in direct reclaim that makes no progress.",
        ),
        advice=(
            "Look at the host: is the VMM's thread alive, is the guest paused, is a migration under way?",
            "Look at the worker's stack in the guest: `echo w > /proc/sysrq-trigger`, then `dmesg`.",
            "Where it reclaims: lower the host's target, so that the driver stops allocating.",
        ),
        helped="The run's end appears, and the balloon's size follows a change of target within seconds.",
        references=(
            "drivers/virtio/virtio_balloon.c: tell_host() waits on vb->acked; fill_balloon() sleeps 200 ms",
            "kernel/hung_task.c, CONFIG_DEFAULT_HUNG_TASK_TIMEOUT in lib/Kconfig.debug",
        ),
    ),
)
