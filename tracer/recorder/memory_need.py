"""What a recording takes of the machine's memory, by what takes it."""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from ..buffer_sizes import packing_bytes
from ..kernel.paths import ROOT, read_text
from ..probes.compiling import COMPILER_BYTES
from .footprint import FILE_BYTES, RUNNING_BYTES, RUNNING_FILE_BYTES, STARTING_BYTES

MIB: Final = 1 << 20


@dataclass(frozen=True)
class MemoryNeed:
    """Bytes. While it starts: compiler, tracer and the kernel's buffers; while it runs: tracer, buffers and queue."""

    compiler: int
    starting: int
    running: int
    buffer: int
    queue: int
    load: int = 0

    @classmethod
    def of(
        cls,
        *,
        compiles: bool,
        buffer_bytes: int,
        queue_bytes: int,
        load_bytes: int = 0,
        another: bool = False,
        root: Path = ROOT,
    ) -> Self:
        """From now on: what this process has already is not available any more, and not needed again.

        `another` process would need all of it.
        """
        anonymous, of_files = (0, 0) if another else _held_bytes(root)
        return cls(
            compiler=COMPILER_BYTES if compiles else 0,
            starting=max(0, STARTING_BYTES - anonymous) + max(0, FILE_BYTES - of_files),
            running=max(0, RUNNING_BYTES - anonymous) + max(0, RUNNING_FILE_BYTES - of_files),
            buffer=buffer_bytes,
            queue=queue_bytes + packing_bytes(queue_bytes),
            load=load_bytes,
        )

    @property
    def peak_bytes(self) -> int:
        """At the worst moment."""
        return sum(self._parts.values())

    def __str__(self) -> str:
        """`191 MiB (compiler 144, tracer 31, buffers 16)`."""
        said = ", ".join(f"{name} {mib(size)}" for name, size in self._parts.items() if size)
        return f"{mib(self.peak_bytes)} MiB ({said})"

    @property
    def _parts(self) -> dict[str, int]:
        """Of the worst moment."""
        start = {"compiler": self.compiler, "tracer": self.starting, "buffers": self.buffer}
        run = {"tracer": self.running, "buffers": self.buffer + self.queue}
        worst = max(start, run, key=lambda parts: sum(parts.values()))
        return worst | {"load": self.load}


def mib(size_bytes: int) -> str:
    """Rounded up."""
    return f"{-(-size_bytes // MIB):,}"


def _held_bytes(root: Path) -> tuple[int, int]:
    """Anonymous memory of this process and its pages of files (proc_pid_statm(5)); none where nobody tells."""
    words = (read_text(root, "/proc/self/statm") or "").split()[:3]
    if len(words) < 3 or not all(word.isascii() and word.isdigit() for word in words):
        return 0, 0
    resident, shared = (int(word) * mmap.PAGESIZE for word in words[1:])
    return max(0, resident - shared), shared
