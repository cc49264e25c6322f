"""The guest's memory off the host's target, where the host's view was recorded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ...model import Finding
from ...sizes import mib
from ...terms import Severity
from ..kind import Explanation, Kind, found
from ..needs import HOSTS_VIEW

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
    text = f"The guest was off the host's target for {lag.lag_s:.1f} s, by up to {mib(lag.most_bytes)}{out}."
    numbers: dict[str, float] = {"lag_s": lag.lag_s, "lag_max_bytes": lag.most_bytes}
    if puffed is not None:
        numbers["puffs"] = puffed
    yield found(Severity.INFO, (lag.start_s, lag.end_s), text, numbers, cost=None, is_open=lag.is_open)


KIND: Final = Kind(
    name="lag",
    number=12,
    title="The balloon lags its target",
    clause="the balloon lagged the host's target",
    needs=(HOSTS_VIEW,),
    rule=_lag,
    explanation=Explanation(
        meaning="The host asked for a size and the guest did not get there. The host counts on memory that it "
        "does not have yet, or the guest lacks memory that it was to get back.",
        computed="From the host's log: time in which the actual size was off the target by more than 1 MiB, and "
        "by how much at most. Told from one second on.",
        causes=(
            "The guest can't allocate (see `puff`).",
            "The guest took pages out under pressure (see `late_tap`, `premature_tap`), and nothing brings them back.",
            "The worker is stuck (see `worker_stuck`).",
        ),
        advice=(
            "Let the host look at the actual size, not at its target, when it plans with the memory.",
            "Lower the target to what the guest can give.",
        ),
        helped="The actual size reaches the target within a second of a change.",
        references=("drivers/virtio/virtio_balloon.c: update_balloon_size() writes `actual` after each run",),
    ),
)
