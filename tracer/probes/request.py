"""What is to be compiled and loaded, and what came of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class LoadRequest:
    """What to compile: text, compiler flags, the tree with `include/`; which maps, and programs with their bcc type.

    `traced` are programs for one function each: a name for it, the program's, whether for the return, the function's
    number in BTF, and its module, if any. `source_flags` add programs and fields: compiled programs that have more of
    them will do. `release` and `machine` are uname's of the kernel that they are for. `boot_values` are constants by
    number (`boot_constants`), `map_entries` sizes of maps by name: neither is compiled in.
    """

    text: str
    flags: Sequence[str]
    kernel_source: str
    maps: Sequence[str]
    programs: Sequence[tuple[str, str]]
    traced: Sequence[tuple[str, str, bool, int, str | None]] = ()
    source_flags: Sequence[str] = ()
    release: str = field(default_factory=lambda: os.uname().release)
    machine: str = field(default_factory=lambda: os.uname().machine)
    boot_values: Mapping[int, int] = field(default_factory=dict)
    map_entries: Mapping[str, int] = field(default_factory=dict)

    @property
    def source_digest(self) -> str:
        """SHA-256, in hex, of the text and of every header that it may include."""
        directory, digest = Path(self.kernel_source), hashlib.sha256(self.text.encode())
        for path in sorted(directory.rglob("*.h")):
            digest.update(f"\n{path.relative_to(directory)}\n".encode() + path.read_bytes())
        return digest.hexdigest()

    @property
    def wanted(self) -> frozenset[str]:
        """Names of the programs that are needed."""
        return frozenset((*(name for name, _ in self.programs), *(traced[1] for traced in self.traced)))


@dataclass
class Loaded:
    """Descriptors by name, this process's own, and each refused program's reason. Close frees what is not attached.

    `way` is how the programs came: `compiled`, `cache` or `file`.
    """

    maps: dict[str, int] = field(default_factory=dict)
    programs: dict[str, int] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)
    way: str = ""

    def close(self) -> None:
        """Close every descriptor; idempotent."""
        for group in (self.maps, self.programs):
            while group:
                os.close(group.popitem()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
