"""What the fuzzers watch for is found when it happens."""

from __future__ import annotations

import mmap
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable

import pytest
import watching
from watching import watched

MIB = 1 << 20


def print_(text: str, stream: str) -> str:
    getattr(sys, stream).write(text)
    return "done"


def write_below_python(stream: int) -> str:
    os.write(stream, b"a library's words")
    return "done"


def warn() -> str:
    warnings.warn("deprecated", DeprecationWarning, stacklevel=1)
    return "done"


@pytest.mark.parametrize(
    ("try_input", "said"),
    [
        pytest.param(lambda: print_("hello", "stdout"), "printed 'hello'", id="output"),
        pytest.param(lambda: print_("Warning: x", "stderr"), "printed 'Warning: x'", id="errors"),
        pytest.param(lambda: write_below_python(1), 'printed "a library\'s words"', id="a library's output"),
        pytest.param(lambda: write_below_python(2), 'printed "a library\'s words"', id="a library's errors"),
    ],
)
def test_what_is_printed_is_a_finding(try_input: Callable[[], str], said: str):
    with pytest.raises(AssertionError, match=said):
        watched(try_input)


def test_a_warning_is_a_finding_and_so_is_what_is_raised():
    with pytest.raises(DeprecationWarning):
        watched(warn)
    with pytest.raises(ZeroDivisionError):
        watched(lambda: str(1 // 0))


def test_memory_that_was_freed_again_counts(monkeypatch: pytest.MonkeyPatch):
    def take(mib: int) -> str:
        """In pages of its own: malloc may have memory at hand that others freed."""
        with mmap.mmap(-1, mib * MIB) as pages:
            for _ in range(mib):
                pages.write(b"\1" * MIB)
            return str(pages.tell())

    monkeypatch.setattr(watching, "MOST_GROWTH_BYTES", 32 * MIB)
    with pytest.raises(AssertionError, match="MiB more"):
        watched(lambda: take(64))
    assert watched(lambda: take(16)).growth_bytes < 32 * MIB, "the peak of the input before"


def test_time_of_the_process_and_of_its_children_counts(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(watching, "MOST_CPU_S", 0.0)
    with pytest.raises(AssertionError, match="s of CPU time"):
        watched(lambda: str(sum(range(100_000))))
    monkeypatch.setattr(watching, "MOST_CPU_S", 60.0)
    busy = [sys.executable, "-S", "-c", "import time\nwhile time.process_time() < 0.2: pass"]
    assert watched(lambda: str(subprocess.run(busy, check=True).returncode)).cpu_s > 0.15


def test_what_does_not_end_is_a_finding(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(watching, "MOST_WALL_S", 1)
    with pytest.raises(AssertionError, match="did not end"):
        watched(lambda: str(signal.pause()))
