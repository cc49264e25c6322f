"""The engine gives the same answer however the stream is cut and however its records are shuffled in the window."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from busy_streams import ENDS, balloon_counters, busy_stream, everything
from hypothesis import given, settings
from hypothesis import strategies as st
from streams import SECOND, analyse, event

from tracer.analyze import Options
from tracer.schema import KIND_BY_NAME


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
