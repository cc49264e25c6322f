"""Free pages that the guest gave to the host without the balloon: page reporting and hinting."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ...model import Finding
from ...terms import Quality, Severity
from ..kind import Explanation, Kind, cost_of, found
from ..needs import FREE_PAGES

if TYPE_CHECKING:
    from ..evidence import Evidence

CHURN_TIMES: Final = 2.0
"""So many times the most memory that was free at once: on average each free page went to the host twice and more."""
_FREE: Final = "vmstat.nr_free_pages"


def _given(evidence: Evidence) -> Iterator[Finding]:
    balloon = evidence.analysis.balloon
    when = (0.0, evidence.analysis.duration_s)
    if balloon.reports and balloon.reported_pages is None:
        text = f"Free page reporting made {balloon.reports:,} reports; the amount of memory was not recorded."
        numbers: dict[str, float] = {"reports": balloon.reports}
        yield found(Severity.INFO, when, text, numbers, cost=None, quality=Quality.UNKNOWN)
    if balloon.reports and balloon.reported_pages:
        gave = evidence.mib(balloon.reported_pages)
        text = f"Free page reporting told the host of {gave} in {balloon.reports:,} reports."
        numbers = {"reports": balloon.reports, "reported_pages": balloon.reported_pages}
        again, free = _given_again(evidence, balloon.reported_pages)
        if again:
            text += f" {_churn(evidence, again, free)}"
            numbers |= {"again_pages": again, "free_pages": free}
        quality = Quality.INFERRED if again else Quality.MEASURED
        cost = cost_of(None, evidence.in_bytes(again)) if again else None
        yield found(Severity.INFO, when, text, numbers, cost=cost, quality=quality)
    if balloon.hinted_pages:
        text = (
            f"Free page hinting told the host of at least {evidence.mib(balloon.hinted_pages)} that it need not keep."
        )
        numbers = {"hinted_pages": balloon.hinted_pages}
        yield found(Severity.INFO, when, text, numbers, cost=None, quality=Quality.LOWER_BOUND)


def _given_again(evidence: Evidence, reported: int) -> tuple[float, float]:
    """How much of it must have been given before, and the most that was free at once; 0 where it is not so much.

    A free page is reported once: only one that was allocated and freed since can be reported again.
    """
    free = evidence.analysis.samples.get(_FREE)
    most = float(free.values.max()) if free is not None else 0.0
    return (reported - most, most) if most and reported >= CHURN_TIMES * most else (0.0, most)


def _churn(evidence: Evidence, again: float, free: float) -> str:
    return (
        f"No more than {evidence.mib(free)} was free at once, so {evidence.mib(again)} of that was reported, used and "
        f"reported again."
    )


KIND: Final = Kind(
    name="reporting",
    number=23,
    title="Free memory was reported to the host",
    clause="free pages were reported to the host",
    needs=(FREE_PAGES,),
    rule=_given,
    explanation=Explanation(
        meaning="The guest told the host which of its pages are free, and the host may use them. Nothing was "
        "taken from anyone. If the same memory is reported again and again, the guest frees it and soon "
        "needs it again: each time the host has to find and clear a page.",
        computed="Pages in the driver's reports (`virtballoon_free_page_report`), and those hinted during a "
        "migration (a lower bound). A page is reported once after it is freed. Anything reported beyond "
        "the highest `nr_free_pages` sample must therefore have been reported before; shown where that is "
        "at least half of what was reported. Free memory may have been higher between two samples: "
        "inferred.",
        causes=(
            (
                "Programs that start and exit in turn, or that free and allocate large buffers (builds, batch "
                "jobs, test runs)."
            ),
            "A page cache that is dropped and read again (drop_caches in a cron job).",
        ),
        advice=(
            "Nothing, if each page was reported once: that is what page reporting is for.",
            (
                "If the same pages keep being reported and page faults cost time: report larger blocks only "
                "(/sys/module/page_reporting/parameters/page_reporting_order, Linux 5.14 and newer), which change "
                "hands less often."
            ),
        ),
        helped="Under the same load, reported pages come close to what is free at once.",
        references=(
            (
                "mm/page_reporting.c: page_reporting_cycle() reports at most every 2 s, and only pages not "
                "reported since they were freed"
            ),
            "drivers/virtio/virtio_balloon.c: virtballoon_free_page_report()",
        ),
    ),
)
