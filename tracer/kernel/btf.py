"""Types as the kernel describes its own (BTF): places of enumerators and members, functions by number.

The format is that of Documentation/bpf/btf.rst; a module's types continue the kernel's numbers and strings.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from .btf_file import PIECE_BYTES, Contents, contents
from .paths import ROOT, under

HEADER: Final = struct.Struct("=HBBIIIII")
MAGIC: Final = 0xEB9F
WORD_BYTES: Final = 4
STRUCT, ENUM, FUNC, FUNC_PROTO = 4, 6, 12, 13
_WORDS_BEHIND: Final = {1: 1, 3: 3, 14: 1, 17: 1}
"""32-bit words that follow a type of this kind: integers, arrays, variables, declaration tags."""
_WORDS_PER_MEMBER: Final = {STRUCT: 3, 5: 3, ENUM: 2, FUNC_PROTO: 2, 15: 3, 19: 3}
HEAD_WORDS: Final = 3
_PIECE_WORDS: Final = PIECE_BYTES // WORD_BYTES


class Btf:
    """One object's types, the kernel's or a module's on top of the kernel's. Raises ValueError for anything else.

    Of `data` a piece at a time is looked at, and nothing of it is kept but where types begin and what they are called.
    """

    def __init__(self, data: Contents, base: Btf | None = None) -> None:
        head = data[: HEADER.size]
        if len(head) < HEADER.size or HEADER.unpack(head)[0] != MAGIC:
            raise ValueError("not BTF of this machine's byte order")
        _, _, _, header, types_at, types_bytes, strings_at, strings_bytes = HEADER.unpack(head)
        self._base = base
        self._functions: dict[str, tuple[int, int] | None] = {}
        self._own_offsets: dict[str, int | None] = {}
        self._data = data
        self._types_at = header + types_at
        self.word_count = max(0, min(types_bytes, len(data) - self._types_at)) // WORD_BYTES
        self._strings_at = header + strings_at
        self._strings_stop = min(self._strings_at + strings_bytes, len(data))
        self._strings_before = base.strings_end if base else 0
        self.strings_end: int = self._strings_before + max(0, self._strings_stop - self._strings_at)

    @classmethod
    def read(cls, module: str | None = None, root: Path = ROOT, base: Self | None = None) -> Self | None:
        """The running kernel's, or a module's on top of it (of `base`, if given); None where it can't be had."""
        try:
            base = base or cls(contents(under(root, "/sys/kernel/btf/vmlinux")))
            return cls(contents(under(root, f"/sys/kernel/btf/{module}")), base) if module else base
        except (OSError, ValueError):
            return None

    def expect(self, names: Collection[str]) -> None:
        """Look for all these names at once: each that is asked for by itself takes a pass over all strings."""
        if wanted := {name: b"\0" + name.encode() + b"\0" for name in names if name not in self._own_offsets}:
            self._own_offsets.update(dict.fromkeys(wanted), **dict(self._first_places(wanted)))
        if self._base is not None:
            self._base.expect(names)

    def _first_places(self, wanted: Mapping[str, bytes]) -> Iterator[tuple[str, int]]:
        """Names, by what is looked for, and where each is first."""
        left, overlap = [*wanted.items()], max(map(len, wanted.values())) - 1
        for first in range(self._strings_at, self._strings_stop, PIECE_BYTES):
            piece = self._data[first : min(self._strings_stop, first + PIECE_BYTES + overlap)]
            places = [(name, piece.find(text)) for name, text in left]
            yield from (
                (name, self._strings_before + first + at + 1 - self._strings_at) for name, at in places if at >= 0
            )
            left = [item for item, (_, at) in zip(left, places, strict=True) if at < 0]

    def enumerator(self, name: str) -> int | None:
        """The value of an enumerator (an unsigned 32-bit one)."""
        return next((self.word(word + 1) for word, _ in self._enumerators(name)), None)

    def member_offset_bytes(self, structure: str, member: str) -> int | None:
        """Where in `struct structure` a direct member begins."""
        wanted = set(self.offsets(member))
        for start in self._called(structure, STRUCT):
            words = self.piece(start + HEAD_WORDS, start + HEAD_WORDS + 3 * self.members(start)).tolist()
            for name, place in zip(words[::3], words[2::3], strict=True):
                if name in wanted:
                    return int(place & 0xFFFFFF) // 8
        return None

    def size_bytes(self, structure: str) -> int | None:
        """How large `struct structure` is."""
        return next((self.word(start + 2) for start in self._called(structure, STRUCT)), None)

    def structure_number(self, structure: str) -> int | None:
        """The type number of `struct structure`."""
        return next(map(self._number, self._called(structure, STRUCT)), None)

    def function(self, name: str) -> tuple[int, int] | None:
        """The function's type number and how many arguments it takes."""
        if name not in self._functions:
            self._functions[name] = self._find_function(name)
        return self._functions[name]

    def named(self, name: str) -> Iterator[int]:
        """Structures and functions of this name, enumerations with such an enumerator: which ones, from 0."""
        for start in (*self._called(name, STRUCT, FUNC), *(start for _, start in self._enumerators(name))):
            yield bisect_right(self.starts, start) - 1

    def word(self, at: int) -> int:
        """One 32-bit word of the types."""
        return int(self.piece(at, at + 1)[0])

    def piece(self, first: int, stop: int) -> npt.NDArray[np.uint32]:
        """Words of the types, as far as there are any."""
        start, stop = (self._types_at + WORD_BYTES * min(at, self.word_count) for at in (first, stop))
        return np.frombuffer(self._data[start:stop], np.uint32)

    def string(self, offset: int) -> bytes:
        """The string at a place; one of the object that this one builds on too."""
        if self._base is not None and offset < self._strings_before:
            return self._base.string(offset)
        start = self._strings_at + offset - self._strings_before
        stop = self._data.find(b"\0", start, self._strings_stop)
        if stop < 0:
            raise ValueError("BTF: a string without an end")
        return self._data[start:stop]

    def _find_function(self, name: str) -> tuple[int, int] | None:
        for start in self._called(name, FUNC):
            return self._number(start), self._arguments(self.word(start + 2))
        return None

    def _number(self, start: int) -> int:
        return bisect_right(self.starts, start) + self.first_number - 1

    def _arguments(self, prototype: int) -> int:
        owner: Btf = self
        while owner._base is not None and prototype < owner.first_number:
            owner = owner._base
        return owner.members(owner.starts[prototype - owner.first_number])

    def _called(self, name: str, *kinds: int) -> Iterator[int]:
        """Where types of this name and of one of these kinds begin."""
        names = np.frombuffer(self._heads[1], np.uint32)
        found = (self.starts[at] for place in self.offsets(name) for at in np.flatnonzero(names == place).tolist())
        return (start for start in found if self._kind(start) in kinds)

    def _enumerators(self, name: str) -> Iterator[tuple[int, int]]:
        """Where enumerators of this name are, each with the start of its type."""
        for word in self._places(name):
            start = self.starts[bisect_right(self.starts, word) - 1]
            if self._kind(start) == ENUM and word > start and (word - start - HEAD_WORDS) % 2 == 0:
                yield word, start

    def _places(self, name: str) -> Iterator[int]:
        """Words equal to that string's place."""
        if not (offsets := self.offsets(name)):
            return
        for first in range(0, self.word_count - 1, _PIECE_WORDS):
            words = self.piece(first, min(first + _PIECE_WORDS, self.word_count - 1))
            for offset in offsets:
                yield from (first + at for at in np.flatnonzero(words == offset).tolist())

    def offsets(self, name: str) -> list[int]:
        """Where the string is, in this object's strings and in those it builds on."""
        if name not in self._own_offsets:
            self.expect((name,))
        own = self._own_offsets[name]
        return ([] if own is None else [own]) + (self._base.offsets(name) if self._base else [])

    def _kind(self, start: int) -> int:
        return self.word(start + 1) >> 24 & 0x1F

    def members(self, start: int) -> int:
        """How many members, enumerators or arguments the type at that word has."""
        return self.word(start + 1) & 0xFFFF

    @property
    def first_number(self) -> int:
        """The number of this object's first type."""
        return self._base.first_number + len(self._base.starts) if self._base else 1

    @property
    def starts(self) -> array[int]:
        """The first word of each type."""
        return self._heads[0]

    @cached_property
    def _heads(self) -> tuple[array[int], array[int]]:
        """Where each type begins, and where its name is."""
        starts, names, at = array("I"), array("I"), 0
        for first in range(0, self.word_count - 1, _PIECE_WORDS):
            words = self.piece(first, first + _PIECE_WORDS + 1)
            sizes = _sizes(words[1:])
            while at < first + len(sizes):
                starts.append(at)
                names.append(words[at - first])
                at += sizes[at - first]
        return starts, names

    @property
    def is_whole(self) -> bool:
        """Whether the last type ends where the types do."""
        if not self.starts:
            return False
        last = self.starts[-1]
        return bool(last + _sizes(self.piece(last + 1, last + 2))[0] == self.word_count)


def _sizes(info: npt.NDArray[np.uint32]) -> memoryview:
    """What a type would take whose second word is this, for each of these: the walk itself then only adds."""
    kind = info >> 24 & 0x1F
    behind = np.array([_WORDS_BEHIND.get(number, 0) + HEAD_WORDS for number in range(32)], np.uint32)
    each = np.array([_WORDS_PER_MEMBER.get(number, 0) for number in range(32)], np.uint32)
    return memoryview(behind[kind] + each[kind] * (info & 0xFFFF))
