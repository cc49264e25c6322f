"""What the last second, the last ten and everything come to."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from looking import recorded, snapshots
from streams import METADATA, MS, SECOND, event, lru, records

from tests.golden.cases import DATA
from tracer.batch import Samples
from tracer.live.model import Snapshot
from tracer.metadata import PlanRow, SourceState
from tracer.store import Recording

DEMO = Path(__file__).parents[2] / "reports" / "demo.rtrace"
FIGHT = DATA / "guest-host-reasserts.rtrace"
PAGE = METADATA.page_size_bytes


def wait(at_ns: int, length_ns: int, tid: int = 100, pages: int = 32):
    """A task's direct reclaim, with one scan in it."""
    return records(
        event(at_ns, "direct_reclaim_begin", tid),
        lru(at_ns + MS, tid, pages),
        event(at_ns + length_ns, "direct_reclaim_end", tid, nr_reclaimed=pages),
    )


def readings(seconds: int, **columns: list[int]) -> Samples:
    names = {"available": "meminfo.MemAvailable_bytes", "some": "psi.memory.some_total_us"}
    names |= {"refaults": "vmstat.workingset_refault_file"}
    at = np.arange(seconds + 1) * SECOND
    return Samples(at, tuple(names[name] for name in columns), np.column_stack([*columns.values()]).astype(np.int64))


def tier(snapshot: Snapshot, window: str, label: str):
    return next(row for row in snapshot.windows[window].tiers if row.label == label)


def test_a_window_has_what_happened_in_it_and_total_has_everything():
    # GIVEN a wait of 0.1 s in each of 20 seconds, one page cache page in 32 read again
    stream = records(*(wait(at * SECOND, 100 * MS) for at in range(20)))
    last = snapshots(stream, readings(20, some=[at * 50_000 for at in range(21)], refaults=[*range(21)]))[-1]
    second, ten, total = (last.windows[name] for name in ("1s", "10s", "total"))
    # THEN each window has its share
    assert second.length_s == pytest.approx(1.0)
    assert ten.length_s == pytest.approx(10.0)
    assert total.length_s == last.now_s == 20.0
    assert tier(last, "1s", "direct (global)").file_bytes == 32 * PAGE
    assert tier(last, "10s", "direct (global)").file_bytes == 10 * 32 * PAGE
    assert tier(last, "total", "direct (global)").file_bytes == 20 * 32 * PAGE
    assert ten.waiting_share == pytest.approx(0.1)
    assert tier(last, "10s", "direct (global)").busy_share == pytest.approx(0.1)
    # AND the counters' growth, by the readings' own distance
    assert ten.psi_some == second.psi_some == total.psi_some == pytest.approx(0.05)
    assert ten.refault_bytes == 10 * PAGE
    assert total.refault_bytes == 20 * PAGE


def test_a_window_covers_no_more_than_was_seen():
    # GIVEN three tenths of a second
    first = snapshots(wait(0, 100 * MS), until_s=0.3)[-1]
    # THEN no window says that it is longer
    assert {window.length_s for window in first.windows.values()} == {0.3}


def test_without_samples_nothing_is_said_of_what_only_they_tell():
    # GIVEN events alone
    last = snapshots(wait(0, 100 * MS), until_s=3)[-1]
    # THEN what they do not tell is unknown, never 0
    assert set(asdict(last.memory).values()) == {None}
    assert last.balloon.size_bytes is None
    assert all(window.psi_some is None and window.refault_bytes is None for window in last.windows.values())
    for name in ("available_bytes", "balloon_bytes", "refault_bytes_per_s", "psi_some"):
        assert set(last.history.series[name]) == set(last.recent.series[name]) == {None}
    assert last.standing.read_again_bytes is None


