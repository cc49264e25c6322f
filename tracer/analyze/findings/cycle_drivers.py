"""What drives cycles of each class, and what to do about it: for a cycle and a storm of them alike."""

from __future__ import annotations

from typing import Final

from ..model import Analysis
from ..sizes import mib
from ..terms import CycleClass

DRIVEN_BY: Final = {
    CycleClass.SHRINKER_REINFLATE: "its shrinker took the pages out and its worker put them back",
    CycleClass.NOTIFIER_REINFLATE: "the OOM notifier took pages out while it was still inflating",
    CycleClass.HOST_REINFLATE: "the host asked again for pages that memory pressure had taken out",
    CycleClass.HOST_OSCILLATION: "the host kept reversing its target",
    CycleClass.ROUNDING: "its target is not a multiple of the guest page size",
}
ADVICE: Final = (
    (
        "Lower the host's target to what the guest can spare: the balloon's size when the cycles began, minus what "
        "left it in one cycle."
    ),
    (
        "`host-reinflate`: have the host accept what the guest took out. After a deflation that it did not request, it "
        "should wait until the actual size is stable, make that its target (any earlier, and the worker inflates "
        "again), and wait minutes, not seconds, before it asks for more."
    ),
    (
        "`host-oscillation`: give the host's policy a dead band (no target change for small differences) and have "
        "it poll less often."
    ),
    (
        "`notifier-reinflate`: set a target that the guest can reach. The driver keeps inflating towards one that "
        "it can't."
    ),
    "`shrinker-reinflate`: use a kernel in which the balloon deflates through the OOM notifier (5.8 and newer).",
    "`rounding`: choose a target that is a multiple of the guest's page size.",
)
DRIVER_REFERENCES: Final = (
    "drivers/virtio/virtio_balloon.c: update_balloon_size_func() requeues itself while size and target differ",
    "drivers/virtio/virtio_balloon.c: virtio_balloon_oom_notify() leaks without changing the target",
    "commit 71994620bb25: virtio-balloon deflates through a shrinker (Linux 4.19 to 5.7)",
    "commit da10329cb057: virtio-balloon deflates through the OOM notifier again (Linux 5.8)",
)


def first_advice(cycle_class: CycleClass) -> int:
    """The position of what is true for this class: no lower target keeps it from rounding."""
    return len(ADVICE) - 1 if cycle_class is CycleClass.ROUNDING else 0


def moved_for_nothing(analysis: Analysis, page_bytes: int) -> str:
    """What all cycles, in storms and beside them, moved out and back in, as a further clause; empty where not known."""
    pages = analysis.balloon.wasted_pages
    return "" if pages is None else f"; {mib(pages * page_bytes)} moved for nothing"
