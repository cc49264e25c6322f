"""Numbers that stand for values of one boot."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tracer.probes import boot_constants
from tracer.probes.sources import bpf_dir

WORK, NOTIFIER = "RT_IS_BALLOON_WORK", "RT_IS_OOM_NOTIFIER"


def numbers(flag: str) -> list[int]:
    return [int(number) for number in re.findall(r"RT_BOOT\((\d+)\)", flag)]


@pytest.mark.parametrize("count", [0, 1, 4, 5, 9])
def test_a_filter_has_a_place_for_each_address_and_no_address_in_it(count: int) -> None:
    addresses = range(0x1000, 0x1000 + count)
    flag, values = boot_constants.filter_flag(WORK, addresses), boot_constants.filter_values(WORK, addresses)
    assert numbers(flag) == list(values)
    assert sorted(values.values()) == [*addresses, *[boot_constants.NO_ADDRESS] * (len(values) - count)]
    assert len(values) == {0: 4, 1: 4, 4: 4, 5: 8, 9: 16}[count]
    assert all(map(boot_constants.is_known, values))


def test_filters_of_one_size_are_the_same_whatever_the_addresses() -> None:
    assert boot_constants.filter_flag(WORK, [1, 2]) == boot_constants.filter_flag(WORK, [3])
    assert not {*boot_constants.filter_values(WORK, [1])} & {*boot_constants.filter_values(NOTIFIER, [1])}


def test_what_was_not_told_is_no_functions_address_and_no_count() -> None:
    place = next(iter(boot_constants.filter_values(WORK, [])))
    assert boot_constants.value_of(place, {}) == boot_constants.NO_ADDRESS
    assert boot_constants.value_of(boot_constants.constant_number("RT_CPUS"), {}) == 0
    assert boot_constants.value_of(boot_constants.constant_number("RT_CPUS"), {place: 7}) == 0


def test_an_unknown_number_is_known_as_such() -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        boot_constants.constant_number("RT_NOTHING")
    assert not any(map(boot_constants.is_known, (0, 1, 0x7DFFFFFF, 0x7F000000, (1 << 32) - 1)))


def test_the_mark_is_the_headers() -> None:
    text = Path(bpf_dir() / "boot.h").read_text()
    assert f"bpf_pseudo_fd({boot_constants.MARK_REGISTER}, number)" in text
