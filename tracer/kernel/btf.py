"""Types as the kernel describes its own (BTF): places of enumerators and members, functions by number.

The format is that of Documentation/bpf/btf.rst; a module's types continue the kernel's numbers and strings.
"""

from __future__ import annotations

import mmap
import os
import struct
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Final, Self

import numpy as np

from .paths import ROOT, under

HEADER: Final = struct.Struct("=HBBIIIII")
MAGIC: Final = 0xEB9F
WORD_BYTES: Final = 4
STRUCT, ENUM, FUNC, FUNC_PROTO = 4, 6, 12, 13
_WORDS_BEHIND: Final = {1: 1, 3: 3, 14: 1, 17: 1}
"""32-bit words that follow a type of this kind: integers, arrays, variables, declaration tags."""
_WORDS_PER_MEMBER: Final = {STRUCT: 3, 5: 3, ENUM: 2, FUNC_PROTO: 2, 15: 3, 19: 3}
HEAD_WORDS: Final = 3
_PIECE_WORDS: Final = 1 << 16
"""So many at once: what is computed on the way is several times as large."""


class Btf:
    """One object's types, the kernel's or a module's on top of the kernel's. Raises ValueError for anything else."""

    def __init__(self, data: bytes | mmap.mmap, base: Btf | None = None) -> None:
        if len(data) < HEADER.size or HEADER.unpack_from(data)[0] != MAGIC:
            raise ValueError("not BTF of this machine's byte order")
        _, _, _, header, types_at, types_bytes, strings_at, strings_bytes = HEADER.unpack_from(data)
        self._base = base
        self._functions: dict[str, tuple[int, int] | None] = {}
        self.words = memoryview(data)[header + types_at : header + types_at + types_bytes].cast("I")
        # Not copied: they are megabytes.
        self._data = data
        self._strings_at = header + strings_at
        self._strings_stop = min(self._strings_at + strings_bytes, len(data))
        self._strings_before = base.strings_end if base else 0
        self.strings_end: int = self._strings_before + max(0, self._strings_stop - self._strings_at)

    @classmethod
    def read(cls, module: str | None = None, root: Path = ROOT) -> Self | None:
        """The running kernel's, or a module's; None where it can't be had."""
        try:
            base = cls(_contents(under(root, "/sys/kernel/btf/vmlinux")))
            return cls(_contents(under(root, f"/sys/kernel/btf/{module}")), base) if module else base
        except (OSError, ValueError):
            return None

    def enumerator(self, name: str) -> int | None:
        """The value of an enumerator (an unsigned 32-bit one)."""
        for word, start in self._mentions(name):
            if self._kind(start) == ENUM and word > start and (word - start - HEAD_WORDS) % 2 == 0:
                return self.words[word + 1]
        return None

    def member_offset_bytes(self, structure: str, member: str) -> int | None:
        """Where in `struct structure` a direct member begins."""
        wanted = set(self.offsets(member))
        for start in self._places(structure):
            # Type numbers have no bits where the kind is: a word that is no type's first is never taken for one.
            if self._kind(start) != STRUCT:
                continue
            for at in range(start + HEAD_WORDS, start + HEAD_WORDS + 3 * self.members(start), 3):
                if self.words[at] in wanted:
                    return (self.words[at + 2] & 0xFFFFFF) // 8
        return None

    def size_bytes(self, structure: str) -> int | None:
        """How large `struct structure` is."""
        starts = (start for start in self._places(structure) if self._kind(start) == STRUCT)
        return next((self.words[start + 2] for start in starts), None)

    def function(self, name: str) -> tuple[int, int] | None:
        """The function's type number and how many arguments it takes."""
        if name not in self._functions:
            self._functions[name] = self._find_function(name)
        return self._functions[name]

    def named(self, name: str) -> Iterator[int]:
        """Structures and functions of this name, enumerations with such an enumerator: which ones, from 0."""
        for word, start in self._mentions(name):
            kind = self._kind(start)
            if (kind in (STRUCT, FUNC) and word == start) or (kind == ENUM and word > start):
                yield bisect_right(self.starts, start) - 1

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
        for word, start in self._mentions(name):
            if word == start and self._kind(start) == FUNC:
                number = bisect_right(self.starts, start) + self.first_number - 1
                return number, self._arguments(self.words[start + 2])
        return None

    def _arguments(self, prototype: int) -> int:
        owner: Btf = self
        while owner._base is not None and prototype < owner.first_number:
            owner = owner._base
        return owner.members(owner.starts[prototype - owner.first_number])

    def _mentions(self, name: str) -> list[tuple[int, int]]:
        """Words equal to that string's place, each with the start of the type it lies in."""
        return [(at, self.starts[bisect_right(self.starts, at) - 1]) for at in self._places(name)]

    def _places(self, name: str) -> list[int]:
        words = np.frombuffer(self.words, np.uint32)
        return [at for offset in self.offsets(name) for at in np.flatnonzero(words[:-1] == offset).tolist()]

    def offsets(self, name: str) -> list[int]:
        """Where the string is, in this object's strings and in those it builds on."""
        at = self._data.find(b"\0" + name.encode() + b"\0", self._strings_at, self._strings_stop)
        own = [] if at < 0 else [self._strings_before + at + 1 - self._strings_at]
        return own + (self._base.offsets(name) if self._base else [])

    def _kind(self, start: int) -> int:
        return self.words[start + 1] >> 24 & 0x1F

    def members(self, start: int) -> int:
        """How many members, enumerators or arguments the type at that word has."""
        return self.words[start + 1] & 0xFFFF

    @property
    def first_number(self) -> int:
        """The number of this object's first type."""
        return self._base.first_number + len(self._base.starts) if self._base else 1

    @cached_property
    def starts(self) -> array[int]:
        """The first word of each type."""
        starts, at = array("I"), 0
        for first in range(0, len(self.words) - 1, _PIECE_WORDS):
            sizes = self._sizes(first, first + _PIECE_WORDS)
            while at < first + len(sizes):
                starts.append(at)
                at += sizes[at - first]
        return starts

    @property
    def is_whole(self) -> bool:
        """Whether the last type ends where the types do."""
        if not self.starts:
            return False
        last = self.starts[-1]
        return last + self._sizes(last, last + 1)[0] == len(self.words)

    def _sizes(self, first: int, stop: int) -> memoryview:
        """What a type would take that began at a word, for each of these words: the walk itself then only adds.

        The last word begins none: what says how large a type is follows its first.
        """
        info = np.frombuffer(self.words, np.uint32)[first + 1 : stop + 1]
        kind = info >> 24 & 0x1F
        behind = np.array([_WORDS_BEHIND.get(number, 0) + HEAD_WORDS for number in range(32)], np.uint32)
        each = np.array([_WORDS_PER_MEMBER.get(number, 0) for number in range(32)], np.uint32)
        return memoryview(behind[kind] + each[kind] * (info & 0xFFFF))


def _contents(path: Path) -> bytes | mmap.mmap:
    """The kernel's own pages where it maps them, which takes no memory; else a copy. Raises OSError, ValueError.

    It does since Linux 6.16 (btf_sysfs_vmlinux_mmap(), kernel/bpf/sysfs_btf.c), privately and for reading only.
    """
    with path.open("rb") as file:
        try:
            return mmap.mmap(file.fileno(), os.fstat(file.fileno()).st_size, mmap.MAP_PRIVATE, mmap.PROT_READ)
        except OSError:
            return file.read()
