"""The file that a recording is read from, by threads that do not wait for one another."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tracer.store import source
from tracer.store.source import Source


def held() -> int:
    """Descriptors of this process, that of the list included."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_a_read_that_began_is_of_its_file_though_another_thread_lets_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GIVEN a file, another one, and what a thread may do between the choice of a descriptor and its read
    own, other = tmp_path / "own", tmp_path / "other"
    own.write_bytes(b"own")
    other.write_bytes(b"other")
    read, taken = os.pread, []

    def pread(descriptor: int, size: int, offset: int) -> bytes:
        of.rest()
        taken.append(os.open(other, os.O_RDONLY))
        return read(descriptor, size, offset)

    of = Source(own)
    # WHEN it is read
    monkeypatch.setattr(source.os, "pread", pread)
    found = of.read(3, 0)
    for descriptor in taken:
        os.close(descriptor)
    # THEN nothing else was
    assert found == b"own"


def test_at_rest_no_descriptor_is_held(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"file")
    before = held()
    of = Source(tmp_path / "file")
    assert (of.read(4, 0), held()) == (b"file", before + 1)
    of.rest()
    assert held() == before
    assert (of.read(4, 0), of.read_bytes) == (b"file", 8)
