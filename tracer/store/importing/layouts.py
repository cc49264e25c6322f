"""How one event is printed in one source: learned from its first line, then read by one pattern.

Kernels add, drop and move fields, and tools print `key=value`, `key: value` or `key value`. So each kind's fields are
looked up by key in the first line, and the order found there becomes a regular expression for all others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ...schema import KIND_BY_NAME, Kind
from .table import read_fields, text_keys
from .values import POINTER, SYMBOL_PATTERN, Symbols, Value, value_of

MOST_LAYOUTS: Final = 8
"""Ways to print one event that are kept: options of the tracer may change while it runs."""

_SEPARATOR: Final = r"(?:=|: ?| )\s*"
_SLAB_HEAD: Final = re.compile(rf"({SYMBOL_PATTERN}) ({POINTER.pattern}): ")
_SLAB_FIELDS: Final = ("shrink", "shr")

Texts = tuple[str | int, ...]


@dataclass(eq=False)
class Layout:
    """A kind's fields in the order of a pattern's groups. `rows` and `positions` collect a chunk's events."""

    kind: Kind
    pattern: re.Pattern[str]
    fields: tuple[tuple[str, Value], ...]
    rows: list[Texts] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)

    @property
    def names(self) -> frozenset[str]:
        """The fields this text has."""
        return frozenset(name for name, _ in self.fields)

    def index(self, name: str) -> int:
        """The place of a field in each row."""
        return [each for each, _ in self.fields].index(name)


class Matcher:
    """Reads the text of one event of one source."""

    def __init__(self, kind: str, symbols: Symbols, extra: Sequence[tuple[str, Value]] = ()) -> None:
        """`extra` fields are worked out by the caller and follow those of the text in each row."""
        self.kind = KIND_BY_NAME[kind]
        self._symbols = symbols
        self._extra = tuple(extra)
        self._by_key = tuple(name for name in read_fields(kind) if name not in dict(extra))
        self.layouts: list[Layout] = []

    def take(self, line: str, at: int) -> tuple[Layout, Texts] | None:
        """The fields of a line's text that begins at `at`; None where it is damaged."""
        for index, layout in enumerate(self.layouts):
            if match := layout.pattern.match(line, at):
                if index:
                    self.layouts.insert(0, self.layouts.pop(index))
                return layout, match.groups()
        return self._learn(line, at)

    def _learn(self, line: str, at: int) -> tuple[Layout, Texts] | None:
        layout = self._layout(line, at)
        match = layout.pattern.match(line, at)
        if match is None or self._is_damaged(layout):
            return None
        if len(self.layouts) < MOST_LAYOUTS:
            self.layouts.append(layout)
            return layout, match.groups()
        return None

    def _is_damaged(self, layout: Layout) -> bool:
        """Whether the text is cut: it has only some of the fields that others of this event have."""
        if not self.layouts:
            return bool(self.kind.tracepoint and self._by_key and not layout.fields)
        return any(layout.names <= known.names for known in self.layouts)

    def _layout(self, line: str, at: int) -> Layout:
        head = _SLAB_HEAD.match(line, at) if "shrink" in self._by_key else None
        start = head.end() if head else at
        found = []
        for name in self._by_key:
            if head and name in _SLAB_FIELDS:
                continue
            value = value_of(self.kind.name, name, self._symbols)
            for key in text_keys(self.kind.name, name):
                if match := re.compile(rf"(?<![\w-]){key}({_SEPARATOR})({value.pattern})(?![\w.])").search(line, start):
                    found.append((match.start(), key, match[1], name, value))
                    break
        found.sort(key=lambda each: each[0])
        parts = [_SLAB_HEAD.pattern] if head else []
        parts += [
            rf".*?(?<![\w-]){key}{_spaces(separator)}({value.pattern})(?![\w.])"
            for _, key, separator, _, value in found
        ]
        fields = [(name, value_of(self.kind.name, name, self._symbols)) for name in _SLAB_FIELDS] if head else []
        fields += [(name, value) for *_, name, value in found]
        return Layout(self.kind, re.compile("".join(parts)), (*fields, *self._extra))


def _spaces(separator: str) -> str:
    """A separator as it was met, with any number of blanks where it had some."""
    mark = separator.strip()
    return rf"{re.escape(mark)}\s*" if mark else r"\s+"
