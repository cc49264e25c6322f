"""Kernel symbols from /proc/kallsyms, in one pass over the file and without keeping it.

The table has more than a hundred thousand lines: they are looked at in pieces, and only those asked for one by one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from .capabilities import Capability, effective_capabilities
from .paths import ROOT, read_text, under

_TEXT_TYPES: Final = b"tTwW"
_IS_TEXT: Final = np.zeros(256, np.bool_)
_IS_TEXT[np.frombuffer(_TEXT_TYPES, np.uint8)] = True
_MAX_OFFSET: Final = 1 << 20
"""No kernel function is this long: an address farther behind its symbol belongs to no known one."""
_PROBED_SYMBOLS: Final = 64
_PIECE_BYTES: Final = 1 << 16
_DIGITS: Final = np.zeros(256, np.uint8)
_DIGITS[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)


@dataclass(frozen=True)
class Symbol:
    """One symbol; `address` is 0 where the kernel hides addresses, `module` None for the kernel itself."""

    name: str
    address: int
    module: str | None = None


def find_symbols(names: Collection[str], root: Path = ROOT) -> dict[str, tuple[Symbol, ...]]:
    """Symbols of exactly these names; a static function can occur more than once. Names not there have no entry.

    The compiler's parts of a function (`name.cold`, `name.isra.0`, `name.cfi_jt`) are other names.
    """
    wanted = {name.encode() for name in names}
    found: dict[str, tuple[Symbol, ...]] = {}
    for piece in _pieces(root):
        if wanted.isdisjoint(piece.split()):
            continue
        for parts in _lines(piece):
            if parts[2] in wanted:
                symbol = Symbol(parts[2].decode(), int(parts[0], 16), _module(parts))
                found[symbol.name] = (*found.get(symbol.name, ()), symbol)
    return found


def resolve(addresses: Iterable[int], root: Path = ROOT) -> dict[int, str]:
    """The function at each address as `name`, `name+0x10` or `name [module]`; unknown addresses have no entry."""
    resolution = Resolution(addresses, root)
    while resolution.step():
        pass
    return resolution.names()


class Resolution:
    """The same in steps of a few ms, for whoever can't be away for the twentieth of a second that all of it takes."""

    def __init__(self, addresses: Iterable[int], root: Path = ROOT) -> None:
        self._targets = np.array(sorted(set(addresses)), np.uint64)
        self._starts = np.zeros(len(self._targets), np.uint64)
        self._lines = [b""] * len(self._targets)
        self._pieces = _pieces(root) if self._lines else iter(())

    def step(self) -> bool:
        """Look at the table's next piece; False where there was none left."""
        for piece in self._pieces:
            _take_nearer(piece, self._targets, self._starts, self._lines)
            return True
        return False

    def names(self) -> dict[int, str]:
        """The nearest function before each address, of the pieces so far."""
        offsets = (self._targets - self._starts).tolist()
        return {
            target: _describe(line, offset)
            for target, line, offset in zip(self._targets.tolist(), self._lines, offsets, strict=True)
            if line and offset < _MAX_OFFSET
        }


def why_hidden(root: Path = ROOT) -> str:
    """Why symbol addresses can't be had, in a few words; empty where they can."""
    try:
        under(root, "/proc/kallsyms").open("rb").close()
    except FileNotFoundError:
        return "the kernel has no /proc/kallsyms (CONFIG_KALLSYMS)"
    except OSError as error:
        return f"/proc/kallsyms: {error.strerror}"
    text = (parts for piece in _pieces(root) for parts in _lines(piece) if parts[1] in _TEXT_TYPES)
    if any(parts[0].strip(b"0") for parts in islice(text, _PROBED_SYMBOLS)):
        return ""
    if setting := hidden_by_kernel(root):
        return f"the kernel hides addresses from everyone ({setting.replace('=1', ' is 2')})"
    held = effective_capabilities(root)
    if held and Capability.CAP_SYSLOG not in held:
        return "CAP_SYSLOG is missing, so the kernel hides addresses"
    return "the kernel shows every address as 0 (not root, or kernel.kptr_restrict)"


def hidden_by_kernel(root: Path = ROOT) -> str:
    """The setting with which even root would see addresses, where the one in force keeps them from it; else empty."""
    return "kernel.kptr_restrict=1" if read_text(root, "/proc/sys/kernel/kptr_restrict") == "2" else ""


def _take_nearer(
    piece: bytes, targets: npt.NDArray[np.uint64], starts: npt.NDArray[np.uint64], lines: list[bytes]
) -> None:
    """Where the piece has a function that begins nearer before a target than `starts`, keep its start and its line."""
    begins, found = _functions(piece)
    if not len(found):
        return
    order = np.argsort(found, kind="stable")
    begins, found = begins[order], found[order]
    before = np.searchsorted(found, targets, "right") - 1
    # Of several names of one function the first in the table is taken.
    nearest = np.searchsorted(found, found[before], "left")
    for place in np.flatnonzero((before >= 0) & (found[nearest] > starts)).tolist():
        starts[place] = found[nearest[place]]
        begin = int(begins[nearest[place]])
        lines[place] = piece[begin : piece.index(b"\n", begin)]


def _functions(piece: bytes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]:
    """Where the functions' lines begin in a piece, and their addresses."""
    text = np.frombuffer(piece, np.uint8)
    ends = np.flatnonzero(text == ord("\n"))
    begins = np.concatenate(([0], ends[:-1] + 1))
    width = piece.index(b" ")
    begins = begins[_IS_TEXT[text[begins + width + 1]]]
    digits = _DIGITS[np.stack([text[begins + place] for place in range(width)], axis=1)]
    addresses = np.zeros((len(begins), 8), np.uint8)
    addresses[:, 8 - width // 2 :] = digits[:, 0::2] << 4 | digits[:, 1::2]
    return begins, addresses.view(">u8").ravel().astype(np.uint64)


def _describe(line: bytes, offset: int) -> str:
    parts = line.split()
    name, module = parts[2].decode(errors="replace"), _module(parts)
    place = f"{name}+{offset:#x}" if offset else name
    return f"{place} [{module}]" if module else place


def _pieces(root: Path) -> Iterator[bytes]:
    """The table in pieces of whole lines; nothing where the file can't be read."""
    rest = b""
    try:
        with under(root, "/proc/kallsyms").open("rb") as file:
            while read := file.read(_PIECE_BYTES):
                whole, newline, rest = (rest + read).rpartition(b"\n")
                if newline:
                    yield whole + newline
    except OSError:
        return


def _lines(piece: bytes) -> Iterator[list[bytes]]:
    """Address, type, name and, where there is one, `[module]`."""
    for line in piece.splitlines():
        parts = line.split()
        if len(parts) >= 3:
            yield parts


def _module(parts: list[bytes]) -> str | None:
    return parts[3].strip(b"[]").decode() if len(parts) > 3 else None
