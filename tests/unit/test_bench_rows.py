"""Rows of the benchmarks: which way a ratio points, what a row says of a peer that is better or missing."""

from __future__ import annotations

import pytest
from bench.document import tables
from bench.measure import CannotRunError, interleave, interleave_able
from bench.rows import Row, Subject


def test_less_is_better_unless_said_otherwise():
    assert Subject("a", "G", "w", "ns").against("peer", [10.0], [40.0]).ratio == 4
    assert Subject("a", "G", "w", "M/s", more_is_better=True).against("peer", [40.0], [10.0]).ratio == 4


def test_a_row_holds_medians_and_the_worst_and_best_round():
    row = Subject("a", "G", "w", "ns").against("peer", [10.0, 20.0, 10.0], [40.0, 20.0, 50.0])
    assert (row.ours, row.peer, row.ratio, row.ratio_low, row.ratio_high, row.rounds) == (10, 40, 4, 1, 5, 3)


def test_a_better_peer_is_told_by_how_much_and_why():
    row = Subject("a", "G", "w", "ns", note="Noted.", behind="it copies nothing").against("peer", [20.0], [10.0])
    assert row.note == "the peer is 2.00 times better: it copies nothing. Noted."


def test_a_better_peer_without_a_reason_says_so():
    assert "nobody has found out why" in Subject("a", "G", "w", "ns").against("peer", [20.0], [10.0]).note


@pytest.mark.parametrize(("ours", "peer"), [(0.0, 10.0), (10.0, 0.0), (10.0, -1.0)])
def test_a_figure_that_noise_or_nothing_made_gives_no_ratio(ours, peer):
    assert Subject("a", "G", "w", "ns").against("peer", [ours], [peer]).ratio is None


def test_a_peer_that_cannot_run_leaves_our_figure_and_the_reason():
    row = Subject("a", "G", "w", "ns").alone([10.0], "perf record", "perf is not installed")
    assert (row.ours, row.peer, row.peer_name, row.note) == (10, None, "perf record", "perf is not installed")
    assert "| 10 | - | perf record | ns | - | 1 |" in tables({"machine": "m", "rows": [row.as_json()]})


def test_rows_go_to_json_and_back():
    row = Subject("a", "G", "w", "ns", budget="1").against("peer", [10.0], [40.0])
    assert Row.from_json(row.as_json()) == row


def test_turns_begin_with_another_one_each_round():
    order: list[str] = []
    found = interleave(3, {name: lambda name=name: order.append(name) or len(order) for name in "abc"})
    assert "".join(order) == "abcbcacab"
    assert found == {"a": [1, 6, 8], "b": [2, 4, 9], "c": [3, 5, 7]}


def test_what_cannot_run_is_left_out_with_its_reason():
    def broken() -> int:
        raise CannotRunError("not installed")

    found, refused = interleave_able(3, {"here": lambda: 1, "absent": broken}, ("here",))
    assert found == {"here": [1, 1, 1]}
    assert refused == {"absent": "not installed"}


def test_what_is_needed_and_cannot_run_ends_it():
    def broken() -> int:
        raise CannotRunError("ours is broken")

    with pytest.raises(CannotRunError, match="ours is broken"):
        interleave_able(1, {"ours": broken, "peer": lambda: 1}, ("ours",))
