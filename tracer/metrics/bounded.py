"""Names that whoever uses the traced machine has chosen, as values of a label: so many of them and no more."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Final

from ..errors import printable

OTHER: Final = "other"
_MOST_CHARACTERS: Final = 256
_CUT: Final = "..."


class BoundedNames:
    """The first `most` names have values of their own, the rest together is `other`.

    Once given, a value stays: a sample that went from one to another would be counted twice.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._names: set[str] = set()
        self._by_key: dict[Hashable, str] = {}

    def sums(self, rows: Iterable[tuple[Hashable, str, float | None]]) -> dict[str, float | None]:
        """Amounts by name. Rows are a key that stays, the name at this time and an amount, those that matter most
        first; a sum is None where one of its amounts is."""
        sums: dict[str, float | None] = {}
        for key, name, amount in rows:
            value = self._value(key, name)
            before = sums.get(value, 0.0)
            sums[value] = None if before is None or amount is None else before + amount
        return sums

    def _value(self, key: Hashable, name: str) -> str:
        if key not in self._by_key:
            value = label_value(name)
            if value not in self._names and len(self._names) >= self._most:
                value = OTHER
            else:
                self._names.add(value)
            self._by_key[key] = value
        return self._by_key[key]


def label_value(name: str) -> str:
    """One line of bounded length, whatever the name has in it."""
    value = printable(name)
    return value if len(value) <= _MOST_CHARACTERS else value[: _MOST_CHARACTERS - len(_CUT)] + _CUT
