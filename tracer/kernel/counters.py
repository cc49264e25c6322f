"""The kernel's counters, read often and cheaply: /proc/vmstat, /proc/meminfo, memory pressure (PSI), VMware's balloon.

Names carry source and unit: `vmstat.pgscan_kswapd` (pages or events, as the kernel counts),
`meminfo.MemFree_bytes`, `psi.memory.some_total_us`, `vmmemctl.current_pages` (of 4 KiB).
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from ..schema import SAMPLE_NULL
from .paths import ROOT, under

VMSTAT: Final = re.compile(
    r"(pgscan|pgsteal|pgdemote|pgalloc|allocstall|workingset_refault|balloon|drop)_\w+|allocstall|workingset_refault|oom_kill|slabs_scanned"
    r"|nr_(free|anon|file|balloon)_pages|nr_(in)?active_(anon|file)|nr_slab_\w+|nr_unevictable|nr_shmem|nr_dirty|nr_writeback"
    r"|nr_kernel_misc_reclaimable|nr_throttled_written|compact_(stall|fail|success)|pgmajfault|pswp(in|out)|pageoutrun"
    r"|kswapd_(low|high)_wmark_hit_quickly"
)
"""Counters of /proc/vmstat worth a sample."""

MEMINFO: Final = (
    "MemTotal",
    "MemFree",
    "MemAvailable",
    "Buffers",
    "Cached",
    "SwapCached",
    "SwapTotal",
    "SwapFree",
    "AnonPages",
    "Shmem",
    "SReclaimable",
    "SUnreclaim",
    "Balloon",
)
"""Lines of /proc/meminfo worth a sample."""

_VMWARE: Final = "/sys/kernel/debug/vmmemctl"
"""What VMware's balloon driver says of itself: vmballoon_debug_show() in drivers/misc/vmw_balloon.c. Where it is not,
there is no such balloon, or debugfs is not for us."""

_EXPECTED_VMSTAT: Final = ("balloon_inflate", "balloon_deflate", "nr_balloon_pages", "oom_kill", "drop_slab")
_BUFFER_BYTES: Final = 32 * 1024
_ALL: Final = _BUFFER_BYTES
"""More reads than it takes to fill the buffer."""


@dataclass
class _Source:
    """One /proc file kept open; `scale` is a unit of the file in the counters' unit.

    `calls` is how many reads brought all of it last time: one more, which would bring nothing, is left out.
    """

    path: Path
    fd: int
    scale: int
    names: tuple[str, ...]
    positions: tuple[int, ...]
    tokens: int
    calls: int

    def read(self, buffer: bytearray) -> list[int]:
        """The counters' values now. Raises OSError where the file can't be read or has changed its shape."""
        tokens, _ = _tokens(self.fd, buffer, self.calls)
        if len(tokens) != self.tokens:
            tokens, self.calls = _tokens(self.fd, buffer)
        if len(tokens) != self.tokens:
            raise OSError(errno.EIO, "its format has changed")
        values = map(int, itemgetter(*self.positions)(tokens))
        return list(values) if self.scale == 1 else [value * self.scale for value in values]


class CounterReader:
    """Reads a fixed set of counters in one call, a tenth of a millisecond or so.

    `names` are the counters of one reading, in order; `reasons` says for each wanted counter or source that is not
    among them, or could not be read later, why. Never raises for a missing source. Not thread-safe.
    """

    def __init__(self, root: Path = ROOT) -> None:
        self.reasons: dict[str, str] = {}
        self._buffer = bytearray(_BUFFER_BYTES)
        opened = (
            self._open_vmstat(root),
            self._open_meminfo(root),
            self._open_pressure(root),
            self._open_vmware(root),
        )
        self._sources = tuple(source for source in opened if source is not None)
        self.names: tuple[str, ...] = tuple(name for source in self._sources for name in source.names)

    def read(self) -> npt.NDArray[np.int64]:
        """One reading, shape (len(names),); SAMPLE_NULL where a counter could not be read this time."""
        values: list[int] = []
        for source in self._sources:
            try:
                values += source.read(self._buffer)
            except (OSError, ValueError) as error:
                self.reasons[str(source.path)] = f"could not be read: {_why(error)}"
                values += [SAMPLE_NULL] * len(source.names)
        return _as_int64(values)

    def close(self) -> None:
        """Close the files; idempotent."""
        for source in self._sources:
            with suppress(OSError):
                os.close(source.fd)
        self._sources = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open_vmstat(self, root: Path) -> _Source | None:
        lines = self._open(under(root, "/proc/vmstat"), "vmstat")
        if lines is None:
            return None
        tokens = lines[1]
        present = {name.decode(): position + 1 for position, name in enumerate(tokens) if not position % 2}
        self._note_absent("vmstat.", (name for name in _EXPECTED_VMSTAT if name not in present), "/proc/vmstat")
        chosen = {f"vmstat.{name}": position for name, position in present.items() if VMSTAT.fullmatch(name)}
        return self._source(under(root, "/proc/vmstat"), lines, chosen)

    def _open_meminfo(self, root: Path) -> _Source | None:
        lines = self._open(under(root, "/proc/meminfo"), "meminfo")
        if lines is None:
            return None
        tokens = lines[1]
        present = {token[:-1].decode(): position + 1 for position, token in enumerate(tokens) if token.endswith(b":")}
        absent = (f"{name}_bytes" for name in MEMINFO if name not in present)
        self._note_absent("meminfo.", absent, "/proc/meminfo")
        chosen = {f"meminfo.{name}_bytes": present[name] for name in MEMINFO if name in present}
        return self._source(under(root, "/proc/meminfo"), lines, chosen, scale=1024)

    def _open_pressure(self, root: Path) -> _Source | None:
        lines = self._open(under(root, "/proc/pressure/memory"), "psi.memory")
        if lines is None:
            return None
        tokens = lines[1]
        chosen: dict[str, int] = {}
        level = ""
        for position, token in enumerate(tokens):
            if token in (b"some", b"full"):
                level = token.decode()
            elif token == b"total":
                chosen[f"psi.memory.{level}_total_us"] = position + 1
        return self._source(under(root, "/proc/pressure/memory"), lines, chosen)

    def _open_vmware(self, root: Path) -> _Source | None:
        path = under(root, _VMWARE)
        if not _is_there(path) or (lines := self._open(path, "vmmemctl")) is None:
            return None
        tokens = lines[1]
        # `target:  8 pages` in older kernels, `target  :  8` in newer ones; further down commands have that name, too.
        words = [token.rstrip(b":") for token in tokens]
        at = {name: words.index(name) for name in (b"target", b"current") if name in words}
        places = {name: place + 1 + (tokens[place + 1 : place + 2] == [b":"]) for name, place in at.items()}
        return self._source(path, lines, {f"vmmemctl.{name.decode()}_pages": at for name, at in places.items()})

    def _open(self, path: Path, name: str) -> tuple[int, list[bytes], int] | None:
        fd = -1
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            return fd, *_tokens(fd, self._buffer)
        except OSError as error:
            if fd >= 0:
                os.close(fd)
            self.reasons[name] = _why_pressure(error) if name.startswith("psi.") else f"{path}: {error.strerror}"
            return None

    def _source(
        self, path: Path, opened: tuple[int, list[bytes], int], chosen: dict[str, int], scale: int = 1
    ) -> _Source | None:
        fd, tokens, calls = opened
        if len(chosen) < 2:
            os.close(fd)
            self.reasons[str(path)] = "has none of the expected counters"
            return None
        return _Source(path, fd, scale, tuple(chosen), tuple(chosen.values()), len(tokens), calls)

    def _note_absent(self, prefix: str, names: Iterable[str], path: str) -> None:
        self.reasons.update({prefix + name: f"this kernel's {path} has no such line" for name in names})


def pressure_state(root: Path = ROOT) -> str:
    """Why memory pressure (PSI) can't be sampled, in a few words; empty where it can."""
    try:
        under(root, "/proc/pressure/memory").read_bytes()
    except OSError as error:
        return _why_pressure(error)
    return ""


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:
        return False


def _tokens(fd: int, buffer: bytearray, most_calls: int = _ALL) -> tuple[list[bytes], int]:
    """The file's words, and how many reads brought them; of the whole file, or what so many reads bring."""
    view, length, calls = memoryview(buffer), 0, 0
    # A seq_file hands over whole lines, at most a page a call, and goes on for free where the last call ended.
    while calls < most_calls and (got := os.preadv(fd, (view[length:],), length)):
        length += got
        calls += 1
    return bytes(view[:length]).replace(b"=", b" ").split(), calls


def _as_int64(values: list[int]) -> npt.NDArray[np.int64]:
    try:
        return np.array(values, np.int64)
    except OverflowError:
        limit = np.iinfo(np.int64).max
        return np.array([value if value <= limit else SAMPLE_NULL for value in values], np.int64)


def _why_pressure(error: OSError) -> str:
    if error.errno == errno.EOPNOTSUPP:
        return "PSI is switched off: boot with psi=1 on the kernel command line"
    if error.errno == errno.ENOENT:
        return "this kernel has no PSI (CONFIG_PSI)"
    return f"/proc/pressure/memory: {error.strerror}"


def _why(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
