"""Each time that kswapd failed so often in a row that the kernel no longer wakes it for its node."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ...model import Finding
from ...terms import Quality, Severity
from ..kind import Explanation, Kind, found
from ..needs import KSWAPD_FAILURES

if TYPE_CHECKING:
    from ...totals.hopeless import HopelessNode
    from ..evidence import Evidence

_CLEAR: Final = "kswapd_clear_hopeless"
_REASON_TEXT: Final = {
    0: "until its failures were cleared for another reason, as when demotion is turned on",
    1: "until kswapd found the node balanced again",
    2: "until direct reclaim had the node balanced again",
    3: "until freed pages took one of its zones above the high watermark",
}
"""By KSWAPD_CLEAR_HOPELESS_OTHER, _KSWAPD, _DIRECT, _PCP (include/linux/mmzone.h)."""


def _gave_up(evidence: Evidence) -> Iterator[Finding]:
    for node in evidence.hopeless:
        start_s = evidence.seconds(node.start_ns)
        end_s = evidence.analysis.duration_s if node.end_ns is None else evidence.seconds(node.end_ns)
        of_node = "of an unknown node" if node.nid is None else f"of node {node.nid}"
        since = f"before {start_s:.3f} s" if node.began_unseen else f"at {start_s:.3f} s"
        text = (
            f"kswapd {of_node} failed {node.failures} times in a row to reclaim anything and gave up {since}, leaving "
            f"the node to direct reclaim{_until(evidence, node, end_s)}."
        )
        known = {"nid": node.nid, "failures": node.failures, "reason": node.reason}
        numbers: dict[str, float] = {name: value for name, value in known.items() if value is not None}
        yield found(
            Severity.WARNING,
            (start_s, end_s),
            text,
            numbers,
            cost=None,
            is_open=node.end_ns is None,
            quality=_quality(node),
            advice=1 if evidence.surely_no_balloon else 0,
        )


def _until(evidence: Evidence, node: HopelessNode, end_s: float) -> str:
    if node.end_ns is None:
        if _CLEAR in evidence.metadata.kinds_traced or _CLEAR in evidence.analysis.accounting.events_by_kind:
            return "; it has not resumed so far"
        return "; this recording does not show whether it resumed"
    if node.reason is None:
        return f"; it resumed before {end_s:.3f} s, reason not traced"
    why = _REASON_TEXT.get(node.reason, f"until its failures were cleared (reason {node.reason})")
    return f" {why}, at {end_s:.3f} s"


def _quality(node: HopelessNode) -> Quality:
    if node.end_ns is not None and node.reason is None:
        return Quality.INFERRED
    return Quality.LOWER_BOUND if node.began_unseen else Quality.MEASURED


KIND: Final = Kind(
    name="kswapd_gave_up",
    number=9,
    title="kswapd gave up on a node",
    clause="kswapd gave up on a node",
    needs=(KSWAPD_FAILURES,),
    rule=_gave_up,
    told_open=True,
    explanation=Explanation(
        meaning="kswapd found nothing to reclaim on a NUMA node so often that the kernel stopped waking it. From "
        "then on, every allocation that is short of memory enters direct reclaim and waits.",
        computed="`mm_vmscan_kswapd_reclaim_fail` has kswapd's consecutive failures; at 16 the kernel stops "
        "waking it. `mm_vmscan_kswapd_clear_hopeless` shows what ended that.",
        causes=(
            (
                "Nearly all memory is anonymous and there is no swap, or it is locked (mlock, hugetlb, the balloon "
                "itself)."
            ),
            "The balloon took the page cache that kswapd would have reclaimed.",
            "Cgroups protect their memory (memory.min, memory.low) and nothing else is left to reclaim.",
        ),
        advice=(
            "If a balloon holds memory: lower the host's target.",
            "Add swap or zram, so that anonymous memory can be reclaimed.",
            "Check memory.min and memory.low of the cgroups.",
        ),
        helped="`kswapd_failures` in /proc/zoneinfo stays below 16 under the same load, and direct reclaim goes down.",
        references=(
            "mm/vmscan.c: kswapd_test_hopeless(), kswapd_try_clear_hopeless(); MAX_RECLAIM_RETRIES in mm/internal.h",
            "commit a45088376d8a: tracepoints for kswapd's failures (Linux 7.1)",
        ),
    ),
)
