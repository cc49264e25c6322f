"""Runs of the balloon's worker that took long, or had not returned when the recording ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from ...model import Analysis, Finding
from ...terms import Quality, Severity
from ..kind import Explanation, Kind, cost_of, found
from ..needs import WAIT_KINDS, WORK, if_balloon, lasting

if TYPE_CHECKING:
    from ...balloon.stuck import StuckRun
    from ..evidence import Evidence

_HUNG_S: Final = 120.0
"""From here on the kernel itself calls a task hung: CONFIG_DEFAULT_HUNG_TASK_TIMEOUT in lib/Kconfig.debug."""
_EDGES: Final = frozenset(
    {"balloon_work_begin", "balloon_work_end", "update_balloon_size_begin", "update_balloon_size_end"}
)
_LAST_TEXT: Final = {
    "tell_host": "tell_host, waiting for the host",
    "fill_balloon_begin": "fill_balloon",
    "leak_balloon_begin": "leak_balloon",
    "direct_reclaim_begin": "direct reclaim (global)",
}


def _stuck(evidence: Evidence) -> Iterator[Finding]:
    for stuck in sorted(evidence.balloon.stuck.found, key=lambda stuck: (stuck.run.begin_ns, stuck.run.id)):
        since_s, until_s = evidence.seconds(stuck.run.begin_ns), evidence.seconds(stuck.until_ns)
        if not _is_doubtful(evidence, stuck, since_s, until_s):
            yield found(
                Severity.CRITICAL if until_s - since_s >= _HUNG_S else Severity.WARNING,
                (since_s, until_s),
                _text(evidence, stuck, since_s, until_s),
                _numbers(evidence, stuck, until_s - since_s),
                cost=cost_of(until_s - since_s),
                is_open=stuck.is_open,
                quality=Quality.LOWER_BOUND if stuck.is_open or _began_unseen(stuck) else Quality.MEASURED,
                spans=() if _began_unseen(stuck) else [stuck.run.id],
            )


def _began_unseen(stuck: StuckRun) -> bool:
    return stuck.run.id < 0


def _is_doubtful(evidence: Evidence, stuck: StuckRun, since_s: float, until_s: float) -> bool:
    """Whether begin and end may be those of two runs. What an import lacks at its start may just be missing in it."""
    imported = _began_unseen(stuck) and evidence.metadata.imported_from is not None
    return imported or evidence.may_have_missed(since_s, until_s, _EDGES)


def _text(evidence: Evidence, stuck: StuckRun, since_s: float, until_s: float) -> str:
    length = f"{until_s - since_s:,.1f} s"
    if _began_unseen(stuck):
        return f"A run of the balloon's worker began before the recording and took {length} more to return."
    waited = _waited(evidence, stuck)
    if not stuck.is_open:
        return f"The balloon's worker needed {length} for one run, starting at {since_s:.3f} s{waited}."
    last = _LAST_TEXT.get(stuck.last_name, stuck.last_name)
    seen = f", last seen in {last}, at {evidence.seconds(stuck.last_ns):.3f} s" if last else ""
    return (
        f"The balloon's worker has been inside one run since {since_s:.3f} s and had not returned after {length}"
        f"{waited}{seen}."
    )


def _waited(evidence: Evidence, stuck: StuckRun) -> str:
    """What most of the run went into, as a clause; empty where that was not seen."""
    if stuck.is_mostly(stuck.host_ns):
        return f"; {stuck.host_ns / 1e9:,.1f} s of that it waited for the host (tell_host)"
    if stuck.is_mostly(stuck.reclaim_ns):
        return f"; {stuck.reclaim_ns / 1e9:,.1f} s of that it waited for memory (direct reclaim)"
    if not evidence.kinds_seen & WAIT_KINDS:
        return ""
    if "tell_host" in evidence.kinds_seen:
        return "; for most of that it waited neither for the host (tell_host) nor in reclaim"
    return "; it did not wait in reclaim; waits for the host were not traced"


def _numbers(evidence: Evidence, stuck: StuckRun, length_s: float) -> dict[str, float]:
    numbers: dict[str, float] = {"stuck_s": length_s}
    if _began_unseen(stuck):
        return numbers
    numbers["last_seen_s"] = evidence.seconds(stuck.last_ns)
    if "tell_host" in evidence.kinds_seen:
        numbers["host_s"] = stuck.host_ns / 1e9
    if evidence.kinds_seen & WAIT_KINDS:
        numbers["reclaim_s"] = stuck.reclaim_ns / 1e9
    return numbers


def _together(_analysis: Analysis, runs: Sequence[Finding], _page_bytes: int) -> str:
    if len(runs) == 1:
        return ""
    return f"{len(runs):,} such runs, {sum(run.numbers['stuck_s'] for run in runs):,.1f} s in total"


KIND: Final = Kind(
    name="worker_stuck",
    number=4,
    title="The balloon's worker does not return",
    clause="the balloon's worker was stuck in a run",
    needs=(WORK, if_balloon(lasting(2))),
    rule=_stuck,
    together=_together,
    told_open=True,
    explanation=Explanation(
        meaning="One run of the balloon's worker did not end. Meanwhile the balloon follows no target, and "
        "everything that waits for the worker (suspend, unplugging the device) hangs as well.",
        computed="A run of 2 s or more, or one that had been open for that long when the recording ended: a run "
        "moves at most 256 pages, or sleeps 200 ms when it can't allocate, so a healthy one ends within a "
        "second. It waited for the host if at least half of the run lies between tell_host() and the "
        "worker's next step, for memory if at least half is direct reclaim or compaction. Critical from "
        "120 s, when the kernel's hung task detector reports it too. The time of a run that had not "
        "ended, or began before the recording, is a lower bound. Not reported where the run's begin or "
        "end may have been lost.",
        causes=(
            "The host does not answer: the driver waits in tell_host() until the device has taken the pages.",
            "The worker allocates in direct reclaim that makes no progress.",
        ),
        advice=(
            ("If it waits for the host, look there: is the VMM's thread alive, is the guest paused or being migrated?"),
            "Look at the worker's stack in the guest: `echo w > /proc/sysrq-trigger`, then `dmesg`.",
            "If it reclaims: lower the host's target, so that the driver stops allocating.",
        ),
        helped="The run ends, and the balloon's size follows a target change within seconds.",
        references=(
            "drivers/virtio/virtio_balloon.c: tell_host() waits on vb->acked; fill_balloon() sleeps 200 ms",
            "kernel/hung_task.c, CONFIG_DEFAULT_HUNG_TASK_TIMEOUT in lib/Kconfig.debug",
        ),
    ),
)