def test_free_memory_is_held_against_the_watermarks():
    # GIVEN watermarks of 10, 20 and 30 pages, and 18 pages free
    marks = {"watermark_min_pages": 10, "watermark_low_pages": 20, "watermark_high_pages": 30}
    free = Samples(np.array([0, SECOND]), ("meminfo.MemFree_bytes",), np.array([[25 * PAGE], [18 * PAGE]]))
    memory = snapshots(wait(0, 100 * MS), free, metadata=replace(METADATA, **marks), until_s=2)[-1].memory
    # THEN it is below the low one
    assert (memory.min_bytes, memory.low_bytes, memory.high_bytes) == (10 * PAGE, 20 * PAGE, 30 * PAGE)
    assert (memory.free_bytes, memory.above_low_bytes) == (18 * PAGE, -2 * PAGE)


def test_a_tier_that_was_not_traced_is_unknown_and_one_that_did_nothing_is_zero():
    # GIVEN a recording that traced direct reclaim alone
    plan = (PlanRow("direct_reclaim_begin", "tracepoint:x", SourceState.USED),)
    last = snapshots(wait(0, 100 * MS), metadata=replace(METADATA, plan=plan), until_s=3)[-1]
    # THEN kswapd may have been at work, and somebody may have been killed
    assert tier(last, "10s", "background").file_bytes is None
    assert tier(last, "10s", "background").busy_share is None
    assert last.windows["10s"].kills is None
    # AND where all was traced, neither was
    last = snapshots(wait(0, 100 * MS), until_s=3)[-1]
    assert tier(last, "10s", "background").file_bytes == tier(last, "10s", "background").busy_share == 0
    assert last.windows["10s"].kills == 0


def test_windows_of_a_recording_add_up_to_its_totals():
    # GIVEN a recording looked at once a second; the last look, at its end, is closer to the one before
    *looks, _ = recorded(Recording.open(FIGHT), every_s=1.0)
    # THEN what the seconds between two looks had is what everything has
    for label in ("background", "direct (global)", "oom_notify"):
        total = tier(looks[-1], "total", label)
        parts = [row for look in looks for row in look.windows["1s"].tiers if row.label == label]
        assert sum(part.spans for part in parts) == total.spans
        assert sum(part.balloon_bytes or 0 for part in parts) == total.balloon_bytes
    moved = [look.windows["1s"].balloon.inflated_bytes or 0 for look in looks]
    assert sum(moved) == looks[-1].windows["total"].balloon.inflated_bytes > 0


def test_history_is_bounded_and_of_everything():
    # GIVEN the bundled recording of 10 s
    last = list(recorded(Recording.open(DEMO), every_s=1.0))[-1]
    # THEN history spans all of it, the last minute the same, each in few points
    for history in (last.history, last.recent):
        lengths = {len(points) for points in history.series.values()}
        assert len(lengths) == 1
        assert lengths.pop() * history.step_s == pytest.approx(last.now_s, abs=history.step_s)
    # AND both say how much was taken off the LRU lists
    for history in (last.history, last.recent):
        taken = sum(point or 0 for point in history.series["direct.bytes_per_s"]) * history.step_s
        assert taken == pytest.approx(tier(last, "total", "direct (memcg)").file_bytes, rel=0.05)


def test_history_ends_with_what_was_read_last():
    # GIVEN a reading a moment before the last look, and the one before long ago
    at = np.array([0, 2 * SECOND, 4 * SECOND + 50 * MS])
    available = Samples(at, ("meminfo.MemAvailable_bytes",), np.array([[3 << 20], [2 << 20], [1 << 20]]))
    last = snapshots(wait(0, 100 * MS), available, every_s=2.0, until_s=4.1)[-1]
    # THEN each history ends with it, as the figure beside it says
    assert last.memory.available_bytes == 1 << 20
    for history in (last.history, last.recent):
        assert history.series["available_bytes"][-1] == last.memory.available_bytes


def test_history_of_hours_is_no_longer():
    # GIVEN a reading a second for three hours
    hours = readings(10_800, available=[1 << 30] * 10_801)
    last = snapshots(wait(0, 100 * MS), hours, every_s=3600)[-1]
    # THEN it has as few points as any
    assert 120 <= len(last.history.series["available_bytes"]) <= 240
    assert set(last.history.series["available_bytes"]) == {float(1 << 30)}
