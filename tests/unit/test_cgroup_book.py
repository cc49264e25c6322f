"""Cgroups in records get their names at first sight, once, and never more than readers take."""

from __future__ import annotations

import numpy as np

from tracer.collect.cgroup_book import CgroupBook
from tracer.schema import EVENT_DTYPE, KIND_BY_NAME

MEMCG_BEGIN = KIND_BY_NAME["memcg_reclaim_begin"]


def records(*ids: int) -> np.ndarray:
    made = np.zeros(len(ids), EVENT_DTYPE)
    made["cgroup_id"] = ids
    return made


def names(book: CgroupBook) -> dict[int, str]:
    return {number: path for found in book.take() for number, path in found.items()}


def test_each_is_asked_for_once_and_told_once():
    asked: list[int] = []

    def path_of(number: int) -> str | None:
        asked.append(number)
        return None if number == 13 else f"/{number}"

    book = CgroupBook(path_of)
    # 4097 and 8193 share a slot of the table with 1.
    book.notice(records(0, 1, 4097, 8193, 1, 13, 0), {1})
    assert names(book) == {1: "/1", 4097: "/4097", 8193: "/8193"}
    book.notice(records(4097, 1, 13, 8193, 0), {1})
    assert names(book) == {}
    assert sorted(asked) == [1, 13, 4097, 8193]


def test_the_cgroup_whose_limit_it_is_gets_a_name_too():
    book = CgroupBook(lambda number: f"/{number}")
    made = records(5, 5)
    made["kind"] = (1, MEMCG_BEGIN.number)
    made.view(MEMCG_BEGIN.record_dtype)["memcg_id"] = (77, 1 << 40)
    book.notice(made, {1, MEMCG_BEGIN.number})
    assert names(book) == {5: "/5", 1 << 40: f"/{1 << 40}"}


def test_names_are_no_more_than_readers_take():
    book = CgroupBook(lambda number: "/" + "\n" * 1000)
    book.notice(records(*range(1, 4000)), {1})
    assert 0 < len(names(book)) * 2000 < 4 << 20


def test_one_whose_path_can_be_had_later_is_asked_for_again_until_that_is_known():
    answers = {1: ["", "", "/late"], 2: ["", None]}
    book = CgroupBook(lambda number: answers[number].pop(0))
    book.notice(records(1, 2), {1})
    assert [names(book) for _ in range(3)] == [{}, {1: "/late"}, {}]
    assert answers == {1: [], 2: []}
