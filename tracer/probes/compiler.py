"""Compiling and loading programs with bcc, one by one and without its habits: no auto-attach, no talk on stderr.

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
from . import syscalls
from .finder import load_bcc

_UNWANTED_ENVIRONMENT: Final = ("ARCH", "BCC_LINUX_VERSION_CODE", "BCC_KERNEL_MODULES_SUFFIX")
"""What changes libbcc's target or makes it print to stdout: src/cc/frontends/clang/loader.cc of bcc."""

TRACEPOINT: Final = "TRACEPOINT"
RAW_TRACEPOINT: Final = "RAW_TRACEPOINT"
KPROBE: Final = "KPROBE"


class CompileError(CannotTraceError):
    """The programs don't compile here; `log` is the compiler's whole output."""

    def __init__(self, message: str, log: str) -> None:
        super().__init__(message)
        self.log = log


class LoadError(Exception):
    """The kernel refused one program or its attachment; the message is one line, `log` the whole story."""

    def __init__(self, message: str, log: str) -> None:
        super().__init__(message)
        self.log = log


class Module:
    """Compiled programs. Load each by name; `close` frees programs and maps."""

    def __init__(self, text: str, flags: Sequence[str], kernel_source: Path) -> None:
        bcc = load_bcc()
        self._lib = bcc.lib
        self._bpf = _compile(bcc.BPF, text, flags, kernel_source)

    def map_fd(self, name: bytes) -> int:
        """The map's descriptor, which stays the module's."""
        return int(self._lib.bpf_table_fd(self._bpf.module, name))

    def load(self, program: str, program_type: str = TRACEPOINT) -> int:
        """Hand a program to the kernel's verifier; its descriptor stays the module's. Raises LoadError.

        `program_type` is bcc's name for it: a constant of its `BPF` class.
        """
        with _captured_stderr() as said:
            try:
                return int(self._bpf.load_func(program.encode(), getattr(self._bpf, program_type)).fd)
            except Exception as error:  # noqa: BLE001 - bcc raises bare Exceptions
                reason = str(error)
        raise LoadError(reason, said())

    def load_traced(self, program: str, type_number: int, module: str | None, *, on_return: bool) -> int:
        """The same for a function's entry or return; the descriptor is the caller's. Raises LoadError.

        bcc can do that too, but finds the function by the program's name, which each version wants spelt differently,
        and old ones find none in modules.
        """
        start = self._lib.bpf_function_start(self._bpf.module, program.encode())
        size = self._lib.bpf_function_size(self._bpf.module, program.encode())
        if not start:
            raise LoadError("no such program", "")
        try:
            types = syscalls.open_module_types(module) if module else 0
            try:
                code = ctypes.string_at(start, size)
                return syscalls.load_traced_function(code, type_number, types, on_return=on_return)
            finally:
                if types:
                    os.close(types)
        except OSError as error:
            raise LoadError(error.strerror or str(error), error.filename or "") from error

    def close(self) -> None:
        """Free programs and maps; idempotent."""
        self._bpf.cleanup()


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
