"""Kernel functions get their names while the collector goes on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from collector_machine import Machine, collect, kinds

from tracer.batch import Samples
from tracer.collect.addresses import AddressBook
from tracer.collect.collector import Item
from tracer.schema import EVENT_DTYPE, KIND_BY_NAME


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path)
    yield made
    made.collector.close()
    os.close(made.ready)


class FakeResolution:
    """Takes `steps` steps to name what it is asked for."""

    steps = 2
    begun: ClassVar[list[FakeResolution]] = []

    def __init__(self, addresses: set[int]) -> None:
        self.addresses = set(addresses)
        self.left = self.steps
        self.begun.append(self)

    def step(self) -> bool:
        self.left -= 1
        return self.left >= 0

    def names(self) -> dict[int, str]:
        return {address: f"f{address:x}" for address in self.addresses}


@pytest.fixture
def resolution(monkeypatch: pytest.MonkeyPatch) -> type[FakeResolution]:
    monkeypatch.setattr(FakeResolution, "begun", [])
    monkeypatch.setattr("tracer.collect.addresses.Resolution", FakeResolution)
    return FakeResolution


def test_new_addresses_are_named_once(machine: Machine, resolution: type[FakeResolution]) -> None:
    def at(number: int) -> None:
        if number == 0:
            machine.write("shrink_slab_start", count=3, shrink=-0x8000)
        if number == 2:
            machine.write("shrink_slab_end", shrink=-0x8000)
            machine.write("balloon_work_begin", function=0xFFFF9000)
            machine.write("oom_notifier_run", cb=0xFFFFA000)
            machine.collector.stop()

    names = [item for item in collect(machine, at) if isinstance(item, dict)]
    asked = [one.addresses for one in resolution.begun]
    assert set().union(*asked) == {0xFFFFFFFFFFFF8000, 0xFFFF9000, 0xFFFFA000}
    assert sum(map(len, asked)) == 3
    assert {key: value for found in names for key, value in found.items()}[0xFFFF9000] == "fffff9000"


def test_records_are_taken_between_the_pieces_that_names_are_found_in(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, resolution: type[FakeResolution]
) -> None:
    # GIVEN a long table, and a record that comes while each piece of it is read
    steps = 5
    monkeypatch.setattr(resolution, "steps", steps)
    step = resolution.step

    def busy_step(self: FakeResolution) -> bool:
        machine.write("kswapd_sleep")
        return step(self)

    monkeypatch.setattr(resolution, "step", busy_step)
    machine.write("shrink_slab_start", shrink=-0x8000)
    # WHEN the collector names an address
    before: list[Item] = []
    for item in machine.collector.items(duration_s=60):
        if isinstance(item, dict):
            machine.collector.stop()
            break
        before.append(item)
    # THEN each of these records was handed out before the next piece was read
    sizes = [len(item) for item in before if isinstance(item, np.ndarray)]
    assert sizes == [1] * (1 + steps)


def test_where_one_address_can_be_named_alone_the_table_is_not_read(resolution: type[FakeResolution]) -> None:
    known = {0x10000 + 16 * number: f"f{number}" for number in range(300)}
    book = AddressBook(known.get)
    learn(book, *known, 0x999990)
    # WHEN names are asked for until none is pending: a function that nobody knows is asked for once
    found: dict[int, str] = {}
    asked = 0
    while book.pending:
        names = book.name_some()
        assert not book.naming
        assert not found.keys() & names.keys()
        found |= names
        asked += 1
    # THEN they came some at a time, and the table was left alone
    assert found == known
    assert asked > 1
    assert resolution.begun == []
    learn(book, *known, 0x999990)
    assert not book.pending


def test_a_name_that_costs_little_is_told_at_once(tmp_path: Path) -> None:
    machine = Machine(tmp_path, symbol_name={0xFFFFFFFFFFFF8000: "super_cache_scan"}.get)
    machine.write("shrink_slab_start", shrink=-0x8000)
    before: list[Item] = []
    for item in machine.collector.items(duration_s=60):
        if isinstance(item, dict):
            assert item == {0xFFFFFFFFFFFF8000: "super_cache_scan"}
            break
        before.append(item)
    # THEN it comes at the first turn of the loop: with the reading at the beginning, and one that was due
    assert kinds(before).count(np.ndarray) == 1
    assert kinds(before).count(Samples) <= 2
    machine.collector.close()


def learn(book: AddressBook, *addresses: int) -> None:
    """Have it notice calls of these shrinkers."""
    records = np.zeros(len(addresses), KIND_BY_NAME["shrink_slab_start"].record_dtype)
    records["kind"] = 1
    records["shrink"] = addresses
    book.notice(records.view(EVENT_DTYPE), records["kind"], {1})


def test_two_addresses_of_one_table_slot_are_both_noticed(resolution: type[FakeResolution]) -> None:
    book = AddressBook()

    learn(book, 0x10000, 0)
    learn(book, 0x20000, 0x10000, 0x30000)
    assert set(book.name_all()) == {0x10000, 0x20000, 0x30000}
    learn(book, 0x10000, 0x20000, 0x30000)
    assert not book.pending
