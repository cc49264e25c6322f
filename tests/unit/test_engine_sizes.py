"""The balloon's size from whatever a machine tells of it: VMware's, Xen's, Hyper-V's and virtio's. Written samples."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from streams import METADATA, MS, SECOND, analyse, event, lru, records

from tracer.analyze.balloon_result import BalloonSize
from tracer.analyze.model import Analysis
from tracer.analyze.terms import Cause, Quality
from tracer.batch import Samples
from tracer.metadata import BalloonInfo, Metadata, PlanRow, SourceState
from tracer.recording_facts import RecordingFacts
from tracer.report import render
from tracer.terminal.summary_text import summary_text
from tracer.wording.summary import summary_json

MIB = 1 << 20


def of(driver: str | None, *kinds: str) -> Metadata:
    plan = tuple(PlanRow(kind, f"tracepoint:{kind}", SourceState.USED) for kind in kinds)
    balloon = BalloonInfo(driver, driver and "0", (), "none")
    return dataclasses.replace(METADATA, plan=plan, balloon=balloon, sample_interval_s=0.25)


def sampled(columns: Mapping[str, Sequence[int]]) -> Samples:
    """Readings a second apart."""
    rows = len(next(iter(columns.values())))
    values = np.asarray(list(columns.values()), np.int64).T
    return Samples(np.arange(rows) * SECOND, tuple(columns), values)


NO_EVENTS = {"vmstat.balloon_inflate": [0, 0, 0], "vmstat.balloon_deflate": [0, 0, 0]}
GAUGE = {"meminfo.Balloon_bytes": [512 * MIB, 768 * MIB, 640 * MIB]}
VMWARE = {"vmmemctl.target_pages": [1 << 18] * 3, "vmmemctl.current_pages": [1 << 17, 3 << 16, 1 << 17]}


def told(analysis: Analysis, metadata: Metadata) -> str:
    return " ".join(summary_text(analysis, RecordingFacts("x", metadata)).split())


@pytest.mark.parametrize("driver", ["xen_balloon", "hv_balloon"])
def test_counters_that_leave_a_driver_out_are_not_its_pages(driver: str) -> None:
    metadata = of(driver, "direct_reclaim_begin", "lru_shrink_inactive")
    balloon = analyse(sampled(NO_EVENTS), metadata=metadata).balloon
    assert (balloon.size, balloon.inflated_pages, balloon.out_pages, balloon.missed_pages) == (None, None, None, None)


@pytest.mark.parametrize("driver", ["xen_balloon", "hv_balloon"])
def test_its_size_since_6_16_tells_what_went_in_and_out(driver: str) -> None:
    metadata = of(driver, "direct_reclaim_begin", "lru_shrink_inactive")
    analysis = analyse(sampled(NO_EVENTS | GAUGE), metadata=metadata)
    balloon = analysis.balloon
    assert balloon.size == BalloonSize(
        512 * MIB, 640 * MIB, 512 * MIB, 768 * MIB, None, "meminfo.Balloon_bytes", Quality.MEASURED
    )
    assert (balloon.inflated_pages, balloon.leaked_pages[Cause.HOST], balloon.quality) == (65536, 32768, "inferred")
    assert "size 640.0 MiB at the end, range 512.0 MiB to 768.0 MiB (/proc/meminfo)" in told(analysis, metadata)
    assert "size 640.0 MiB at the end" in render(analysis, RecordingFacts("x", metadata))
    size = summary_json(analysis, RecordingFacts("x", metadata))["balloon"]["size"]
    assert (size["end_bytes"], size["source"], size["quality"]) == (640 * MIB, "meminfo.Balloon_bytes", "measured")


def test_hyper_vs_own_word_counts_where_it_is_traced() -> None:
    told = records(*(event(at * SECOND, "balloon_status", 9, pages_ballooned=n) for at, n in enumerate((0, 256, 256))))
    both = analyse(sampled(NO_EVENTS | GAUGE), told, metadata=of("hv_balloon", "balloon_status"))
    assert both.balloon.inflated_pages == 256


def test_vmwares_size_and_target_are_its_drivers() -> None:
    analysis = analyse(sampled(NO_EVENTS | GAUGE | VMWARE), metadata=of("vmw_balloon"))
    size = analysis.balloon.size
    assert size == BalloonSize(
        *(512 * MIB, 512 * MIB, 512 * MIB, 768 * MIB, 1024 * MIB),
        source="vmmemctl.current_pages",
        quality=Quality.MEASURED,
    )
    assert "(VMware's driver in debugfs), the host's target was 1,024 MiB" in told(analysis, of("vmw_balloon"))


def test_a_page_of_vmwares_is_4_kib_whatever_the_guests() -> None:
    coarse = dataclasses.replace(of("vmw_balloon"), page_size_bytes=65536)
    assert analyse(sampled(VMWARE), metadata=coarse).balloon.size.end_bytes == 512 * MIB


def test_virtios_counters_give_a_difference_and_it_says_so() -> None:
    since_boot = {"vmstat.balloon_inflate": [900, 900], "vmstat.balloon_deflate": [644, 644]}
    analysis = analyse(sampled(since_boot), metadata=of("virtio_balloon"))
    assert (analysis.balloon.size.end_bytes, analysis.balloon.size.quality) == (MIB, Quality.INFERRED)
    assert "size ~1.0 MiB at the end (pages in minus pages out since boot)" in told(analysis, of("virtio_balloon"))


def test_the_work_of_xens_thread_is_unknown_and_not_0() -> None:
    # GIVEN a kernel that also has virtio's work function, which is traced
    balloon = analyse(sampled(GAUGE), metadata=of("xen_balloon", "balloon_work_begin", "balloon_work_end")).balloon
    assert (balloon.work_spans, balloon.worker_s, balloon.puffs) == (None, None, None)
    older = records(event(0, "balloon_work_begin", 50), event(MS, "balloon_work_end", 50))
    assert analyse(older, metadata=of("xen_balloon", "balloon_work_begin", "balloon_work_end")).balloon.work_spans == 1


def test_reclaim_by_xens_thread_is_the_balloons_own() -> None:
    reclaim = records(
        event(100 * MS, "direct_reclaim_begin", 44, "xen-balloon"),
        lru(110 * MS, 44, 32, comm="xen-balloon"),
        event(150 * MS, "direct_reclaim_end", 44, "xen-balloon", nr_reclaimed=32),
    )
    metadata = of("xen_balloon", "direct_reclaim_begin", "direct_reclaim_end", "lru_shrink_inactive")
    (conflict,) = analyse(reclaim, sampled(GAUGE), metadata=metadata).conflicts
    assert conflict.overlap_s == {"self": pytest.approx(0.05), "induced": 0.0, "foreign": 0.0}


@pytest.mark.parametrize("columns", [GAUGE, VMWARE])
def test_a_kill_knows_what_the_balloon_held(columns: Mapping[str, Sequence[int]]) -> None:
    driver = "vmw_balloon" if columns is VMWARE else "xen_balloon"
    kill = event(1500 * MS, "mark_victim", 7, pid=7, victim_comm=b"hog")
    analysis = analyse(kill, sampled(NO_EVENTS | columns), metadata=of(driver, "mark_victim"))
    (found,) = [finding for finding in analysis.findings if finding.kind == "oom_kill"]
    assert found.numbers["balloon_pages"] * 4096 == 768 * MIB
