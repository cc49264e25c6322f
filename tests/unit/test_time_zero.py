"""What happened before time zero is left out, whichever way it comes late."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tracer.batch import LostStretch, Samples
from tracer.collect.collector import Item
from tracer.collect.time_zero import since
from tracer.schema import EVENT_DTYPE

ZERO_NS = 10_000_000_000
SECOND_NS = 1_000_000_000


def records(*times_ns: int) -> np.ndarray:
    made = np.zeros(len(times_ns), EVENT_DTYPE)
    made["time_ns"] = times_ns
    return made


def reading(time_ns: int) -> Samples:
    return Samples(np.array([time_ns], np.int64), ("a",), np.zeros((1, 1), np.int64))


def times(items: Iterable[Item]) -> list[list[int]]:
    return [item["time_ns"].tolist() for item in since(ZERO_NS, iter(items)) if isinstance(item, np.ndarray)]


def test_records_from_before_it_are_left_out_and_an_empty_batch_is_none() -> None:
    assert times([records(ZERO_NS - 5, ZERO_NS - 1), records(ZERO_NS - 1, ZERO_NS, ZERO_NS + 1)]) == [
        [ZERO_NS, ZERO_NS + 1]
    ]


def test_a_batch_of_later_records_is_handed_on_as_it_lies() -> None:
    batch = records(ZERO_NS, ZERO_NS + 7)
    assert next(since(ZERO_NS, iter([batch]))) is batch


def test_a_record_that_comes_late_is_left_out_too() -> None:
    late = [reading(ZERO_NS), records(ZERO_NS + 3), reading(ZERO_NS + SECOND_NS), records(ZERO_NS - 1)]
    assert times(late) == [[ZERO_NS + 3]]


def test_loss_before_it_is_none_of_the_recordings() -> None:
    (lost,) = since(ZERO_NS, iter([LostStretch(ZERO_NS - 9, ZERO_NS + 9, {"mark_victim": 1})]))
    assert (lost.start_ns, lost.end_ns) == (ZERO_NS, ZERO_NS + 9)


def test_everything_else_comes_through_in_order() -> None:
    items: list[Item] = [reading(ZERO_NS), {1: "name"}, reading(ZERO_NS + 2 * SECOND_NS), {2: "name"}, records(ZERO_NS)]
    given = list(since(ZERO_NS, iter(items)))
    assert all(one is other for one, other in zip(given, items, strict=True))
