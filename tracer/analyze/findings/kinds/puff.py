"""Runs in which the driver wanted pages and could not get them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ...model import Finding
from ...terms import Severity
from ..kind import Explanation, Kind, cost_of, found
from ..needs import PUFFS

if TYPE_CHECKING:
    from ..evidence import Evidence

_SLEEP_S: Final = 0.2
"""What each of them sleeps at least: msleep(200) in fill_balloon()."""


def _puffs(evidence: Evidence) -> Iterator[Finding]:
    count = evidence.analysis.balloon.puffs
    if not count:
        return
    text = f"{count} balloon work runs took 200 ms or more for few pages: the driver was out of puff."
    begin_ns, end_ns = evidence.balloon.works.long_ns
    when, spans = (evidence.seconds(begin_ns), evidence.seconds(end_ns)), evidence.balloon.works.long_ids
    cost, quality = cost_of(_SLEEP_S * count), evidence.balloon.quality
    yield found(Severity.INFO, when, text, {"puffs": count}, cost=cost, quality=quality, spans=spans)


KIND: Final = Kind(
    name="puff",
    number=11,
    title="The balloon is out of puff",
    clause="the balloon's driver could not allocate",
    needs=(PUFFS,),
    rule=_puffs,
    explanation=Explanation(
        meaning="The driver tried to inflate but could not allocate pages: the target is out of reach. It sleeps "
        "200 ms and tries again for as long as the target stays. The kernel log says \"Out of puff! Can't get N "
        'pages".',
        computed="Worker runs of 200 ms or more that moved less than half of what a run can (256 pages). "
        "The cost is the 200 ms that each of them sleeps, a lower bound of the worker's waiting.",
        causes=("The host's target is higher than what the guest can spare.",),
        advice=(
            "Lower the target to the balloon's size plus what the guest has available.",
            "Have the host stop raising the target when the size no longer follows it.",
        ),
        helped="The size reaches its target, and no new run is out of puff.",
        references=("drivers/virtio/virtio_balloon.c: fill_balloon(), msleep(200)",),
    ),
)
