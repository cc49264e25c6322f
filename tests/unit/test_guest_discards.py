"""Free page reports held against what the host took back, piece by piece."""

from __future__ import annotations

import pytest
from guest.discards import Discards, discards_of

LOG = """ram_block_discard_range pc.ram@0x7f0e40000000 + 0x400000: madvise: 1 fallocate: 0 ret: 0
qemu-system-x86_64: warning: something else
ram_block_discard_range pc.ram@0x7f0e40400000 + 0x200000: madvise: 1 fallocate: 0 ret: 0
ram_block_discard_range pc.ram@0x7f0e40600000 + 0x200000: madvise: 1 fallocate: 0 ret: -22
"""
TAKEN = Discards((1, 2, 4, 8, 16, 32), since=2, until=4)


def test_pieces_are_read_from_qemus_log_but_for_those_it_could_not_give_back():
    assert discards_of(LOG) == (1024, 512)
    assert discards_of("") == ()


@pytest.mark.parametrize(
    "reports",
    [
        [(2, 12)],  # just those of the time
        [(1, 4), (1, 8)],
        [(1, 2), (2, 12), (2, 48)],  # and some of before and after
        [(6, 63)],
    ],
)
def test_reports_are_what_the_host_took_back(reports):
    assert TAKEN.are(reports)


@pytest.mark.parametrize(
    "reports",
    [
        [],
        [(1, 4)],  # one of the time is missing
        [(2, 13)],  # a page too many
        [(1, 2), (1, 4)],  # ended too early
        [(1, 8), (1, 16)],  # began too late
        [(7, 63)],  # more pieces than the host had
    ],
)
def test_reports_that_the_host_had_otherwise_are_told(reports):
    assert not TAKEN.are(reports)


def test_none_are_none():
    assert Discards().are([])
