"""Loss counters, mapped or asked for."""

from __future__ import annotations

import ctypes
import tempfile

import numpy as np
import pytest

from tracer.probes import syscalls
from tracer.probes.loss import LossCounters
from tracer.schema import MAX_KINDS


def test_mapped_counters_are_read_where_they_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN a file in the place of a map of three CPUs, and no system call to ask by
    monkeypatch.setattr(syscalls, "lookup_element", None)
    with tempfile.TemporaryFile() as file:
        file.write(bytes(4096))
        file.flush()
        counters = LossCounters(file.fileno(), 3)
        assert not counters.by_cpu().any()
        # WHEN CPU 2 counts THEN that is seen at once
        file.seek((2 * MAX_KINDS + 5) * 8)
        file.write(np.uint64(7).tobytes())
        file.flush()
        found = counters.by_cpu()
        assert (found.shape, found.sum(), found[2, 5]) == ((3, MAX_KINDS), 7, 7)
        counters.close()
        with pytest.raises(ValueError, match="closed"):
            counters.by_cpu()


@pytest.mark.parametrize(("in_array", "asked"), [(True, [(0, 1), (1, 2), (2, 3)]), (False, [(0, 1)])])
def test_a_map_that_cannot_be_mapped_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, in_array: bool, asked: list[tuple[int, int]]
) -> None:
    # GIVEN an array with an element for each of three CPUs, or a per-CPU map of one
    done: list[tuple[int, int]] = []

    def lookup(fd: int, key: int, place: int) -> None:
        counts = np.ctypeslib.as_array((ctypes.c_uint64 * MAX_KINDS).from_address(place))
        counts[5] = key + 1
        done.append((key, int(counts[5])))

    monkeypatch.setattr(syscalls, "lookup_element", lookup)
    monkeypatch.setattr(syscalls, "accepts_mapped_array", lambda: in_array)
    monkeypatch.setattr("tracer.probes.loss.mmap.mmap", _refuse)
    # WHEN it can't be mapped THEN every CPU's element is asked for
    found = LossCounters(7, 3).by_cpu()
    assert done == asked
    assert found[: len(asked), 5].tolist() == [count for _, count in asked]


def _refuse(*_: object) -> None:
    raise OSError(524, "not supported")
