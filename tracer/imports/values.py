"""Field values: what they look like in the text, and a column of such texts as numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..schema import COMM_BYTES, MODULE_NAME_BYTES
from ..store.contents import SYMBOL_NAMES, SYMBOLS
from ..store.format import MAX_JSON_BYTES
from .names import plain_name
from .table import POINTER_FIELDS, SYMBOL_FIELDS, WORD_FIELDS, WORDS

I64 = npt.NDArray[np.int64]

_MASK: Final = (1 << 64) - 1
_TOP: Final = 1 << 63
_BYTES_A_SYMBOL, _BYTES_A_CHARACTER = 24, 6
"""At most, as JSON has them."""
_SYNTHETIC: Final = 0xFFFF_F000_0000_0000
"""Names get addresses from here on: the kernel's half, where nothing is mapped on any architecture."""


@dataclass(frozen=True)
class Value:
    """`pattern` matches one text of this sort, `column` turns many into an array: int64 (addresses wrap), or bytes."""

    pattern: str
    column: Callable[[Sequence[str]], npt.NDArray[Any]]


def _fit(number: int) -> int:
    number &= _MASK
    return number - (1 << 64) if number >= _TOP else number


def _number(text: str) -> int:
    return _fit(int(text, 16) if "x" in text else int(text))


def _integers(texts: Sequence[str]) -> I64:
    try:
        return np.fromiter(map(int, texts), np.int64, len(texts))
    except (ValueError, OverflowError):
        return np.fromiter(map(_number, texts), np.int64, len(texts))


def _pointer(text: str) -> int:
    """An opaque id, 0 where the text has none: `(null)`, `(____ptrval____)`, or nothing at all."""
    return 0 if not text or text.startswith("(") else _fit(int(text, 16))


def _looked_up(texts: Sequence[str], read: Callable[[str], int]) -> I64:
    """Each different text is read once: there are few."""
    known = {text: read(text) for text in set(texts)}
    return np.fromiter(map(known.__getitem__, texts), np.int64, len(texts))


def _pointers(texts: Sequence[str]) -> I64:
    return _looked_up(texts, _pointer)


INTEGER: Final = Value(r"-?(?:0x[0-9a-fA-F]{1,16}|\d{1,20})", _integers)
POINTER: Final = Value(r"(?:0x)?[0-9a-fA-F]{1,16}|\([^()\s]*\)", _pointers)
SYMBOL_PATTERN: Final = r"[^\s:]+(?: \[[^\]]+\])?"


def comm_bytes(comm: str) -> bytes:
    """A task's name as records hold it: 15 bytes at most, no half characters."""
    return comm.encode("utf-8", "replace")[: COMM_BYTES - 1].decode("utf-8", "ignore").encode()


def _comms(texts: Sequence[str]) -> npt.NDArray[np.bytes_]:
    return np.array([comm_bytes(text) for text in texts], f"S{COMM_BYTES}")


COMM: Final = Value("", _comms)
MODULE_NAME: Final = Value("", lambda texts: np.array([text.encode() for text in texts], f"S{MODULE_NAME_BYTES}"))
GIVEN: Final = Value("", lambda texts: np.fromiter((_fit(int(text)) for text in texts), np.int64, len(texts)))
"""A number that was worked out rather than read."""


def words(table: Mapping[str, int]) -> Value:
    """Words, or words joined by `|`; a number stands for itself, an unknown word for 0."""
    return Value(r"[\w|]+", lambda texts: _looked_up(texts, lambda text: _word_bits(text, table)))


def _word_bits(text: str, table: Mapping[str, int]) -> int:
    bits = 0
    for word in text.split("|"):
        bits |= table[word] if word in table else _maybe_number(word)
    return bits


def _maybe_number(word: str) -> int:
    try:
        return _number(word) & 0x7FFF_FFFF
    except ValueError:
        return 0


class Symbols:
    """Gives every function name of the text an address, the same one in every import."""

    def __init__(self) -> None:
        self._addresses: dict[str, int] = {}
        self._names: dict[int, str] = {}
        self._new: dict[int, str] = {}
        self._told_bytes = 0
        self.value = Value(SYMBOL_PATTERN, self._column)

    def address(self, text: str) -> int:
        """The address for a function as the text prints it; a bare address stands for itself and has no name."""
        address = self._addresses.get(text)
        if address is None:
            address = self._addresses[text] = self._place(text)
        return address

    def take_new(self) -> dict[int, str]:
        """Names met since the last call."""
        new, self._new = self._new, {}
        return new

    def _place(self, text: str) -> int:
        name = plain_name(text)
        if name.startswith("0x"):
            try:
                return int(name, 16) & _MASK
            except ValueError:
                pass
        address = _SYNTHETIC | int.from_bytes(blake2b(name.encode(), digest_size=5).digest(), "big") << 4
        while self._names.get(address, name) != name:
            address += 16
        if address not in self._names:
            self._names[address] = name
            self._tell(address, name)
        return address

    def _tell(self, address: int, name: str) -> None:
        """Have the recording name an address, as long as it has room for names."""
        shown = name[: SYMBOL_NAMES.most]
        self._told_bytes += _BYTES_A_SYMBOL + _BYTES_A_CHARACTER * len(shown)
        if self._told_bytes <= MAX_JSON_BYTES and len(self._names) <= SYMBOLS.most:
            self._new[address] = shown

    def _column(self, texts: Sequence[str]) -> I64:
        return _looked_up(texts, lambda text: _fit(self.address(text)))


_WORDS: Final = {name: words(table) for name, table in WORDS.items()}


def value_of(kind: str, field: str, symbols: Symbols) -> Value:
    """How a kind's field is printed."""
    if (kind, field) in SYMBOL_FIELDS:
        return symbols.value
    if word_list := WORD_FIELDS.get((kind, field)):
        return _WORDS[word_list]
    return POINTER if field in POINTER_FIELDS else INTEGER
