"""The engine gives the same answer however the stream is cut and however its records are shuffled in the window."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streams import (
    BALLOON_OOM,
    BALLOON_SHRINKER,
    METADATA,
    MS,
    SECOND,
    SUPER_CACHE_SCAN,
    analyse,
    counters,
    event,
    records,
)

from tracer.analyze import Analysis, Options, summary_dict
from tracer.batch import Samples
from tracer.recording_facts import RecordingFacts
from tracer.schema import KIND_BY_NAME

ENDS = {
    "kswapd_wake": "kswapd_sleep",
    "balloon_work_begin": "balloon_work_end",
    "direct_reclaim_begin": "direct_reclaim_end",
    "memcg_reclaim_begin": "memcg_reclaim_end",
    "shrink_slab_start": "shrink_slab_end",
}
POINTS = ("lru_shrink_inactive", "lru_shrink_inactive", "wakeup_kswapd", "throttled", "oom_notifier_run")
POINTS += ("signal_generate", "mark_victim", "reclaim_retry_zone")
THREADS = {100: ["kswapd_wake"], 101: ["balloon_work_begin"], 102: ["direct_reclaim_begin"], 103: list(ENDS)[3:]}


def arguments(name: str, dice: random.Random) -> dict[str, object]:
    """Plausible arguments for a kind."""
    if name == "lru_shrink_inactive":
        return {
            "nr_reclaimed": dice.randrange(33),
            "reclaim_flags": dice.choice([1, 2]),
            "priority": dice.randrange(13),
        }
    if name == "shrink_slab_start":
        shrink = dice.choice([SUPER_CACHE_SCAN, BALLOON_SHRINKER])
        return {"shrink": shrink, "total_scan": 128, "cache_items": 1000, "priority": 12}
    if name == "shrink_slab_end":
        return {"retval": dice.randrange(10)}
    if name == "throttled":
        return {"usec_delayed": 1000}
    if name == "oom_notifier_run":
        return {"cb": BALLOON_OOM}
    if name == "signal_generate":
        return {"sig": 9, "pid": dice.randrange(9), "victim_comm": b"java"}
    if name == "mark_victim":
        return {"pid": 7, "total_vm": 100, "anon_rss": dice.randrange(99)}
    if name == "reclaim_retry_zone":
        zone = {"node": 0, "zone_idx": dice.randrange(3), "reclaimable": 100, "available": 100 + dice.randrange(50)}
        return {**zone, "min_wmark": dice.randrange(60), "order": dice.randrange(3)}
    return {"nr_reclaimed": 40} if name.endswith("reclaim_end") else {}


def busy_stream(seed: int, events: int) -> npt.NDArray[np.void]:
    """Four threads that reclaim, inflate and shrink, nested up to three deep, with pauses that split episodes."""
    dice = random.Random(seed)
    stacks: dict[int, list[str]] = {tid: [] for tid in THREADS}
    stream, time_ns = [], 0
    while len(stream) < events:
        time_ns += dice.randrange(1, 3 * MS) + (dice.random() < 0.01) * 2 * SECOND
        tid = dice.choice(list(THREADS))
        stack = stacks[tid]
        if not stack:
            stack.append(name := dice.choice(THREADS[tid]))
        elif dice.random() < 0.4:
            name = ENDS[stack.pop()]
        elif len(stack) < 3 and dice.random() < 0.4:
            inner = ["shrink_slab_start"] + ["direct_reclaim_begin"] * (stack == ["balloon_work_begin"])
            stack.append(name := dice.choice(inner))
        else:
            name = dice.choice(POINTS)
        stream.append(event(time_ns, name, tid, f"t{tid}", **arguments(name, dice)))
    return records(*stream)


def balloon_counters(stream: npt.NDArray[np.void]) -> Samples:
    """Readings every 40th of the stream in which the balloon breathes in and out at once."""
    end_ns = int(stream["time_ns"].max())
    return counters([(at * end_ns // 40, at * 300, at * 200) for at in range(41)], workingset_refault_file=range(41))


def everything(analysis: Analysis) -> dict[str, Any]:
    """All results as comparable values."""
    series = {name: values.tolist() for name, values in analysis.timeline.series.items()}
    return {
        "summary": json.loads(json.dumps(summary_dict(analysis, RecordingFacts("x", METADATA)))),
        "timeline": series,
    }


def in_pieces(stream: npt.NDArray[np.void], cuts: list[int]) -> dict[str, Any]:
    pieces = np.split(stream, sorted(cuts))
    half = len(pieces) // 2
    return everything(analyse(*pieces[:half], balloon_counters(stream), *pieces[half:]))


@pytest.mark.parametrize("lossy", [False, True])
@settings(max_examples=15)
@given(seed=st.integers(0, 1000), cuts=st.lists(st.integers(0, 600), max_size=40))
def test_any_cut_gives_the_same_result(lossy: bool, seed: int, cuts: list[int]) -> None:
    # GIVEN a stream, perhaps with every tenth record dropped so that begins and ends are missing
    stream = busy_stream(seed, 600)
    if lossy:
        stream = stream[np.arange(len(stream)) % 10 != seed % 10]
    # THEN one batch and any batches tell the same
    assert in_pieces(stream, cuts) == in_pieces(stream, [])


@settings(max_examples=15)
@given(seed=st.integers(0, 1000), cuts=st.lists(st.integers(0, 600), max_size=10))
def test_any_order_within_the_window_gives_the_same_result(seed: int, cuts: list[int]) -> None:
    stream = busy_stream(seed, 600)
    window_ns = round(Options().reorder_s * SECOND)
    moved_by = np.random.default_rng(seed).integers(0, window_ns, len(stream)).astype(np.uint64)
    shuffled = stream[np.argsort(stream["time_ns"] + moved_by, kind="stable")]
    assert in_pieces(shuffled, cuts) == in_pieces(stream, [])


def test_an_event_that_comes_too_late_is_kept_and_counted() -> None:
    # GIVEN a span whose begin arrives long after later events
    stream = [event(SECOND, "wakeup_kswapd"), event(5 * SECOND, "wakeup_kswapd"), event(2 * SECOND, "wakeup_kswapd")]
    analysis = analyse(*stream)
    assert analysis.accounting.events == 3
    assert analysis.accounting.late_events == 1


def test_dropped_records_are_accounted_for() -> None:
    stream = busy_stream(3, 2000)
    full = analyse(stream)
    thinned = analyse(stream[np.arange(len(stream)) % 7 != 0])
    assert full.accounting.ends_without_begin == 0
    assert thinned.accounting.incomplete_spans > full.accounting.incomplete_spans
    kinds = thinned.accounting.events_by_kind
    ends = sum(kinds.get(name, 0) for name in ENDS.values())
    assert thinned.accounting.spans >= ends - thinned.accounting.ends_without_begin


def test_an_empty_recording_is_no_error() -> None:
    analysis = analyse(end_ns=SECOND)
    assert analysis.duration_s == 1.0
    assert not analysis.tiers
    assert not analysis.findings


@pytest.mark.parametrize("seed", range(8))
def test_forgetting_what_lies_away_from_the_balloon_changes_nothing(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    # GIVEN two busy stretches half a minute apart, of which the balloon works in the first only
    first, second = busy_stream(seed, 600), busy_stream(seed + 100, 600)
    work = [KIND_BY_NAME[name].number for name in ("balloon_work_begin", "balloon_work_end", "oom_notifier_run")]
    second = second[~np.isin(second["kind"], work)]
    second["time_ns"] += first["time_ns"].max() + np.uint64(30 * SECOND)
    samples = balloon_counters(first)
    pieces = [*np.split(first, 4), samples, *np.split(second, range(50, len(second), 50))]
    kept = everything(analyse(*pieces))
    # WHEN rows are forgotten as early as they can be
    monkeypatch.setattr("tracer.analyze.contention.meter._FOLD_ROWS", 0)
    assert everything(analyse(*pieces)) == kept
