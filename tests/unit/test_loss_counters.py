"""Loss counters, mapped or asked for."""

from __future__ import annotations

import tempfile
from pathlib import Path

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


def test_a_map_that_cannot_be_mapped_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def lookup(fd: int, key: int, place: int) -> None:
        asked.append((fd, key))

    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(syscalls, "lookup_element", lookup)
    with tempfile.TemporaryFile() as file:
        file.write(bytes(4096))
        monkeypatch.setattr("tracer.probes.loss.mmap.mmap", _refuse)
        counters = LossCounters(file.fileno(), 3)
        counters.by_cpu()
        assert asked == [(file.fileno(), 0)]


def _refuse(*_: object) -> None:
    raise OSError(524, "not supported")
