"""Compiling and loading programs with bcc, one by one and without its habits: no auto-attach, no talk on stderr."""

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


_RECURSION_MISSES_AT: Final = 208
"""Offset of `recursion_misses` in struct bpf_prog_info."""


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

    def load(self, program: str) -> int:
        """Hand a tracepoint program to the kernel's verifier; its descriptor stays the module's. Raises LoadError."""
        with _captured_stderr() as said:
            try:
                return int(self._bpf.load_func(program.encode(), type(self._bpf).TRACEPOINT).fd)
            except Exception as error:  # noqa: BLE001 - bcc raises bare Exceptions
                reason = str(error)
        raise LoadError(reason, said())

    def attach(self, program_fd: int, tracepoint: str) -> int:
        """Run a loaded program at `category:name`; the perf event's descriptor is the caller's. Raises LoadError."""
        category, _, name = tracepoint.partition(":")
        with _captured_stderr() as said:
            ctypes.set_errno(0)
            fd = int(self._lib.bpf_attach_tracepoint(program_fd, category.encode(), name.encode()))
            code = ctypes.get_errno()
        if fd < 0:
            raise LoadError(os.strerror(code) if code else _first_line(said()) or "attach failed", said())
        return fd

    def read_map(self, fd: int, key: int, value: Any) -> None:  # noqa: ANN401 - any ctypes-addressable buffer
        """Copy one element into `value`, a ctypes object of the map's value size. Raises OSError."""
        wanted = ctypes.c_uint32(key)
        if self._lib.bpf_lookup_elem(fd, ctypes.byref(wanted), value) < 0:
            raise OSError(ctypes.get_errno(), "BPF map look-up failed")

    def recursion_misses(self, program_fd: int) -> int:
        """`recursion_misses` of struct bpf_prog_info (include/uapi/linux/bpf.h); 0 where the kernel has none."""
        info = (ctypes.c_uint64 * (_RECURSION_MISSES_AT // 8 + 1))()
        size = ctypes.c_uint32(ctypes.sizeof(info))
        if self._lib.bpf_obj_get_info(program_fd, ctypes.byref(info), ctypes.byref(size)) != 0:
            return 0
        return int(info[_RECURSION_MISSES_AT // 8]) if size.value > _RECURSION_MISSES_AT else 0

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


def _first_line(log: str) -> str:
    return next((line.strip() for line in log.splitlines() if line.strip()), "")
