"""Events that were lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ...model import Finding
from ...terms import Severity
from ..kind import Explanation, Kind, found

if TYPE_CHECKING:
    from ..evidence import Evidence


def _lost(evidence: Evidence) -> Iterator[Finding]:
    accounting = evidence.analysis.accounting
    if not accounting.lost_total:
        return
    start_s = min(stretch[0] for stretch in accounting.lost_stretches)
    end_s = max(stretch[1] for stretch in accounting.lost_stretches)
    share = accounting.lost_total / (accounting.lost_total + accounting.events)
    why = (
        "by the original tracer"
        if evidence.metadata.imported_from
        else "because a buffer was full (try a larger --buffer-size, --queue-size) or the kernel skipped the program"
    )
    text = f"{accounting.lost_total:,} events ({share:.1%}) were lost {why}."
    yield found(Severity.WARNING, (start_s, end_s), text, {"lost": accounting.lost_total}, cost=None)


KIND: Final = Kind(
    name="lost",
    number=17,
    title="Events were lost",
    clause="events were lost",
    needs=(),
    rule=_lost,
    of_recording=True,
    explanation=Explanation(
        meaning="The recording is incomplete. Numbers for the affected stretches are lower "
        "bounds, and problems may have gone unseen.",
        computed="The BPF programs count records that did not fit into the buffer, by CPU and kind, and the "
        "kernel counts events at which it skipped a program; an import uses the other tracer's count.",
        causes=(
            "Events came faster than the recorder or the disk could take them.",
            "The kernel skipped a program because another one was running on that CPU.",
        ),
        advice=(
            "Record with a larger `--buffer-size` (and `--queue-size` where the disk is slow).",
            "Record with `--lru-detail span`: fewer events for the same pages.",
        ),
        helped="0 lost in the summary's last section.",
        references=("docs/recording.md: loss", "docs/performance.md: the rates that are lossless"),
    ),
)
