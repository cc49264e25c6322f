"""Kernel functions' names by the kernel itself: a BPF program prints an address as `%pS`, which takes 15 us.

Reading /proc/kallsyms for names takes 50 to 70 ms of CPU. bpf_snprintf() came with "bpf: Add a bpf_snprintf helper"
(5.13).
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
from typing import Final, Self

from . import syscalls
from .bpf_objects import RAW_TRACEPOINT, LoadError, MapDefinition, create_map, load_program

_MAP_TYPE_ARRAY: Final = 2
_READ_ONLY_FOR_PROGRAMS: Final = 1 << 7
"""BPF_MAP_TYPE_ARRAY and BPF_F_RDONLY_PROG, include/uapi/linux/bpf.h."""
_SNPRINTF: Final = 165
"""BPF_FUNC_snprintf of the same header."""
_MAP_VALUE: Final = 2
"""BPF_PSEUDO_MAP_VALUE: the instruction loads the address of a map's value."""
_FORMAT: Final = b"%pS\0"
_TEXT_BYTES: Final = 640
"""More than KSYM_SYMBOL_LEN, include/linux/kallsyms.h: a name of 511 characters, offset, size, module, build id."""
_PRINTED: Final = re.compile(r"(?P<name>\S+)\+0x(?P<offset>[0-9a-f]+)/0x[0-9a-f]+(?: \[(?P<module>[^\]\s]+).*\])?")


class SymbolPrinter:
    """Names addresses one by one. Not thread-safe. Close it, or leave its block."""

    def __init__(self) -> None:
        """Raises OSError where the kernel can't, or does not let this process."""
        self._text = ctypes.create_string_buffer(_TEXT_BYTES)
        self._descriptors: list[int] = []
        try:
            self._output = self._array("rt_symbol_text", _TEXT_BYTES, 0)
            self._program = self._load(self._format(), self._output)
        except BaseException:
            self.close()
            raise

    def name(self, address: int) -> str | None:
        """The function there as `name`, `name+0x10` or `name [module]`; None where the kernel knows none."""
        try:
            syscalls.run_raw_tracepoint(self._program, address)
            syscalls.lookup_element(self._output, 0, ctypes.addressof(self._text))
        except OSError:
            return None
        printed = _PRINTED.fullmatch(self._text.value.decode(errors="replace"))
        if printed is None:
            return None
        place = printed["name"] if int(printed["offset"], 16) == 0 else f"{printed['name']}+0x{printed['offset']}"
        return f"{place} [{printed['module']}]" if printed["module"] else place

    def close(self) -> None:
        """Give the descriptors back; idempotent."""
        while self._descriptors:
            os.close(self._descriptors.pop())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _array(self, name: str, value_bytes: int, flags: int) -> int:
        fd = create_map(MapDefinition(name, _MAP_TYPE_ARRAY, 4, value_bytes, 1, flags))
        self._descriptors.append(fd)
        return fd

    def _format(self) -> int:
        """A map of the format alone, which nobody changes any more: the verifier reads it."""
        format_map = self._array("rt_symbol_fmt", len(_FORMAT), _READ_ONLY_FOR_PROGRAMS)
        syscalls.update_element(format_map, 0, int.from_bytes(_FORMAT, sys.byteorder))
        syscalls.freeze_map(format_map)
        return format_map

    def _load(self, format_map: int, output: int) -> int:
        instruction = syscalls.instruction
        code = (
            instruction(0x79, 6, 1),  # r6 = *(u64 *)(r1 + 0), the first argument
            instruction(0x7B, 10, 6, -8),  # *(u64 *)(r10 - 8) = r6
            *_value_of(output, 1),
            instruction(0xB7, 2, 0, 0, _TEXT_BYTES),  # r2 = the text's size
            *_value_of(format_map, 3),
            instruction(0xBF, 4, 10),  # r4 = r10
            instruction(0x07, 4, 0, 0, -8),  # r4 += -8
            instruction(0xB7, 5, 0, 0, 8),  # r5 = 8
            instruction(0x85, 0, 0, 0, _SNPRINTF),  # call
            instruction(0x95),  # exit
        )
        try:
            program = load_program(b"".join(code), RAW_TRACEPOINT, "rt_symbol")
        except LoadError as error:
            raise OSError(str(error)) from error
        self._descriptors.append(program)
        return program


def _value_of(map_fd: int, register: int) -> tuple[bytes, bytes]:
    """The 16 bytes that load the address of an array's only value."""
    return syscalls.instruction(0x18, register, _MAP_VALUE, 0, map_fd), syscalls.instruction(0)
