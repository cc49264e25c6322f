"""Episodes in which tasks waited for memory of which the balloon held much and gave nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from ...model import Analysis, Episode, Finding
from ...terms import Quality, Severity
from ..kind import Explanation, Kind, cost_of, found
from ..needs import BALLOON_SIZE, WAITS

if TYPE_CHECKING:
    from ..evidence import Evidence

HELD_LEAST_BYTES: Final = 64 << 20
"""A balloon that holds less could hardly have helped."""
WAITED_LEAST_S: Final = 1.0
"""Tasks that waited less in an episode, all together, do not starve."""


def _starved(evidence: Evidence) -> Iterator[Finding]:
    for episode in evidence.analysis.episodes:
        waited = episode.global_waits
        if waited is None or waited.stall_s < WAITED_LEAST_S or _gave(evidence, episode):
            continue
        held = evidence.held_pages(episode.end_s)
        if held is None or held * evidence.metadata.page_size_bytes < HELD_LEAST_BYTES:
            continue
        is_open = evidence.lasts(episode.end_s, evidence.options.gap_s)
        priority = "" if waited.min_priority is None else f", down to priority {waited.min_priority}"
        text = (
            f"Tasks waited {waited.stall_s:.1f} s in direct reclaim (global){priority}, while the balloon held "
            f"{evidence.mib(held)} and gave nothing{' so far' * is_open}."
        )
        numbers: dict[str, float] = {"balloon_pages": held, "stall_s": waited.stall_s, "stalls": waited.stalls}
        if waited.min_priority is not None:
            numbers["min_priority"] = waited.min_priority
        yield found(
            Severity.WARNING,
            (episode.start_s, episode.end_s),
            text,
            numbers,
            cost=cost_of(waited.stall_s),
            is_open=is_open,
            quality=Quality.INFERRED,
        )


def _gave(evidence: Evidence, episode: Episode) -> bool:
    """Whether pages left the balloon in it, for whatever reason."""
    return any(
        step.pages < 0 and step.end_s >= episode.start_s and step.start_s <= episode.end_s
        for step in evidence.analysis.steps
    )


def _together(_analysis: Analysis, episodes: Sequence[Finding], _page_bytes: int) -> str:
    if len(episodes) == 1:
        return ""
    waited_s = sum(episode.numbers["stall_s"] for episode in episodes)
    return f"{len(episodes):,} such episodes, {waited_s:,.1f} s of waiting in all"


KIND: Final = Kind(
    name="starved",
    number=5,
    title="The balloon holds what tasks wait for",
    clause="tasks waited for memory while the balloon gave nothing",
    needs=(WAITS, BALLOON_SIZE),
    rule=_starved,
    together=_together,
    told_open=True,
    explanation=Explanation(
        meaning="The machine was short of memory and tasks waited for reclaim, while a balloon held a good part "
        "of the guest's memory and gave none of it back. The host has the memory, the guest's tasks pay "
        "for it.",
        computed="An episode in which tasks waited a second and more in direct reclaim for the machine (a memory "
        "cgroup's own limit does not count: no balloon helps against that), the balloon held 64 MiB or "
        "more at its end, and no page left the balloon in it. That the balloon's memory would have "
        "helped is inferred from these.",
        causes=(
            "The host's target is higher than what the guest can spare now; it was set when the guest was idle.",
            (
                "DEFLATE_ON_OOM is off, or the kernel gives back through the OOM notifier, which is asked only when "
                "reclaim has failed altogether: long waiting alone never reaches it."
            ),
        ),
        advice=(
            "Lower the host's target: give the guest at least what it reads again and waits for.",
            (
                "Let the host's policy look at the guest's own numbers (the balloon's statistics queue: available "
                "memory, major faults; on 6.12 and newer allocation stalls), not only at free memory."
            ),
            "Prefer free page reporting to a standing balloon: it takes only what is free.",
        ),
        helped="Under the same load the tasks' waiting in direct reclaim goes to nearly nothing once the balloon "
        "is smaller; compare `stall_s` of the two recordings.",
        references=(
            "mm/page_alloc.c: __alloc_pages_slowpath() asks out_of_memory() only after reclaim has failed",
            "drivers/virtio/virtio_balloon.c: virtio_balloon_oom_notify()",
        ),
    ),
)
