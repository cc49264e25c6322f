"""The kernel's types in bytes, written after Documentation/bpf/btf.rst."""

from __future__ import annotations

import struct

INT, STRUCT, ENUM, FUNC, FUNC_PROTO = 1, 4, 6, 12, 13


class Writer:
    """Types with their strings; those of a module continue the numbers and strings of the kernel's."""

    def __init__(self, strings_before: int = 0) -> None:
        self.strings = b"\0"
        self.types = b""
        self._before = strings_before
        self._count = 0

    def string(self, text: str) -> int:
        at = len(self.strings)
        self.strings += text.encode() + b"\0"
        return self._before + at

    def type(self, name: str, kind: int, members: int, third: int, *words: int) -> None:
        self._count += 1
        head = self.string(name) if name else 0
        self.types += struct.pack(f"={3 + len(words)}I", head, kind << 24 | members, third, *words)

    def data(self) -> bytes:
        head = struct.pack("=HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(self.types), len(self.types), len(self.strings))
        return head + self.types + self.strings

    def structure(self, name: str, size: int, **members: int) -> None:
        """A structure with its members' places in bytes; what they are is not said."""
        words = [word for member, at in members.items() for word in (self.string(member), 1, 8 * at)]
        self.type(name, STRUCT, len(members), size, *words)

    def enumeration(self, name: str, **values: int) -> None:
        words = [word for enumerator, value in values.items() for word in (self.string(enumerator), value)]
        self.type(name, ENUM, len(values), 4, *words)

    def function(self, name: str, arguments: int) -> None:
        self.type("", FUNC_PROTO, arguments, 1, *([0, 1] * arguments))
        self.type(name, FUNC, 0, self.types_written)

    @property
    def types_written(self) -> int:
        return self._count
