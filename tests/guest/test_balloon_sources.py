"""Balloon pages by every way of counting them, on real kernels with a real balloon, against the kernel's counters."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from guest.guest import MIB, Guest, GuestError
from guest.kernels import chosen_kernels
from guest.machine import Hardware
from guest.recorder import queue_mib

from tracer.analyze.model import Analysis, Cause, Quality
from tracer.commands.analysis import analyse_file
from tracer.metadata import Metadata, SourceState

MEMORY_MIB, LEFT_MIB = 512, 300
INFLATED_PAGES = (MEMORY_MIB - LEFT_MIB) * 256
LEAKED_PAGES = 20 * 256
FORCED = ("fentry", "kprobe", "counters", "pages", "tracepoints", "samples")
WAIT_S = 300


@dataclass(frozen=True)
class Seen:
    """A recording of an inflation, OOMs that leak and a deflation, with what the kernel counted meanwhile."""

    metadata: Metadata
    analysis: Analysis
    inflated: int
    deflated: int

    def used(self, what: str) -> str | None:
        rows = (row for row in self.metadata.plan if row.what == what and row.state is SourceState.USED)
        return next((row.source for row in rows), None)

    @property
    def sees_ooms(self) -> bool:
        return bool(self.used("oom_notify_end") or self.used("oom_notifier_end"))


@pytest.fixture(scope="module", params=chosen_kernels())
def guest(request: pytest.FixtureRequest) -> Iterator[Guest]:
    with Guest(request.param, Hardware(memory_mib=MEMORY_MIB)) as booted:
        yield booted


def errors(guest: Guest, pid: int) -> str:
    try:
        return guest.errors(pid)
    except GuestError:
        return ""


def settle(guest: Guest, mib: int) -> None:
    guest.set_target(mib)
    guest.until(lambda: guest.balloon_bytes() == mib * MIB, WAIT_S, f"the balloon to leave {mib} MiB")


def load(guest: Guest) -> None:
    """Inflate; allocate more than is left, so that the OOM notifier has to leak; deflate."""
    settle(guest, LEFT_MIB)
    before = guest.counters()["balloon_deflate"]
    available_mib = guest.counters("/proc/meminfo")["MemAvailable"] >> 10
    hog = guest.start("load", "hog", str(available_mib + 60), oom_score_adj=1000)
    leaked = lambda: guest.counters()["balloon_deflate"] - before >= LEAKED_PAGES  # noqa: E731
    guest.until(leaked, WAIT_S, "the OOM notifier to leak")
    guest.kill(hog)
    guest.finish(hog)
    settle(guest, MEMORY_MIB)


def record(guest: Guest, source: str, target: Path) -> Seen:
    place = "/tmp/x.rtrace"
    options = ("-f", "-o", place, "--balloon-source", source, "--queue-size", str(queue_mib(guest.hardware)))
    tracer = guest.start("reclaim-tracer", "record", *options, oom_score_adj=-1000)
    guest.until(lambda: "Tracing" in errors(guest, tracer), WAIT_S, "the tracer to attach")
    before = guest.counters()
    load(guest)
    after = guest.counters()
    guest.kill(tracer, signal.SIGTERM)
    assert guest.finish(tracer, WAIT_S) == 0, errors(guest, tracer)
    guest.fetch(place, target)
    guest.shell(f"rm {place}")
    analysis, facts = analyse_file(target, 10.0, 1.0)
    inflated, deflated = (after[name] - before[name] for name in ("balloon_inflate", "balloon_deflate"))
    return Seen(facts.metadata, analysis, inflated, deflated)


@pytest.mark.parametrize("source", FORCED)
def test_pages_are_the_kernels_own_count_by_every_source(guest: Guest, tmp_path: Path, source: str) -> None:
    # GIVEN a kernel that has this source (5.10 knows no module's types, and 6.1 no tracepoint of notifiers)
    found = record(guest, source, tmp_path / "x.rtrace")
    counted = found.used("balloon_run_pages")
    if counted is None and source != "samples":
        reasons = [row.reason for row in found.metadata.plan if row.what == "balloon_run_pages"]
        pytest.skip(f"this kernel can't: {', '.join(reasons)}")
    # THEN every page is there, those the OOM notifier took apart from the host's
    balloon = found.analysis.balloon
    assert found.inflated >= INFLATED_PAGES - 256
    assert balloon.inflated_pages == found.inflated
    assert sum(balloon.leaked_pages.values()) == found.deflated
    assert balloon.leaked_pages[Cause.OOM_NOTIFIER] >= LEAKED_PAGES * found.sees_ooms
    # AND they are measured, as far as ends of OOM notifications are seen
    measured = source != "samples" and found.sees_ooms
    assert balloon.quality is (Quality.MEASURED if measured else Quality.INFERRED)
