"""Building and running the load (generator.c)."""

from __future__ import annotations

import secrets
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

SOURCE = Path(__file__).with_name("generator.c")
_MAX_THREADS = 64
TRACEPOINT = "raw_syscalls:sys_enter"


@dataclass(frozen=True)
class ThreadResult:
    """What one thread did: exactly `calls` calls that carry sequence numbers 0 to calls - 1."""

    thread: int
    tid: int
    cpu: int
    calls: int
    elapsed_ns: int
    cpu_ns: int


def build_generator(directory: Path) -> Path:
    """Compile it with the C compiler; a tenth of a second. Raises CalledProcessError."""
    binary = directory / "storm-generator"
    subprocess.run(["gcc", "-O2", "-Wall", "-Werror", "-pthread", "-o", binary, SOURCE], check=True)
    return binary


def new_token() -> int:
    """A number that no other run's calls carry."""
    return secrets.randbits(62) | 1 << 62


class Generator:
    """The load's process, its threads up and waiting inside the `with` block until `go`."""

    def __init__(
        self,
        binary: Path,
        token: int,
        cpus: Sequence[int],
        *,
        calls: int = 0,
        seconds: float = 0.0,
        rate: int = 0,
        windowed: bool = False,
        first: int = 0,
    ) -> None:
        """`calls` for each thread, or as many as fit into `seconds`; `rate` bounds calls a second and thread.

        `windowed`: no thread goes on beyond what `allow` last said, so that nothing is lost by construction.
        `first`: so many calls of each thread before these, made by `go_first`, in no result.
        """
        self._window = tempfile.NamedTemporaryFile(prefix="storm-window-")  # noqa: SIM115 - closed by __exit__
        self._window.truncate(_MAX_THREADS * 8)
        self._allowed = np.memmap(self._window, np.uint64, "r+")
        shown = ["--window", self._window.name] if windowed else []
        amount = ["--calls", str(calls)] if calls else ["--seconds", str(seconds)]
        placed = ["--token", str(token), "--cpus", ",".join(map(str, cpus)), "--rate", str(rate), "--first", str(first)]
        self.process = subprocess.Popen(
            [binary, *placed, *amount, *shown], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._heard("ready")

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def go_first(self) -> None:
        """Have the first calls made; they are over."""
        self.go()
        self._heard("first")

    def go(self) -> None:
        """Let the threads run."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def allow(self, thread: int, calls: int) -> None:
        """Raise a thread's window to so many calls since its start; at least 64 more than it made let it go on."""
        self._allowed[thread] = calls

    def results(self) -> list[ThreadResult]:
        """Wait for the end; what each thread did."""
        output, _ = self.process.communicate()
        assert self.process.returncode == 0
        return [ThreadResult(*map(int, line.split())) for line in output.splitlines()]

    def _heard(self, word: str) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == f"{word}\n"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self.ended:
            self.process.kill()
            self.process.communicate()
        self._window.close()
