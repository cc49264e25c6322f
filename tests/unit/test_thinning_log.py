"""Rows of what happened, joined where there are too many: bounded, nothing lost, whatever the order they come in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from busy_streams import balloon_counters, busy_stream, everything, of_occurrences
from hypothesis import given
from hypothesis import strategies as st
from streams import SECOND, analyse, event, records

from tracer.analyze.totals.thinning_log import ThinningLog

ROWS = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 10**9), st.integers(0, 10**7), st.integers(1, 100)), max_size=120
)


def kept(rows: list[tuple[str, int, int, int]], most: int, pieces: int = 1) -> dict[str, Any]:
    log = ThinningLog(most)
    for start in range(0, len(rows), max(1, len(rows) // pieces)):
        part = rows[start : start + max(1, len(rows) // pieces)]
        for kind in "ab":
            begin, length, amount = np.array([row[1:] for row in part if row[0] == kind], np.int64).reshape(-1, 3).T
            log.add(kind, begin, begin + length, amount)
    return {kind: of_occurrences(each) for kind, each in log.occurrences(0).items() if len(each.count)}


@given(rows=ROWS, pieces=st.integers(1, 40), seed=st.integers(0, 99))
def test_order_and_pieces_change_nothing(rows: list[tuple[str, int, int, int]], pieces: int, seed: int) -> None:
    shuffled = [rows[at] for at in np.random.default_rng(seed).permutation(len(rows))]
    assert kept(shuffled, 16, pieces) == kept(rows, 16)


@given(rows=ROWS)
def test_few_rows_are_kept_and_many_are_bounded_with_their_sums(rows: list[tuple[str, int, int, int]]) -> None:
    found = kept(rows, 16)
    told = [row for kind in found.values() for row in kind]
    assert len(told) == len(rows) if len(rows) <= 16 else len(told) <= 16
    for kind in "ab":
        given_rows = [row[1:] for row in rows if row[0] == kind]
        assert sum(row[2] for row in found.get(kind, [])) == sum(amount for *_, amount in given_rows)
        assert sum(row[3] for row in found.get(kind, [])) == len(given_rows)
        if given_rows:
            assert min(row[0] for row in found[kind]) == min(begin for begin, *_ in given_rows) / 1e9
            assert max(row[1] for row in found[kind]) == max(begin + length for begin, length, _ in given_rows) / 1e9


@pytest.mark.parametrize("seed", range(4))
def test_the_engine_joins_the_same_rows_however_the_stream_is_cut(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    for name in ("_MOST_MOMENTS", "_MOST_SPANS"):
        monkeypatch.setattr(f"tracer.analyze.totals.timeline.{name}", 12)
    stream = busy_stream(seed, 600)
    whole = everything(analyse(balloon_counters(stream), stream))
    cut = everything(analyse(balloon_counters(stream), *np.split(stream, range(0, 600, 7))))
    assert whole["occurrences"] == cut["occurrences"]
    assert any(row[3] > 1 for kind in whole["occurrences"] for rows in kind.values() for row in rows)


def test_each_wait_counts_in_full_where_several_tasks_wait_at_once() -> None:
    # GIVEN two tasks in direct reclaim from 1 to 2 s and from 1.5 to 2 s
    stream = records(
        event(SECOND, "direct_reclaim_begin", 7),
        event(3 * SECOND // 2, "direct_reclaim_begin", 8),
        event(2 * SECOND, "direct_reclaim_end", 7),
        event(2 * SECOND, "direct_reclaim_end", 8),
    )
    timeline = analyse(stream, end_ns=3 * SECOND).timeline
    assert timeline.series["direct.busy_s"].sum() == pytest.approx(1.0)
    assert timeline.series["direct.stall_s"].sum() == pytest.approx(1.5)
    assert of_occurrences(timeline.spans["direct"]) == [(1.0, 2.0, 1e9, 1), (1.5, 2.0, 5e8, 1)]
