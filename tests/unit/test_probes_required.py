"""What has to be attached for a recording to be worth making."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tracer.errors import CannotTraceError
from tracer.metadata import PlanRow, SourceState
from tracer.probes.attach import Probes

USED, REFUSED, ABSENT = SourceState.USED, SourceState.REFUSED, SourceState.ABSENT


class Tried(Probes):
    """Probes that fared so."""

    def __init__(self, *fared: tuple[str, SourceState]) -> None:
        self._fared = tuple(PlanRow("any", source, state, "Permission denied") for source, state in fared)
        self._events = [source for source, state in fared if state is USED]

    @property
    def rows(self) -> tuple[PlanRow, ...]:
        return self._fared


TRACEPOINT, OTHER, FUNCTION = "tracepoint:vmscan:mm_shrink_slab_start", "tracepoint:oom:mark_victim", "fentry:f"


@pytest.mark.parametrize(
    ("fared", "said"),
    [
        ([(TRACEPOINT, REFUSED), (OTHER, REFUSED), (FUNCTION, REFUSED)], f"no BPF program .* {TRACEPOINT}: Permission"),
        ([(FUNCTION, USED), (TRACEPOINT, REFUSED), (OTHER, REFUSED)], f"no tracepoint .* {TRACEPOINT}: Permission"),
        ([(TRACEPOINT, ABSENT), (OTHER, ABSENT)], "this kernel has none of the tracepoints"),
    ],
    ids=["all refused", "all tracepoints refused", "none there"],
)
def test_what_shows_no_reclaim_is_no_recording(fared: Sequence[tuple[str, SourceState]], said: str) -> None:
    with pytest.raises(CannotTraceError, match=said):
        Tried(*fared).require_any()


@pytest.mark.parametrize(
    "fared",
    [
        [(TRACEPOINT, USED), (OTHER, REFUSED), (FUNCTION, REFUSED)],
        [(TRACEPOINT, ABSENT), (FUNCTION, USED)],
        [(FUNCTION, REFUSED), ("kprobe:f", USED)],
    ],
    ids=["a tracepoint", "no tracepoint there", "functions alone wanted"],
)
def test_part_of_what_was_wanted_is_enough(fared: Sequence[tuple[str, SourceState]]) -> None:
    Tried(*fared).require_any()
