"""What the first pass over a text found in it, kept for the second: words and heads are looked for once."""

from __future__ import annotations

import contextlib
import struct
import tempfile
from collections.abc import Iterator
from typing import IO, Final, Self

import numpy as np
import numpy.typing as npt

from ..heads import HeadForm
from .heads import Heads
from .scan import Scan, Scanner
from .text import I64, WINDOW, Block

_COLUMNS: Final = 12
_HEAD: Final = struct.Struct(f"<4q{2 * _COLUMNS}i")
"""The text's size and sum, the form's place, the columns' bytes; each column's length and bytes per number."""
_SIZES: Final = ((1 << 8, 1), (1 << 16, 2), (1 << 32, 4))
_IS_ODD, _IS_SILENT, _HAS_HEAD = 1, 2, 4


class KeepingScanner(Scanner):
    """Keeps what it finds in a temporary file, about a quarter as long as the text; gives it back in the next pass.

    A text that has changed meanwhile is scanned anew. Without room for the file all of it is.
    """

    def __init__(self) -> None:
        super().__init__()
        self._forms: list[HeadForm] = []
        self._file: IO[bytes] | None = None
        self._is_kept = False
        with contextlib.suppress(OSError):
            # Lives as long as this.
            self._file = tempfile.TemporaryFile(prefix="reclaim-tracer-", buffering=0)  # noqa: SIM115

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def again(self) -> None:
        """The next pass begins."""
        self._is_kept = True
        if self._file is not None:
            self._file.seek(0)

    def scan(self, data: bytes, form: HeadForm) -> Scan:
        """A block of whole lines whose heads should be in this form."""
        if self._is_kept:
            return self._kept(data, form) or super().scan(data, form)
        scan = super().scan(data, form)
        self._keep(scan, data, form)
        return scan

    def _keep(self, scan: Scan, data: bytes, form: HeadForm) -> None:
        if self._file is None:
            return
        if form not in self._forms:
            self._forms.append(form)
        columns = [_narrow(column) for column in _columns(scan)]
        sizes = [number for column in columns for number in (len(column), column.itemsize)]
        total = sum(column.nbytes for column in columns)
        head = _HEAD.pack(len(data), _sum(data), self._forms.index(form), total, *sizes)
        record = b"".join((head, *(column.data for column in columns)))
        try:
            is_whole = self._file.write(record) == len(record)
        except OSError:
            is_whole = False
        if not is_whole:
            self._close()

    def _kept(self, data: bytes, form: HeadForm) -> Scan | None:
        """What the pass before found in this text; None where it was another one."""
        if self._file is None:
            return None
        head = self._file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            return None
        size, total, place, record_bytes, *sizes = _HEAD.unpack(head)
        record = self._file.read(record_bytes)
        if (size, total, self._forms[place]) != (len(data), _sum(data), form) or len(record) < record_bytes:
            return None
        return _scan(data, _widened(record, sizes))

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None


def _sum(data: bytes) -> int:
    """Tells texts apart that were written over between two passes."""
    return int(np.frombuffer(data, "<i8", len(data) // WINDOW).sum())


def _columns(scan: Scan) -> tuple[I64, ...]:
    """All that can't be had from the others, no number below 0."""
    block, heads = scan.block, scan.heads
    flags = block.odd * _IS_ODD + scan.silent * _IS_SILENT
    flags[heads.lines] += _HAS_HEAD
    return (
        *(np.diff(block.words, prepend=0), np.diff(block.first_word, prepend=0), block.ends - block.starts, flags),
        *(heads.tid, heads.tgid + 1, heads.cpu, heads.now_ns, heads.name_sizes),
        *(heads.after_name - block.first_word[heads.lines], heads.comm_sizes, scan.numbers + 1),
    )


def _scan(data: bytes, columns: Iterator[I64]) -> Scan:
    words, first_word, line_sizes, flags = (next(columns) for _ in range(4))
    np.cumsum(words, out=words)
    np.cumsum(first_word, out=first_word)
    block = Block(data, (words, first_word, line_sizes, flags & _IS_ODD != 0))
    lines = np.flatnonzero(flags & _HAS_HEAD)
    tid, tgid, cpu, now_ns, name_sizes, after_name, comm_sizes, numbers = columns
    first = first_word[lines]
    after_name += first
    tgid -= 1
    numbers -= 1
    heads = Heads(
        *(lines, tid, tgid, cpu, now_ns, words[after_name - 1], name_sizes, after_name, words[first], comm_sizes)
    )
    return Scan(block, heads, numbers, flags & _IS_SILENT != 0)


def _narrow(column: I64) -> npt.NDArray[np.unsignedinteger]:
    most = int(column.max(initial=0))
    return column.astype(f"<u{next((size for limit, size in _SIZES if most < limit), 8)}")


def _widened(record: bytes, sizes: list[int]) -> Iterator[I64]:
    at = 0
    for count, size in zip(sizes[::2], sizes[1::2], strict=True):
        yield np.frombuffer(record, f"<u{size}", count, at).astype(np.int64)
        at += count * size
