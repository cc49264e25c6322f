"""Compiling programs with bcc, without its habits: no auto-attach, no talk on stderr.

Heavy: tracing does this in a child process (`child.py`).
"""

from __future__ import annotations

import atexit
import ctypes
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from ..errors import CannotTraceError
from .finder import load_bcc

_UNWANTED_ENVIRONMENT: Final = ("ARCH", "BCC_LINUX_VERSION_CODE", "BCC_KERNEL_MODULES_SUFFIX")
"""What changes libbcc's target or makes it print to stdout: src/cc/frontends/clang/loader.cc of bcc."""


class CompileError(CannotTraceError):
    """The programs don't compile here; `log` is the compiler's whole output."""

    def __init__(self, message: str, log: str) -> None:
        super().__init__(message)
        self.log = log


class Module:
    """Compiled programs; `close` frees them and the maps that bcc has made for them."""

    def __init__(self, text: str, flags: Sequence[str], kernel_source: Path) -> None:
        """Raises CompileError, and CannotTraceError where there is no bcc."""
        bcc = load_bcc()
        self._lib = bcc.lib
        self.compiler = f"bcc {getattr(bcc, '__version__', '')}".strip()
        self._bpf = _compile(bcc.BPF, text, flags, kernel_source)
        self._lib.bpf_num_tables.argtypes = [ctypes.c_void_p]
        self._lib.bpf_num_tables.restype = ctypes.c_size_t
        self._lib.bpf_table_name.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        self._lib.bpf_table_name.restype = ctypes.c_char_p

    def maps(self) -> dict[str, int]:
        """The maps' descriptors by name, which stay the module's."""
        module = self._bpf.module
        names = [self._lib.bpf_table_name(module, number) for number in range(self._lib.bpf_num_tables(module))]
        return {name.decode(): int(self._lib.bpf_table_fd(module, name)) for name in names}

    def programs(self) -> dict[str, bytes]:
        """Each program's instructions, with the maps' descriptors in them."""
        module = self._bpf.module
        names = [self._lib.bpf_function_name(module, number) for number in range(self._lib.bpf_num_functions(module))]
        return {name.decode(): self._instructions(name) for name in names}

    def close(self) -> None:
        """Free programs and maps; idempotent."""
        self._bpf.cleanup()

    def _instructions(self, name: bytes) -> bytes:
        start = self._lib.bpf_function_start(self._bpf.module, name)
        return ctypes.string_at(start, self._lib.bpf_function_size(self._bpf.module, name))


def _compile(base: Any, text: str, flags: Sequence[str], kernel_source: Path) -> Any:  # noqa: ANN401 - bcc is untyped
    class Programs(base):  # type: ignore[misc]
        def _trace_autoload(self) -> None:
            pass

    with _environment(kernel_source), _captured_stderr() as said:
        try:
            programs = Programs(text=text.encode(), cflags=list(flags))
        except Exception as error:  # noqa: BLE001 - bcc raises bare Exceptions
            failure = str(error)
        else:
            atexit.unregister(programs.cleanup)
            return programs
    log = said()
    raise CompileError(f"bcc cannot compile the BPF programs: {_first_error(log) or failure}", log)


@contextmanager
def _environment(kernel_source: Path) -> Iterator[None]:
    changed = ("BCC_KERNEL_SOURCE", *_UNWANTED_ENVIRONMENT)
    before = {name: os.environ.pop(name) for name in changed if name in os.environ}
    os.environ["BCC_KERNEL_SOURCE"] = str(kernel_source)
    try:
        yield
    finally:
        del os.environ["BCC_KERNEL_SOURCE"]
        os.environ.update(before)


@contextmanager
def _captured_stderr() -> Iterator[Any]:
    """Catch what libraries write to descriptor 2; yields a function that returns it, also afterwards."""
    with os.fdopen(os.memfd_create("stderr"), "rb") as file:
        text = ""

        def said() -> str:
            return text

        sys.stderr.flush()
        saved = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield said
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            file.seek(0)
            text = file.read().decode(errors="replace")


def _first_error(log: str) -> str:
    errors = (line.strip() for line in log.splitlines() if "error:" in line)
    return next(errors, "")
