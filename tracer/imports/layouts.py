"""How one event is printed in one source: learned from its first line, then read by one pattern.

Kernels add, drop and move fields, and tools print `key=value`, `key: value` or `key value`. So each kind's fields are
looked up by key in the first line, and the order found there becomes a regular expression for all others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy.typing as npt

from ..schema import KIND_BY_NAME, Kind
from .table import WHOLE, read_fields, text_keys
from .values import POINTER, SYMBOL_PATTERN, Symbols, Value, value_of

MOST_LAYOUTS: Final = 8
"""Ways to print one event that are kept: options of the tracer may change while it runs."""

_SEPARATOR: Final = r"(?:=|: ?| )\s*"
SLAB_HEAD: Final = re.compile(rf"\s*({SYMBOL_PATTERN})\s++({POINTER.pattern}|)\s*: ")
"""Pointers may be padded (`           (null)`), or blank."""
_SLAB_FIELDS: Final = ("shrink", "shr")
_MOST_WORDS: Final = 3
"""Words between two fields that are counted rather than searched over, which is slower."""

Texts = tuple[str | int, ...]


@dataclass(eq=False)
class Layout:
    """A kind's fields in the order of a pattern's groups. `rows` collects the texts of a chunk's events."""

    kind: Kind
    pattern: re.Pattern[str]
    fields: tuple[tuple[str, Value], ...]
    rows: list[Texts] = field(default_factory=list)

    @cached_property
    def names(self) -> frozenset[str]:
        """The fields this text has."""
        return frozenset(name for name, _ in self.fields)

    @property
    def is_whole(self) -> bool:
        """Whether this text has what every kernel prints."""
        return self.names.issuperset(WHOLE.get(self.kind.name, ()))

    def index(self, name: str) -> int:
        """The place of a field in each row."""
        return [each for each, _ in self.fields].index(name)

    def columns(self, rows: Sequence[Texts]) -> dict[str, npt.NDArray[Any]]:
        """The fields of these rows."""
        texts = zip(*rows, strict=True) if rows else ((),) * len(self.fields)
        return {name: value.column(each) for (name, value), each in zip(self.fields, texts, strict=True)}


Taken = tuple[Layout, Texts]


class _Found(NamedTuple):
    """A field in a line: from its key's start to its value's end."""

    start: int
    end: int
    name: str
    key: str
    separator: str
    value: Value


class Matcher:
    """Reads the text of one event of one source."""

    settles = True

    def __init__(self, kind: str, symbols: Symbols, extra: Sequence[tuple[str, Value]] = ()) -> None:
        """`extra` fields are worked out by the caller and follow those of the text in each row."""
        self._kind = KIND_BY_NAME[kind]
        self._symbols = symbols
        self._extra = tuple(extra)
        self._by_key = tuple(name for name in read_fields(kind) if name not in dict(extra))
        self._layouts: list[Layout] = []
        self._cut: dict[frozenset[str], Layout] = {}

    @property
    def first(self) -> Layout | None:
        """The layout that is tried before all others."""
        return self._layouts[0] if self._layouts else None

    def take(self, line: str, at: int, thread: int = 0) -> Taken | None:  # noqa: ARG002 - a rule's interface
        """The fields of a line's text that begins at `at`; None where it is damaged."""
        for layout in self._layouts:
            if match := layout.pattern.match(line, at):
                return layout, match.groups()
        return self._learn(line, at)

    def _learn(self, line: str, at: int) -> Taken | None:
        if len(self._layouts) >= MOST_LAYOUTS:
            return None
        layout = self._layout(line, at)
        if not layout.is_whole:
            return None if self._layouts else self._take_cut(line, at)
        match = layout.pattern.match(line, at)
        if match is None or self._is_damaged(layout):
            return None
        self._layouts.append(layout)
        return layout, match.groups()

    def _take_cut(self, line: str, at: int) -> Taken | None:
        """A line of an event of which no line is whole: what it has, but for a value that its end may have cut."""
        layout = self._layout(line, at, is_cut=True)
        match = layout.pattern.match(line, at)
        if match is None or not layout.fields:
            return None
        return self._cut.setdefault(layout.names, layout), match.groups()

    def _is_damaged(self, layout: Layout) -> bool:
        """Whether the text is cut: it has only some of the fields that others of this event have."""
        if not self._layouts:
            return bool(self._kind.tracepoint and self._by_key and not layout.fields)
        return any(layout.names < known.names for known in self._layouts)

    def _layout(self, line: str, at: int, *, is_cut: bool = False) -> Layout:
        head = SLAB_HEAD.match(line, at) if "shrink" in self._by_key else None
        start = head.end() if head else at
        wanted = [name for name in self._by_key if not (head and name in _SLAB_FIELDS)]
        found = sorted(each for name in wanted if (each := self._find(name, line, start)))
        if is_cut and found and found[-1].end >= len(line.rstrip()):
            found.pop()
        parts, fields = [], []
        if head:
            parts = [SLAB_HEAD.pattern]
            fields = [(name, value_of(self._kind.name, name, self._symbols)) for name in _SLAB_FIELDS]
        for each in found:
            named = f"{_gap(line[start : each.start])}{each.key}{_spaces(each.separator)}"
            # Atomic: of fields that stand there many times the first is taken, not each with each of the next.
            parts.append(f"(?>{named}({each.value.pattern}))")
            fields.append((each.name, each.value))
            start = each.end
        if parts:
            parts.append(r"(?![\w.])")
        return Layout(self._kind, re.compile("".join(parts)), (*fields, *self._extra))

    def _find(self, name: str, line: str, start: int) -> _Found | None:
        value = value_of(self._kind.name, name, self._symbols)
        for key in text_keys(self._kind.name, name):
            pattern = re.compile(rf"(?<![\w-]){key}({_SEPARATOR})({value.pattern})(?![\w.])")
            if match := pattern.search(line, start):
                return _Found(match.start(), match.end(), name, key, match[1], value)
        return None


def _gap(text: str) -> str:
    """A pattern for what stands between two fields: as many words as here, or anything where there are many."""
    words = len(text.split())
    if words > _MOST_WORDS:
        return r".*?(?<![\w-])"
    before = r"\s*" if not text[:1].strip() else r"\S*\s*"
    words -= bool(text[:1].strip())
    return f"(?>{before})" + r"\S++\s++" * words if words else before


def _spaces(separator: str) -> str:
    """A separator as it was met, with any number of blanks where it had some."""
    mark = separator.strip()
    return rf"{re.escape(mark)}\s*" if mark else r"\s+"
