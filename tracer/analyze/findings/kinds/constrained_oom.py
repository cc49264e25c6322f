"""OOM notifications on behalf of allocations that could use only some NUMA nodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ...model import Finding
from ...terms import Quality, Severity
from ..kind import Explanation, Kind, found
from ..needs import NOTIFICATIONS

if TYPE_CHECKING:
    from ..evidence import Evidence


def _constrained(evidence: Evidence) -> Iterator[Finding]:
    seen = evidence.balloon.constrained
    if not seen.notifications:
        return
    nodes = ", ".join(str(node) for node in sorted(seen.nodes))
    noun, those = ("node", "that node") if len(seen.nodes) == 1 else ("nodes", "their nodes")
    text = (
        f"{seen.notifications} OOM notifications were for allocations limited to NUMA {noun} {nodes}, and the "
        f"balloon is not NUMA-aware; "
    )
    if seen.followed:
        text += f"after {seen.futile} of them {those} had hardly more free memory, so they can't have helped."
    else:
        text += f"the recording does not show whether {those} had more free memory afterwards."
    numbers = {"notifications": seen.notifications, "futile": seen.futile}
    when = (evidence.seconds(seen.first_ns), evidence.seconds(seen.last_ns))
    yield found(Severity.WARNING, when, text, numbers, cost=None, quality=Quality.INFERRED, spans=seen.spans)


KIND: Final = Kind(
    name="constrained_oom",
    number=10,
    title="The balloon frees memory on the wrong node",
    clause="OOM notifications were for allocations limited to some NUMA nodes",
    needs=(NOTIFICATIONS,),
    rule=_constrained,
    explanation=Explanation(
        meaning="A task may allocate only on some NUMA nodes (cpuset or memory policy), and they ran out of memory. "
        "The kernel asked the balloon, which releases pages of any node: it deflates without helping the task.",
        computed="The zones that an allocation retries (`oom:reclaim_retry_zone`) show which nodes it may use. A "
        "notification is futile where the node that was short had hardly more free memory at the next retry.",
        causes=(
            "A cpuset or a memory policy (numactl, mbind) binds a load to a node that is too small for it.",
            "The balloon took its pages from that node.",
        ),
        advice=(
            "Widen the cpuset or the policy (preferred instead of bind).",
            "Keep the balloon small in guests with several nodes and bound loads.",
        ),
        helped="No OOM notifications for node-limited allocations under the same load.",
        references=(
            "mm/oom_kill.c: out_of_memory() computes the constraint after the notifiers have run",
            "mm/page_alloc.c: should_reclaim_retry()",
        ),
    ),
)
