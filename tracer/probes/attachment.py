"""Attaching loaded programs by system calls. Each descriptor given is the attachment: closing it detaches."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from . import syscalls
from .bpf_objects import LoadError

_TYPE_TRACEPOINT: Final = 2
"""PERF_TYPE_TRACEPOINT, include/uapi/linux/perf_event.h."""
_KPROBE_EVENTS: Final = Path("/sys/bus/event_source/devices/kprobe")
"""The kernel's kprobes as perf events: Documentation/ABI/testing/sysfs-bus-event_source-devices-format."""


def attach_tracepoint(program_fd: int, tracepoint_id: int) -> int:
    """Run a program at a tracepoint; the number is from its `format` file. Raises LoadError."""
    return _attach(program_fd, lambda: syscalls.open_perf_event(_TYPE_TRACEPOINT, tracepoint_id))


def attach_raw_tracepoint(program_fd: int, tracepoint: str) -> int:
    """Run a program at `category:name` with the tracepoint's own arguments. Raises LoadError."""
    try:
        return syscalls.open_raw_tracepoint(tracepoint.partition(":")[2], program_fd)
    except OSError as error:
        raise _refusal(error) from error


def attach_kprobe(program_fd: int, function: str, on_return: bool = False) -> int:
    """Run a kprobe program when a kernel function is entered or has returned. Raises LoadError."""
    name = ctypes.create_string_buffer(function.encode())
    return _attach(
        program_fd,
        lambda: syscalls.open_perf_event(_kprobe_type(), _return_bit() if on_return else 0, ctypes.addressof(name)),
    )


def attach_traced_function(program_fd: int) -> int:
    """Run an fentry or fexit program at the function it was loaded for. Raises LoadError."""
    try:
        return syscalls.open_traced_function(program_fd)
    except OSError as error:
        raise _refusal(error) from error


def _attach(program_fd: int, open_event: Callable[[], int]) -> int:
    try:
        event = open_event()
        try:
            syscalls.set_program(event, program_fd)
        except OSError:
            os.close(event)
            raise
    except OSError as error:
        raise _refusal(error) from error
    return event


def _kprobe_type() -> int:
    return int((_KPROBE_EVENTS / "type").read_text())


def _return_bit() -> int:
    match = re.search(r"\d+", (_KPROBE_EVENTS / "format/retprobe").read_text())
    return 1 << int(match[0]) if match else 0


def _refusal(error: OSError) -> LoadError:
    return LoadError(error.strerror or str(error), "")
