"""Names of functions and probe events without what tools add to them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_SYMBOL: Final = re.compile(
    r"(?:\w+:)?(?P<name>[^\s+:]+)(?:\+0x(?P<offset>[0-9a-fA-F]+)(?:/0x[0-9a-fA-F]+)?)?(?: \[[^\]]*\])?$"
)
_SUFFIX: Final = re.compile(r"\.(?:cfi_jt|cfi|llvm\.\d+|constprop\.\d+|isra\.\d+|part\.\d+|cold)")
_RAW: Final = re.compile(r"(?:0x)?[0-9a-fA-F]{8,16}$")
_PREFIX: Final = re.compile(r"^(?:p|kp|kprobe|fentry|r|rp|kr|krp|ret|kret|kretprobe|fexit)_+")
_EXIT_PREFIX: Final = re.compile(r"^(?:r|rp|kr|krp|ret|kret|kretprobe|fexit)_")
_MODULE: Final = re.compile(r"^(?:virtio_balloon|vb)_+")
"""ftrace names a probe after `virtio_balloon:leak_balloon` where it is given no name, with `_` for the colon."""
_EXIT: Final = re.compile(r"_+(?:return|returned|ret|exit|end|out|done)$")
_ENTRY: Final = re.compile(r"_+(?:entry|enter|begin|start|in)$")
_COMPILERS: Final = re.compile(r"_(?:cfi_jt|constprop|isra|part)(?:_\d+)?$")
_NUMBER: Final = re.compile(r"_\d+$")

ENTRY_BYTES: Final = 0x10
"""A probe this close to a function's start is on its entry: room for ENDBR64, the ftrace call and its padding."""


@dataclass(frozen=True)
class Place:
    """A place in the kernel's code: `name` is None for a bare address."""

    name: str | None
    offset: int = 0

    @property
    def is_entry(self) -> bool:
        """Whether a function starts here."""
        return self.name is not None and self.offset <= ENTRY_BYTES


@dataclass(frozen=True)
class Location:
    """Where a probe event says it was: `is_exit` for a return probe."""

    places: tuple[Place, ...]
    is_exit: bool


def plain_name(text: str) -> str:
    """A function as `%pS` prints it, without module and compiler's suffixes, and without an offset of 0."""
    match = _SYMBOL.match(text.strip())
    if match is None:
        return text.strip()
    name = _SUFFIX.sub("", match["name"])
    offset = int(match["offset"] or "0", 16)
    return f"{name}+{offset:#x}" if offset else name


def place(text: str) -> Place:
    """`leak_balloon+0x4/0x2a0 [virtio_balloon]` or `ffffffffc0899f60`."""
    match = _SYMBOL.match(text.strip())
    if match is None or _RAW.match(match["name"]):
        return Place(None)
    return Place(_SUFFIX.sub("", match["name"]), int(match["offset"] or "0", 16))


def location(text: str) -> Location:
    """What stands between a probe event's parentheses.

    ftrace prints a return as `caller <- function`, trace-cmd and perf as `function <- caller`: the function is the one
    without an offset, so that one comes first in `places`.
    """
    left, arrow, right = text.partition(" <- ")
    if not arrow:
        return Location((place(left),), is_exit=False)
    places = [place(right), place(left)]
    return Location(tuple(sorted(places, key=lambda each: (each.name is None, each.offset))), is_exit=True)


def without_group(name: str) -> str:
    """`probe:leak_balloon` and `vmscan:mm_shrink_slab_end` without what stands before the colon."""
    return name.rpartition(":")[2]


def undecorated(name: str) -> tuple[tuple[str, ...], bool]:
    """Names a probe event's name may stand for, the fullest first, and whether it says that it is a return."""
    base = without_group(name)
    core = _PREFIX.sub("", base, count=1)
    is_exit = _EXIT_PREFIX.match(base) is not None
    names = [base, core]
    for pattern in (_NUMBER, _EXIT, _ENTRY, _NUMBER, _COMPILERS, _COMPILERS):
        shorter = pattern.sub("", core, count=1)
        is_exit = is_exit or (pattern is _EXIT and shorter != core)
        core = shorter
        names.append(core)
    names += [_MODULE.sub("", name) for name in names]
    return tuple(dict.fromkeys(filter(None, names))), is_exit
