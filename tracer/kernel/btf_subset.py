"""BTF with a few types only, under the numbers that they have: a hundredth of the whole, once it is packed.

Types that nobody asked for become forward declarations without a name, so that those behind them keep their numbers.
The format is that of Documentation/bpf/btf.rst.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from .btf import ENUM, FUNC, FUNC_PROTO, HEAD_WORDS, HEADER, MAGIC, STRUCT, WORD_BYTES, Btf

_FORWARD: Final = 7
_WORDS_PER_NAME: Final = {STRUCT: 3, ENUM: 2}
"""Of what is kept: 32-bit words from one member's name to the next."""


def btf_subset(types: Btf, names: Collection[str], numbers: Collection[int] = (), *, strings_before: int = 0) -> bytes:
    """BTF with the structures and functions of these names, and the enumerations with an enumerator of these names.

    `numbers` are of more types to keep: prototypes of modules' functions among the kernel's types. `strings_before` is
    how long the strings of the kernel's subset are, where `types` are a module's.
    """
    types.expect(names)
    kept = _wanted(types, names)
    kept |= {number - types.first_number for number in (*prototypes(types, names), *numbers)}
    strings = _Strings(strings_before)
    words: list[npt.NDArray[np.uint32]] = []
    last = 0
    for number in sorted(place for place in kept if 0 <= place < len(types.starts)):
        words += [_fillers(number - last), _renamed(types, number, strings)]
        last = number + 1
    body = np.concatenate([*words, _fillers(len(types.starts) - last)]).tobytes()
    table = strings.table()
    return HEADER.pack(MAGIC, 1, 0, HEADER.size, 0, len(body), len(body), len(table)) + body + table


def prototypes(types: Btf, names: Collection[str]) -> set[int]:
    """Numbers of the prototypes of functions; those of a module's can be among the kernel's types."""
    functions = (number for number in _wanted(types, names) if _kind(types, number) == FUNC)
    return {types.word(types.starts[number] + 2) for number in functions}


def why_unsound(data: bytes, base: bytes | None = None) -> str:
    """What is wrong with bytes that should be a subset, on top of the sound one `base`; empty where nothing is."""
    if len(data) < HEADER.size:
        return "cut"
    magic, _, _, header, types_at, types_bytes, strings_at, strings_bytes = HEADER.unpack_from(data)
    if (magic, header, types_at, strings_at) != (MAGIC, HEADER.size, 0, types_bytes) or types_bytes % WORD_BYTES:
        return "its parts are not where they belong"
    if not types_bytes or not strings_bytes or len(data) != header + types_bytes + strings_bytes or data[-1]:
        return "cut"
    types = Btf(data, None if base is None else Btf(base))
    if not types.is_whole:
        return "its last type is cut"
    functions = (start for number, start in enumerate(types.starts) if _kind(types, number) == FUNC)
    last = types.first_number + len(types.starts)
    return "" if all(0 < types.word(start + 2) < last for start in functions) else "a function has no prototype"


class _Strings:
    """A new table of strings."""

    def __init__(self, before: int) -> None:
        self._before = before
        self._places: dict[bytes, int] = {}
        self._length = 1

    def place(self, text: bytes) -> int:
        """Where it is from now on; nothing is at 0."""
        if not text:
            return 0
        if text not in self._places:
            self._places[text] = self._before + self._length
            self._length += len(text) + 1
        return self._places[text]

    def table(self) -> bytes:
        """All of them."""
        return b"\0" + b"".join(text + b"\0" for text in self._places)


def _wanted(types: Btf, names: Collection[str]) -> set[int]:
    """Which types, counted from this object's first."""
    return {number for name in names for number in types.named(name)}


def _renamed(types: Btf, number: int, strings: _Strings) -> npt.NDArray[np.uint32]:
    """A type's words, with names where the new table has them; arguments lose theirs."""
    start = types.starts[number]
    end = types.starts[number + 1] if number + 1 < len(types.starts) else types.word_count
    words = types.piece(start, end).copy()
    words[0] = strings.place(types.string(int(words[0])))
    kind = _kind(types, number)
    if kind == FUNC_PROTO:
        words[HEAD_WORDS:] = 0
    for at in _name_places(kind, types.members(start)):
        words[at] = strings.place(types.string(int(words[at])))
    return words


def _name_places(kind: int, members: int) -> Iterator[int]:
    step = _WORDS_PER_NAME.get(kind, 0)
    return iter(range(HEAD_WORDS, HEAD_WORDS + step * members, step)) if step else iter(())


def _fillers(count: int) -> npt.NDArray[np.uint32]:
    return np.tile(np.array([0, _FORWARD << 24, 0], np.uint32), count)


def _kind(types: Btf, number: int) -> int:
    return types.word(types.starts[number] + 1) >> 24 & 0x1F
