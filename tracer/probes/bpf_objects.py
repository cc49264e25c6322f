"""Making maps and handing programs to the kernel's verifier, by bpf(2) alone."""

from __future__ import annotations

import ctypes
import os
import re
import resource
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final

from . import syscalls

INSTRUCTION_BYTES: Final = 8
"""sizeof(struct bpf_insn)."""
TRACEPOINT, RAW_TRACEPOINT, KPROBE = "TRACEPOINT", "RAW_TRACEPOINT", "KPROBE"
"""Types of programs, by bcc's names."""

_NUMBERS: Final = {KPROBE: 2, TRACEPOINT: 5, RAW_TRACEPOINT: 17}
_TRACING: Final = 26
_TRACE_FENTRY, _TRACE_FEXIT = 24, 25
"""enum bpf_prog_type and bpf_attach_type, include/uapi/linux/bpf.h."""
_PROGRAM_LAYOUT: Final = "IIQQIIQII16sIIIIQIIQIII"
"""union bpf_attr for BPF_PROG_LOAD, up to `attach_btf_obj_fd`; a kernel that knows less takes zeros for the rest."""
_MAP_LAYOUT: Final = "IIIIIII16s"
"""union bpf_attr for BPF_MAP_CREATE: type, sizes, entries, flags, inner map, node, name."""
_MAP_INFO: Final = "=IIIIII16s"
"""struct bpf_map_info up to `name`: type, number, key and value size, entries, flags."""
_NAME_BYTES: Final = 15
_UNNAMEABLE: Final = re.compile(r"[^A-Za-z0-9_.]")
_LOG_BYTES: Final = 1 << 16
_LICENCE: Final = b"Dual MIT/GPL"
"""BPF_LICENSE of bpf/ring.bpf.c."""


class LoadError(Exception):
    """The kernel refused one program or its attachment; the message is one line, `log` the whole story."""

    def __init__(self, message: str, log: str) -> None:
        super().__init__(message)
        self.log = log


@dataclass(frozen=True)
class MapDefinition:
    """A map before it is made: its name in the programs, BPF_MAP_TYPE_*, sizes, and BPF_F_* flags."""

    name: str
    type: int
    key_bytes: int
    value_bytes: int
    max_entries: int
    flags: int


def create_map(definition: MapDefinition) -> int:
    """Its descriptor. Raises OSError."""
    return syscalls.bpf(
        syscalls.MAP_CREATE,
        _MAP_LAYOUT,
        definition.type,
        definition.key_bytes,
        definition.value_bytes,
        definition.max_entries,
        definition.flags,
        *(0, 0, _kernel_name(definition.name)),
    )


def map_definition(name: str, map_fd: int) -> MapDefinition:
    """What a map was made with. Raises OSError."""
    info = ctypes.create_string_buffer(struct.calcsize(_MAP_INFO))
    syscalls.bpf(syscalls.OBJ_GET_INFO_BY_FD, "IIQ", map_fd, len(info), ctypes.addressof(info))
    kind, _, key_bytes, value_bytes, max_entries, flags, _ = struct.unpack(_MAP_INFO, info.raw)
    return MapDefinition(name, kind, key_bytes, value_bytes, max_entries, flags)


def resized(definition: MapDefinition, max_entries: int | None) -> MapDefinition:
    """The same map with another size; None leaves it."""
    return definition if max_entries is None else replace(definition, max_entries=max_entries)


def load_program(instructions: bytes, program_type: str, name: str = "", kernel_version: int = 0) -> int:
    """Hand a program to the verifier. Raises LoadError; kernels before 5.0 compare `kernel_version` with their own."""
    return _load(instructions, _NUMBERS[program_type], name, kernel_version)


def load_traced_function(
    instructions: bytes, type_number: int, module: str | None = None, *, on_return: bool, name: str = ""
) -> int:
    """Hand a program for one function to the verifier: at its entry (fentry) or return (fexit).

    `type_number` is the function's in BTF, the kernel's own or its module's. Raises LoadError.
    """
    try:
        types = syscalls.open_module_types(module) if module else 0
    except OSError as error:
        raise LoadError(error.strerror or str(error), "") from error
    try:
        attach = _TRACE_FEXIT if on_return else _TRACE_FENTRY
        return _load(instructions, _TRACING, name, 0, attach, type_number, types)
    finally:
        if types:
            os.close(types)


@contextmanager
def memory_allowed() -> Iterator[None]:
    """Let maps and programs take the memory they need: kernels before 5.11 count it as locked (RLIMIT_MEMLOCK)."""
    before = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    try:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, unlimited)
    except (OSError, ValueError):
        yield
        return
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, before)


def _load(
    instructions: bytes, kind: int, name: str, version: int, attach: int = 0, type_number: int = 0, types: int = 0
) -> int:
    """Without a log first: it takes time and memory, and where there is none to say it is not missed."""
    code, licence = ctypes.create_string_buffer(instructions, len(instructions)), ctypes.create_string_buffer(_LICENCE)
    count, places = len(instructions) // INSTRUCTION_BYTES, (ctypes.addressof(code), ctypes.addressof(licence))

    def ask(level: int, log_bytes: int, log: int) -> int:
        head = (kind, count, *places, level, log_bytes, log, version, 0, _kernel_name(name))
        return syscalls.bpf(
            syscalls.PROG_LOAD, _PROGRAM_LAYOUT, *head, 0, attach, 0, 0, 0, 0, 0, 0, 0, type_number, types
        )

    try:
        return ask(0, 0, 0)
    except OSError as error:
        story = ctypes.create_string_buffer(_LOG_BYTES)
        with suppress(OSError):
            return ask(1, _LOG_BYTES, ctypes.addressof(story))
        raise LoadError(error.strerror or str(error), story.value.decode(errors="replace").strip()) from error


def _kernel_name(name: str) -> bytes:
    """As bpf_obj_name_cpy() takes it."""
    return _UNNAMEABLE.sub("_", name)[:_NAME_BYTES].encode()
