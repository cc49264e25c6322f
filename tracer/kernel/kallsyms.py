"""Kernel symbols from /proc/kallsyms, in one pass over the file and without keeping it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from .capabilities import Capability, effective_capabilities
from .paths import ROOT, read_text, under

_TEXT_TYPES: Final = frozenset((b"t", b"T", b"w", b"W"))
_MAX_OFFSET: Final = 1 << 20
"""No kernel function is this long: an address farther behind its symbol belongs to no known one."""
_PROBED_SYMBOLS: Final = 64

_Label = tuple[bytes, str | None]
_NO_LABEL: Final[_Label] = (b"", None)


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
    for parts in _lines(root):
        if parts[2] in wanted:
            symbol = Symbol(parts[2].decode(), int(parts[0], 16), _module(parts))
            found[symbol.name] = (*found.get(symbol.name, ()), symbol)
    return found


def resolve(addresses: Iterable[int], root: Path = ROOT) -> dict[int, str]:
    """The function at each address as `name`, `name+0x10` or `name [module]`; unknown addresses have no entry."""
    targets = sorted(set(addresses))
    starts = [0] * len(targets)
    labels = [_NO_LABEL] * len(targets)
    for parts in _lines(root) if targets else ():
        if parts[1] not in _TEXT_TYPES:
            continue
        start = int(parts[0], 16)
        # Only the first target at or after a symbol needs it here: later ones inherit below.
        position = bisect_left(targets, start)
        if position < len(targets) and start > starts[position]:
            starts[position] = start
            labels[position] = (parts[2], _module(parts))
    return dict(_inherit(targets, starts, labels))


def why_hidden(root: Path = ROOT) -> str:
    """Why symbol addresses can't be had, in a few words; empty where they can."""
    try:
        under(root, "/proc/kallsyms").open("rb").close()
    except FileNotFoundError:
        return "the kernel has no /proc/kallsyms (CONFIG_KALLSYMS)"
    except OSError as error:
        return f"/proc/kallsyms: {error.strerror}"
    text = (parts for parts in _lines(root) if parts[1] in _TEXT_TYPES)
    if any(parts[0].strip(b"0") for parts in islice(text, _PROBED_SYMBOLS)):
        return ""
    if setting := hidden_by_kernel(root):
        return f"the kernel hides addresses from everybody ({setting.replace('=1', ' is 2')})"
    held = effective_capabilities(root)
    if held and Capability.CAP_SYSLOG not in held:
        return "CAP_SYSLOG is missing, so the kernel hides addresses"
    return "the kernel shows every address as 0 (not root, or kernel.kptr_restrict)"


def hidden_by_kernel(root: Path = ROOT) -> str:
    """The setting with which even root would see addresses, where the one in force keeps them from it; else empty."""
    return "kernel.kptr_restrict=1" if read_text(root, "/proc/sys/kernel/kptr_restrict") == "2" else ""


def _inherit(targets: list[int], starts: list[int], labels: list[_Label]) -> Iterator[tuple[int, str]]:
    start, label = 0, _NO_LABEL
    for target, own_start, own_label in zip(targets, starts, labels, strict=True):
        if own_start:
            start, label = own_start, own_label
        offset = target - start
        if start and offset < _MAX_OFFSET:
            yield target, _describe(label[0].decode(errors="replace"), offset, label[1])


def _describe(name: str, offset: int, module: str | None) -> str:
    place = f"{name}+{offset:#x}" if offset else name
    return f"{place} [{module}]" if module else place


def _lines(root: Path) -> Iterator[list[bytes]]:
    """Address, type, name and, where there is one, `[module]`; nothing where the file can't be read."""
    try:
        with under(root, "/proc/kallsyms").open("rb") as file:
            for line in file:
                parts = line.split()
                if len(parts) >= 3:
                    yield parts
    except OSError:
        return


def _module(parts: list[bytes]) -> str | None:
    return parts[3].strip(b"[]").decode() if len(parts) > 3 else None
