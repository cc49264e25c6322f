"""Records of events as columns."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ..schema import EVENT_DTYPE, HEADER_DTYPE, KIND_BY_NUMBER, Kind
from ..short_records import SHORT_DTYPE, args_of
from .columns import WORD_BYTES, Words
from .dictionary import Dictionary, distinct
from .encoding import ColumnEncoder, put_count, put_frame, put_steps
from .kind_index import mask_of
from .sink import Sink

_HEADER_WORDS: Final = HEADER_DTYPE.itemsize // WORD_BYTES
_SHORT_WORDS: Final = SHORT_DTYPE.itemsize // WORD_BYTES
_TIME: Final = 0
_THREAD: Final = slice(1, 4)
_KIND_AND_CPU: Final = 4
"""Words of a record: `time_ns`; `tid`, `tgid` and `comm`; `kind`, `cpu` and `cgroup_id`."""
_CGROUP_ID: Final = np.array([(0, 0, 0, b"", 0, 0, 0xFFFFFFFF)], HEADER_DTYPE).view(np.uint64)[_KIND_AND_CPU]
"""The bits of that word which are the cgroup's, in this machine's byte order."""

_CHUNK_ROWS: Final = 4096
"""Records turned into columns at once: they stay in the first- and second-level caches meanwhile."""


class EventEncoder:
    """Turns blocks of records into EVENTS payloads; its buffers, `buffer_bytes` in all, serve every block."""

    def __init__(self, rows: int) -> None:
        """`rows` is how many short records a block usually has; larger ones make the buffers grow."""
        self.kinds = 0
        """The mask of the kinds that the block encoded last has."""
        self._sink = Sink()
        self._words = np.zeros(_SHORT_WORDS * rows, np.uint64)
        self._arguments = np.zeros((_SHORT_WORDS - _HEADER_WORDS) * rows, np.uint64)
        self._columns: defaultdict[tuple[str, str], ColumnEncoder] = defaultdict(ColumnEncoder)
        self._threads = _ThreadEncoder()

    @property
    def buffer_bytes(self) -> int:
        """Memory of the buffers."""
        return self._sink.capacity + self._words.nbytes + self._arguments.nbytes

    def encode(self, records: npt.NDArray[np.void]) -> memoryview:
        """Contiguous records of SHORT_DTYPE or EVENT_DTYPE as columns, valid until the next call.

        Arguments of kinds this tool does not know are left out.
        """
        self._sink.clear()
        words = self._turned(records)
        kinds, cpus = (_part(words[_KIND_AND_CPU], EVENT_DTYPE, name, _KIND_AND_CPU) for name in ("kind", "cpu"))
        put_steps(self._sink, words[_TIME])
        self._threads.put(self._sink, words[_THREAD], words[_KIND_AND_CPU] & _CGROUP_ID)
        self._columns["", "kind"].put(self._sink, kinds)
        self._columns["", "cpu"].put(self._sink, cpus)
        self._put_arguments(words[_HEADER_WORDS:], kinds)
        self._threads.put_cgroups(self._sink)
        return self._sink.view()

    def _turned(self, records: npt.NDArray[np.void]) -> Words:
        """Records as a matrix of words, one row for each word of a record."""
        count, width = len(records), records.itemsize // WORD_BYTES
        if count * width > len(self._words):
            self._words = np.zeros(count * width, np.uint64)
        # A long record has more arguments for its length than a short one.
        if count * (width - _HEADER_WORDS) > len(self._arguments):
            self._arguments = np.zeros(count * (width - _HEADER_WORDS), np.uint64)
        rows = records.view(np.uint64).reshape(count, width)
        words = self._words[: count * width].reshape(width, count)
        for start in range(0, count, _CHUNK_ROWS):
            stop = start + _CHUNK_ROWS
            np.copyto(words[:, start:stop], rows[start:stop].T)
        return words

    def _put_arguments(self, words: Words, kinds: npt.NDArray[np.uint16]) -> None:
        counts = np.bincount(kinds, minlength=1)
        order = np.argsort(kinds, kind="stable")
        start, present = 0, np.flatnonzero(counts).tolist()
        self.kinds = mask_of(present)
        for number in present:
            stop = start + int(counts[number])
            if kind := KIND_BY_NUMBER.get(number):
                self._put_kind(words, order[start:stop], kind)
            start = stop

    def _put_kind(self, words: Words, rows: npt.NDArray[np.intp], kind: Kind) -> None:
        used, fields = _layout(kind, HEADER_DTYPE.itemsize + words.shape[0] * WORD_BYTES)
        chosen = self._arguments[: used * len(rows)].reshape(used, len(rows))
        np.take(words[:used], rows, axis=1, out=chosen, mode="clip")
        signed = chosen.view(np.int64)
        lows = np.minimum.reduce(signed, axis=1).tolist()
        highs = np.maximum.reduce(signed, axis=1).tolist()
        for field in fields:
            encoder, word = self._columns[kind.name, field.name], field.word
            if field.fills_word:
                encoder.put_between(self._sink, signed[word], lows[word], highs[word])
            else:
                is_constant = field.in_word and lows[word] == highs[word]
                encoder.put(self._sink, field.of(chosen[:, :1] if is_constant else chosen))


class _Field(NamedTuple):
    """Where an argument is: `word` is the first of its eight-byte words, `offset` its first byte in there."""

    name: str
    dtype: np.dtype[Any]
    word: int
    offset: int

    @property
    def in_word(self) -> bool:
        """Whether one word holds all of it."""
        return self.offset + self.dtype.itemsize <= WORD_BYTES

    @property
    def fills_word(self) -> bool:
        """Whether it is an integer of eight bytes."""
        return self.dtype.itemsize == WORD_BYTES and self.dtype.kind in "iu"

    def of(self, words: Words) -> npt.NDArray[Any]:
        """The argument's column, from a matrix with one row for each word of the arguments."""
        if self.in_word:
            size = self.dtype.itemsize
            column: npt.NDArray[Any] = words[self.word].view(self.dtype)[self.offset // size :: WORD_BYTES // size]
            return column
        count = -(-(self.offset + self.dtype.itemsize) // WORD_BYTES)
        octets = np.ascontiguousarray(words[self.word : self.word + count].T).view(np.uint8)
        part = octets.reshape(words.shape[1], -1)[:, self.offset : self.offset + self.dtype.itemsize]
        return np.ascontiguousarray(part).view(self.dtype).ravel()


@cache
def _layout(kind: Kind, record_bytes: int) -> tuple[int, tuple[_Field, ...]]:
    """How many words the arguments take in records of that size, and where each is; nowhere if they do not fit."""
    args = args_of(kind, record_bytes)
    if args is None:
        return 0, ()
    places = [(name, *args.fields[name][:2]) for name, _ in kind.fields]  # type: ignore[index]
    fields = tuple(_Field(name, dtype, offset // WORD_BYTES, offset % WORD_BYTES) for name, dtype, offset in places)
    return -(-args.itemsize // WORD_BYTES), fields


def _part(word: Words, layout: np.dtype[np.void], name: str, number: int) -> npt.NDArray[Any]:
    """The column of a field that lies in one word, the record's `number`th."""
    dtype, offset = layout.fields[name][:2]  # type: ignore[index]
    return np.ascontiguousarray(_Field(name, dtype, 0, offset - number * WORD_BYTES).of(word[np.newaxis]))


class _ThreadEncoder:
    """The table of threads and an event's place in it; remembers the last block's table."""

    def __init__(self) -> None:
        self._dictionary: Dictionary | None = None
        self._head = b""
        self._cgroups = b""

    def put(self, sink: Sink, words: Words, cgroups: npt.NDArray[np.uint64]) -> None:
        """`words` has a row for `tid` and `tgid` and two for `comm`; `cgroups` has `cgroup_id` in its place.

        One task in two cgroups is two threads.
        """
        keys = [*words, cgroups]
        # A table of more threads than rows is one that readers refuse.
        fits = self._dictionary is not None and len(self._dictionary) <= words.shape[1]
        codes = self._dictionary.codes(keys) if self._dictionary and fits else None
        if codes is None:
            first, found = distinct(keys)
            self._remember(words[:, first], cgroups[first])
            sink.put(self._head)
            put_frame(sink, found)
        else:
            sink.put(self._head)
            put_frame(sink, codes)

    def put_cgroups(self, sink: Sink) -> None:
        """The table's last column, behind all others: readers that do not know it look no further."""
        sink.put(self._cgroups)

    def _remember(self, entries: Words, cgroups: npt.NDArray[np.uint64]) -> None:
        self._dictionary = Dictionary.of([*entries, cgroups])
        count = entries.shape[1]
        task = np.ascontiguousarray(entries[0])
        head = Sink(count * HEADER_DTYPE.itemsize + 2 * WORD_BYTES)
        put_count(head, count)
        put_frame(head, _part(task, EVENT_DTYPE, "tid", 1))
        put_frame(head, _part(task, EVENT_DTYPE, "tgid", 1))
        head.put(np.ascontiguousarray(entries[1:].T).tobytes())
        self._head = bytes(head.view())
        last = Sink(count * WORD_BYTES + 2 * WORD_BYTES)
        put_frame(last, _part(cgroups, EVENT_DTYPE, "cgroup_id", _KIND_AND_CPU))
        self._cgroups = bytes(last.view())
