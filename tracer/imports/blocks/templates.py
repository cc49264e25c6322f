"""How one event's text is laid out in words: learned from a line that its pattern fits, then read in columns.

A template accepts less than the pattern it was made from: the keys must stand in the same words, with the same blanks
before their values. What it refuses is read by the pattern.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from ..layouts import Layout
from ..table import text_keys
from ..threads import queue_number
from ..values import INTEGER, Value
from .digits import numbers_with_blank, signed
from .text import I64, MOST_TEXT_BYTES, WIDE, WINDOW, Block, Bools
from .vocabulary import Vocabulary

MOST_WORDS: Final = 60

_BLANK: Final = ord(" ")
_BEFORE: Final = WIDE - WINDOW
"""Bytes that are loaded together with the first eight of a number."""

_WORD: Final = re.compile(r"\S+")
_SEPARATOR: Final = r"(?:=|: ?| )\s*"
_LAZY: Final = ".*?"
_SLAB_HEAD_FIELDS: Final = ("shrink", "shr")

Columns = dict[str, I64]


@dataclass(frozen=True)
class _Field:
    """A value: `literal` stands before it, `suffix` behind it, up to the end of its word.

    Padded ones have more than one blank behind that.
    """

    name: str
    word: int
    prefix_bytes: int
    literal: bytes
    suffix: bytes
    is_padded: bool
    texts: _Texts | None = field(compare=False)


class _Texts:
    """Values that are no plain numbers: each different text is read once."""

    def __init__(self, read: Callable[[str], tuple[int, ...] | None]) -> None:
        """`read` gives the values of a text, None where it is not one of this sort."""
        self._read = read
        self._vocabulary = Vocabulary()
        self._values: list[tuple[int, ...] | None] = []

    def columns(self, block: Block, starts: I64, ends: I64, count: int) -> tuple[list[I64], Bools]:
        """So many columns of values, and which texts are of this sort."""
        numbers = self._vocabulary.numbers(block, starts, ends - starts)
        texts = self._vocabulary.texts
        self._values += [self._read(text.decode()) for text in texts[len(self._values) :]]
        none = (0,) * count
        table = np.array([*(each or none for each in self._values), none], np.int64)
        good = np.array([*(each is not None for each in self._values), False])
        return [table[numbers, place] for place in range(count)], good[numbers]


@dataclass(frozen=True)
class Template:
    """The words of one layout; `start` is literal text that comes before all fields."""

    layout: Layout | None
    start: bytes
    fields: tuple[_Field, ...]
    head_words: int = 0
    head: _Texts | None = field(default=None, compare=False)
    last_word: int = 0

    @classmethod
    def of(cls, layout: Layout | None, line: str, at: int, fields_at: int) -> Self | None:
        """From a line whose text begins at `at`; the layout's pattern is tried from `fields_at` on.

        Without a layout only what stands before counts. None where the line does not fit, or can't be described in
        this way.
        """
        if layout is None:
            start = line[at:fields_at].encode()
            fits = len(start) <= MOST_TEXT_BYTES
            return cls(None, start, (), last_word=len(start.split()) - 1) if line.isascii() and fits else None
        match = layout.pattern.match(line, fields_at)
        if match is None or _LAZY in layout.pattern.pattern or not line.isascii():
            return None
        words = [each.span() for each in _WORD.finditer(line, at)]
        first_group = 1
        head, head_words = None, 0
        if layout.pattern.groups >= 2 and tuple(name for name, _ in layout.fields[:2]) == _SLAB_HEAD_FIELDS:
            first_group, head_words = 3, sum(begin < match.end(2) for begin, _ in words)
            head = _Texts(_slab_head(layout))
        try:
            fields = tuple(_fields(layout, line, words, match, first_group))
        except _NotInWordsError:
            return None
        start = line[at:fields_at].rstrip().encode()
        last = max((each.word for each in fields), default=head_words - 1)
        last = max(last, sum(begin < at + len(start) for begin, _ in words) - 1)
        if last >= MOST_WORDS or len(start) > MOST_TEXT_BYTES:
            return None
        return cls(layout, start, fields, head_words, head, last)

    def read(self, block: Block, lines: I64, words: I64) -> tuple[Bools, Columns]:
        """Lines by number, and the words their texts begin at: which of them fit, and the fields of those."""
        good = words + self.last_word < block.first_word[lines + 1]
        if self.start:
            begin = block.words[words]
            good &= block.equal(begin, self.start)
            good &= block.bytes[begin + len(self.start)] <= _BLANK
        columns: Columns = {}
        ends = block.ends[lines]
        for values in (self._numbers, self._ended_numbers):
            if values.fields:
                columns |= values.columns(block, words, ends, good)
        for each in self.fields:
            if each.texts is not None:
                span = _Values((each,)).spans(block, words, ends, good)
                _look_up(each.texts, block, (span[0][0], span[1][0]), good, columns, (each.name,))
        if self.head is not None:
            span = block.words[words], np.minimum(block.words[words + self.head_words] - 1, ends)
            _look_up(self.head, block, span, good, columns, _SLAB_HEAD_FIELDS)
        if good.all():
            return good, columns
        return good, {name: column[good] for name, column in columns.items()}

    @cached_property
    def _numbers(self) -> _Numbers:
        return _Numbers(tuple(each for each in self.fields if each.texts is None and not each.suffix))

    @cached_property
    def _ended_numbers(self) -> _Values:
        return _Values(tuple(each for each in self.fields if each.texts is None and each.suffix))


class _Values:
    """Fields of one template, all of whose values in all lines are found at once: arrays are fields by lines."""

    def __init__(self, fields: tuple[_Field, ...]) -> None:
        self.fields = fields
        self._words = _column(each.word for each in fields)
        self._prefixes = _column(each.prefix_bytes for each in fields)
        self._suffixes = _column(len(each.suffix) for each in fields)
        self._padded = [place for place, each in enumerate(fields) if each.is_padded]
        literals = [each.literal for each in fields]
        self._literals = [_Ends(literals, skip) for skip in range(0, max(map(len, literals), default=0), WINDOW)]

    def columns(self, block: Block, words: I64, line_ends: I64, good: Bools) -> Columns:
        """The values as numbers; lines in which one is none are no longer good."""
        starts, ends = self.spans(block, words, line_ends, good)
        values, fits = signed(block, starts.ravel(), ends.ravel())
        good &= fits.reshape(starts.shape).all(axis=0)
        return dict(zip((each.name for each in self.fields), values.reshape(starts.shape), strict=True))

    def spans(self, block: Block, words: I64, line_ends: I64, good: Bools) -> tuple[I64, I64]:
        """Where values begin and end; lines in which something else stands around them are no longer good."""
        index = words + self._words
        starts = block.words[index]
        starts += self._prefixes
        index += 1
        ends = block.words[index]
        ends -= 1
        np.minimum(ends, line_ends, out=ends)
        for place in self._padded:
            ends[place] = block.end_of_text_before(ends[place])
        ends -= self._suffixes
        for literal in self._literals:
            good &= literal.stand_before(block, starts)
        for place, each in enumerate(self.fields):
            if each.suffix:
                good &= block.equal(ends[place], each.suffix)
        return starts, ends


class _Numbers(_Values):
    """Numbers with nothing behind them: mostly what their key and their digits are tells where they end."""

    def __init__(self, fields: tuple[_Field, ...]) -> None:
        super().__init__(fields)
        self._is_padded = np.array([each.is_padded for each in fields], bool)
        nearest = [each.literal[-_BEFORE:] for each in fields]
        self._wanted = _windows_of(literal.rjust(_BEFORE, b"\0") for literal in nearest)
        self._masks = _windows_of((b"\xff" * len(literal)).rjust(_BEFORE, b"\0") for literal in nearest)
        self._literals = self._literals[_BEFORE // WINDOW :]

    def columns(self, block: Block, words: I64, line_ends: I64, good: Bools) -> Columns:
        """The values as numbers; lines in which one is none are no longer good."""
        starts = block.words[words + self._words]
        starts += self._prefixes
        windows = block.wide_windows(starts - _BEFORE)
        for place, (wanted, mask) in enumerate(zip(self._wanted, self._masks, strict=True)):
            rows = slice(None) if mask.all() else np.flatnonzero(mask)
            found = windows[rows, :, place] & mask[rows]
            good &= (found == wanted[rows]).all(axis=0)
        for literal in self._literals:
            good &= literal.stand_before(block, starts)
        values, ended = numbers_with_blank(np.ascontiguousarray(windows[..., -1]))
        rest = np.flatnonzero(good & ~ended)
        if len(rest):
            self._read_rest(block, words, line_ends, good, starts, values, rest)
        return dict(zip((each.name for each in self.fields), values, strict=True))

    def _read_rest(
        self, block: Block, words: I64, line_ends: I64, good: Bools, starts: I64, values: I64, rest: I64
    ) -> None:
        """Those with more digits or a minus; `rest` are their places in the flat array of all."""
        fields, lines = np.divmod(rest, len(words))
        ends = np.minimum(block.words[words[lines] + self._words[fields, 0] + 1] - 1, line_ends[lines])
        padded = np.flatnonzero(self._is_padded[fields])
        ends[padded] = block.end_of_text_before(ends[padded])
        values[fields, lines], fits = signed(block, starts[fields, lines], ends)
        good[lines[~fits]] = False


def _windows_of(texts: Iterable[bytes]) -> npt.NDArray[Any]:
    """The windows of texts of equal size: each window's are below each other."""
    windows = np.frombuffer(b"".join(texts), "<u8")
    return windows.reshape(-1, _BEFORE // WINDOW).T[..., np.newaxis]


class _Ends:
    """At most eight bytes of each of some literals: those before the last `skip` ones."""

    def __init__(self, literals: list[bytes], skip: int) -> None:
        self._places = np.array([place for place, literal in enumerate(literals) if len(literal) > skip], np.int64)
        self._is_all = len(self._places) == len(literals)
        self._skip = skip
        parts = [literals[place][: len(literals[place]) - skip][-WINDOW:] for place in self._places.tolist()]
        self._shifts = _column(8 * (WINDOW - len(part)) for part in parts).astype(np.uint64)
        self._wanted = _column(int.from_bytes(part, "little") for part in parts)

    def stand_before(self, block: Block, starts: I64) -> Bools:
        """Lines where they stand before these positions, which are fields by lines."""
        at = (starts if self._is_all else starts[self._places]) - (self._skip + WINDOW)
        found = block.windows[at]
        found >>= self._shifts
        return np.asarray((found == self._wanted).all(axis=0), bool)


def _column(numbers: Iterable[int]) -> npt.NDArray[Any]:
    """Numbers below each other, beside which arrays of lines can stand."""
    return np.array([*numbers]).reshape(-1, 1)


class _NotInWordsError(Exception):
    """A value is not inside of one word, or its key is not found before it."""


def _fields(
    layout: Layout, line: str, words: list[tuple[int, int]], match: re.Match[str], first_group: int
) -> Iterator[_Field]:
    for group in range(first_group, layout.pattern.groups + 1):
        name, value = layout.fields[group - 1]
        start, end = match.span(group)
        word = next((place for place, (begin, stop) in enumerate(words) if begin <= start and end <= stop), None)
        if word is None:
            raise _NotInWordsError
        key_at = _key_at(layout.kind.name, name, line, match.start(), start)
        literal_at = max(begin for begin, _ in words if begin <= key_at)
        suffix = line[end : words[word][1]].encode()
        literal = line[literal_at:start].encode()
        if suffix and (suffix[:1].isalnum() or suffix[:1] in b"_|."):
            raise _NotInWordsError
        texts = None if value is INTEGER else _Texts(_one_value(value, is_queue=name == "vq"))
        is_padded = line[words[word][1] :].startswith("  ")
        yield _Field(name, word, start - words[word][0], literal, suffix, is_padded, texts)


def _key_at(kind: str, name: str, line: str, begin: int, end: int) -> int:
    for key in text_keys(kind, name):
        if match := re.search(rf"(?<![\w-]){re.escape(key)}{_SEPARATOR}$", line[begin:end]):
            return begin + match.start()
    raise _NotInWordsError


def _one_value(value: Value, *, is_queue: bool) -> Callable[[str], tuple[int, ...] | None]:
    """A queue's hidden address is not taken for its number 0."""
    pattern = re.compile(value.pattern)

    def read(text: str) -> tuple[int, ...] | None:
        if pattern.fullmatch(text) is None or (is_queue and queue_number(text) is None):
            return None
        return (int(value.column([text])[0]),)

    return read


def _slab_head(layout: Layout) -> Callable[[str], tuple[int, ...] | None]:
    (_, shrink), (_, shr) = layout.fields[:2]
    pattern = re.compile(rf"({shrink.pattern}) +({shr.pattern}):")

    def read(text: str) -> tuple[int, ...] | None:
        match = pattern.fullmatch(text)
        return (int(shrink.column([match[1]])[0]), int(shr.column([match[2]])[0])) if match else None

    return read


def _look_up(
    texts: _Texts, block: Block, span: tuple[I64, I64], good: Bools, columns: Columns, names: tuple[str, ...]
) -> None:
    """Only texts of lines that are good so far become known."""
    rows = np.flatnonzero(good)
    starts, ends = span
    values, fits = texts.columns(block, starts[rows], ends[rows], len(names))
    for name, found in zip(names, values, strict=True):
        columns[name] = np.zeros(len(good), np.int64)
        columns[name][rows] = found
    good[rows] = fits
