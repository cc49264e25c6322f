"""The guest's memory off the host's target, where the host's view was recorded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ...model import Finding
from ...sizes import mib
from ...terms import Severity
from ..kind import Explanation, Kind, found
from ..needs import HOSTS_VIEW, if_balloon, lasting

if TYPE_CHECKING:
    from ..evidence import Evidence

LAG_LEAST_S: Final = 1.0
"""A size that is off its target for less follows it: a worker moves hundreds of MiB in a second."""


def _lag(evidence: Evidence) -> Iterator[Finding]:
    lag = evidence.lag()
    if lag is None or lag.lag_s <= LAG_LEAST_S:
        return
    puffed = evidence.analysis.balloon.puffs
    out = "" if puffed is None else f", with {puffed} work runs out of puff"
    text = f"The balloon was off the host's target for {lag.lag_s:.1f} s, by up to {mib(lag.most_bytes)}{out}."
    numbers: dict[str, float] = {"lag_s": lag.lag_s, "lag_max_bytes": lag.most_bytes}
    if puffed is not None:
        numbers["puffs"] = puffed
    yield found(Severity.INFO, (lag.start_s, lag.end_s), text, numbers, cost=None, is_open=lag.is_open)


KIND: Final = Kind(
    name="lag",
    number=12,
    title="The balloon lags behind its target",
    clause="the balloon lagged behind the host's target",
    needs=(HOSTS_VIEW, if_balloon(lasting(LAG_LEAST_S))),
    rule=_lag,
    explanation=Explanation(
        meaning="The host asked for a size and the balloon did not reach it. Either the host counts on memory that "
        "it does not have yet, or the guest still lacks memory that it should get back.",
        computed="From the host's log: the time during which the actual size differed from the target by more than "
        "1 MiB, and the largest difference. Reported from one second.",
        causes=(
            "The guest can't allocate (see `puff`).",
            "The guest took pages out under pressure (see `late_tap`, `premature_tap`), and nothing puts them back.",
            "The worker is stuck (see `worker_stuck`).",
        ),
        advice=(
            "Have the host plan with the balloon's actual size, not with its target.",
            "Lower the target to what the guest can spare.",
        ),
        helped="The actual size reaches the target within a second of a change.",
        references=("drivers/virtio/virtio_balloon.c: update_balloon_size() writes `actual` after each run",),
    ),
)
