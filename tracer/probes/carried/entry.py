"""Compiled programs of one kernel, free of bcc: what they were compiled for, their maps, and their instructions."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .. import boot_constants
from ..bpf_objects import INSTRUCTION_BYTES, MapDefinition

LOAD_64: Final = 0x18
"""BPF_LD | BPF_IMM | BPF_DW, the one instruction of two places."""
MAP_REGISTER: Final = 1
"""BPF_PSEUDO_MAP_FD: the immediate is a map's; here its place in `Entry.maps`."""
_NO_REGISTER: Final = 0


@dataclass(frozen=True)
class Purpose:
    """What programs were compiled for.

    `release` and `machine` are uname's, `source_digest` is `LoadRequest.source_digest`. `flags` are the compiler's that
    hold for every program, `source_flags` those that add programs and tell where fields are; neither has values that
    differ between two boots. `tool_version` and `compiler` are for people.
    """

    release: str
    machine: str
    source_digest: str
    flags: Sequence[str]
    source_flags: Sequence[str]
    tool_version: str = ""
    compiler: str = ""

    def __post_init__(self) -> None:
        """From lists as well."""
        object.__setattr__(self, "flags", tuple(self.flags))
        object.__setattr__(self, "source_flags", tuple(self.source_flags))


@dataclass(frozen=True)
class Entry:
    """Programs by name, as the kernel takes them but for two kinds of 64-bit loads.

    A load whose source register is MAP_REGISTER has a map's place in `maps`; one with `boot_constants.MARK_REGISTER`
    the number of a boot constant.
    """

    purpose: Purpose
    maps: tuple[MapDefinition, ...]
    programs: Mapping[str, bytes]

    def why_unsound(self) -> str:
        """What no compiler of ours would have made; empty where there is nothing."""
        for name, code in self.programs.items():
            if not code or len(code) % INSTRUCTION_BYTES:
                return f"program {name} is cut"
            for at, register, immediate in wide_loads(code):
                if at + 2 * INSTRUCTION_BYTES > len(code):
                    return f"program {name} is cut"
                is_map = register == MAP_REGISTER and 0 <= immediate < len(self.maps)
                is_constant = register == boot_constants.MARK_REGISTER and boot_constants.is_known(immediate)
                if not (is_map or is_constant or register == _NO_REGISTER):
                    return f"program {name} asks for something unknown"
        return ""


def wide_loads(code: bytes) -> Iterator[tuple[int, int, int]]:
    """Each 64-bit load: where it is in bytes, its source register, its (lower) immediate."""
    at = 0
    while at < len(code):
        if code[at] == LOAD_64:
            yield at, _source_register(code[at + 1] if at + 1 < len(code) else 0), _immediate(code, at)
            at += INSTRUCTION_BYTES
        at += INSTRUCTION_BYTES


def with_load(code: bytearray, at: int, register: int, value: int) -> None:
    """Put another source register and 64-bit value into the load at a place."""
    destination = _destination_register(code[at + 1])
    little = sys.byteorder == "little"
    code[at + 1] = register << 4 | destination if little else destination << 4 | register
    code[at + 4 : at + 8] = (value & 0xFFFFFFFF).to_bytes(4, sys.byteorder)
    code[at + 12 : at + 16] = (value >> 32).to_bytes(4, sys.byteorder)


def _immediate(code: bytes, at: int) -> int:
    return int.from_bytes(code[at + 4 : at + 8], sys.byteorder)


def _source_register(registers: int) -> int:
    """Registers are bit fields, hence in the machine's order."""
    return registers >> 4 if sys.byteorder == "little" else registers & 15


def _destination_register(registers: int) -> int:
    return registers & 15 if sys.byteorder == "little" else registers >> 4
