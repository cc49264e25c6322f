"""Compiling programs with bcc, without its habits: no auto-attach, no advice from the environment.

Heavy: tracing does this in a child process (`child.py`), and keeps what the compiler says on its stderr.
"""

from __future__ import annotations

import atexit
import ctypes
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from ..errors import CannotTraceError
from .finder import load_bcc

_UNWANTED_ENVIRONMENT: Final = ("ARCH", "BCC_LINUX_VERSION_CODE", "BCC_KERNEL_MODULES_SUFFIX")
"""What changes libbcc's target or makes it print to stdout: src/cc/frontends/clang/loader.cc of bcc."""


class CompileError(CannotTraceError):
    """The programs don't compile here; `log` is what the compiler said, all of it unless that is very much."""

    def __init__(self, message: str, log: str = "") -> None:
        super().__init__(message)
        self.log = log


class Module:
    """Compiled programs; `close` frees them and the maps that bcc has made for them."""

    def __init__(self, text: str, flags: Sequence[str], kernel_source: Path) -> None:
        """Raises CompileError, and CannotTraceError where there is no bcc. The compiler says why on stderr."""
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

    with _environment(kernel_source):
        try:
            programs = Programs(text=text.encode(), cflags=list(flags))
        except Exception as error:
            # bcc raises bare Exceptions.
            raise CompileError(str(error)) from error
    atexit.unregister(programs.cleanup)
    return programs


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
