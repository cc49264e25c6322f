"""Types in a file of the kernel's, of which only what is looked at takes memory: whole they are megabytes."""

from __future__ import annotations

import mmap
import os
import weakref
from pathlib import Path
from typing import Final

PIECE_BYTES: Final = 1 << 16


class FileWindow:
    """A file's bytes as far as they are asked for: the kernel copies its types for each reader, a page a read."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._file)
        self._size_bytes = os.fstat(self._file).st_size

    def __len__(self) -> int:
        return self._size_bytes

    def __getitem__(self, span: slice) -> bytes:
        """Raises ValueError where the file ends before its size."""
        start, stop, _ = span.indices(self._size_bytes)
        parts: list[bytes] = []
        while start < stop:
            if not (part := os.pread(self._file, stop - start, start)):
                raise ValueError("a file ended before its size")
            parts.append(part)
            start += len(part)
        return b"".join(parts)

    def find(self, wanted: bytes, start: int, stop: int) -> int:
        """As `bytes.find`."""
        for first in range(start, stop, PIECE_BYTES):
            at = self[first : min(stop, first + PIECE_BYTES + len(wanted) - 1)].find(wanted)
            if at >= 0:
                return first + at
        return -1


Contents = bytes | mmap.mmap | FileWindow


def contents(path: Path) -> Contents:
    """The kernel's own pages where it maps them, else a window on the file. Raises OSError, ValueError.

    It maps them since Linux 6.16 (btf_sysfs_vmlinux_mmap(), kernel/bpf/sysfs_btf.c), privately and for reading only.
    """
    window = FileWindow(path)
    with path.open("rb") as file:
        try:
            return mmap.mmap(file.fileno(), len(window), mmap.MAP_PRIVATE, mmap.PROT_READ)
        except OSError:
            return window
