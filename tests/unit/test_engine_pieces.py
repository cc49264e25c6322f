"""A recording's items on their way to the engine: joined to larger pieces, readings ahead of the events around."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tracer.analyze.stream.pieces import Pieces, Quiet, in_pieces
from tracer.batch import Batch, LostStretch, Samples
from tracer.schema import EVENT_DTYPE, KIND_BY_NAME

READING = Samples(np.array([5]), ("vmstat.oom_kill",), np.array([[0]]))
LOST = LostStretch(1, 2)


def batch(*times: int) -> Batch:
    records = np.zeros(len(times), EVENT_DTYPE)
    records["time_ns"], records["kind"] = times, KIND_BY_NAME["kswapd_sleep"].number
    return Batch.from_records(records)


def told(items: list[Batch | Samples | LostStretch]) -> list[object]:
    return [item.header["time_ns"].tolist() if isinstance(item, Batch) else item for item in items]


def test_batches_are_joined_until_they_are_large_enough() -> None:
    items = [batch(1), batch(2), batch(3, 4, 5), batch(6)]
    assert told(list(in_pieces(items, 3))) == [[1, 2, 3, 4, 5], [6]]


def test_readings_in_between_come_first_and_are_joined_where_they_are_of_the_same_counters() -> None:
    other = Samples(np.array([8]), ("vmstat.nr_free_pages",), np.array([[1]]))
    items = [batch(1), batch(2), READING, batch(3), READING, other, batch(4)]
    first, second, *rest = in_pieces(items, 100)
    assert isinstance(first, Samples)
    assert (first.names, first.time_ns.tolist(), first.values.tolist()) == (READING.names, [5, 5], [[0], [0]])
    assert told([second, *rest]) == [other, [1, 2, 3, 4]]


def test_readings_right_behind_a_full_piece_belong_to_it() -> None:
    # GIVEN a source that tells what was read during a block of events behind that block, as imports do
    items = [batch(1, 5), READING, READING, batch(6), batch(7)]
    # THEN no piece of events goes without its readings: behind a quiet hour of events they would come too late
    first, *rest = in_pieces(items, 2)
    assert isinstance(first, Samples)
    assert first.time_ns.tolist() == [5, 5]
    assert told(rest) == [[1, 5], [6, 7]]


def test_readings_do_not_wait_for_events_for_ever() -> None:
    pieces = Pieces(events=100, values=2)
    assert [list(pieces.add(item)) for item in (batch(1), READING)] == [[], []]
    assert len(list(pieces.add(READING))) == 2
    assert list(pieces.rest()) == []


def test_lost_stretches_do_not_wait() -> None:
    pieces = Pieces(events=100)
    assert list(pieces.add(batch(1))) == []
    assert list(pieces.add(LOST)) == [LOST]
    assert told(list(pieces.rest())) == [[1]]


def test_of_nothing_comes_nothing() -> None:
    assert list(in_pieces([], 3)) == []


def test_arguments_that_nobody_reads_go_and_the_others_stay() -> None:
    records = np.zeros(2, EVENT_DTYPE)
    records["kind"] = [KIND_BY_NAME["shrink_slab_end"].number, KIND_BY_NAME["kswapd_wake"].number]
    left = Batch.from_records(records).without({"shrink_slab_end": frozenset({"retval"})})
    assert "retval" not in left.args["shrink_slab_end"]
    assert set(left.args["kswapd_wake"]) == {name for name, _ in KIND_BY_NAME["kswapd_wake"].fields}
    assert len(Batch.concat((left, left)).args["shrink_slab_end"]["shrink"]) == 2


def test_readings_among_which_no_event_came_say_so_behind_them() -> None:
    pieces = Pieces(values=2)
    assert [list(pieces.add(item)) for item in (READING, replace(READING, time_ns=np.array([9])))][1][1:] == [Quiet(9)]
    assert list(pieces.rest()) == []
