"""The running task as a pointer that the verifier does not look up, where the kernel has bpf_rdonly_cast() (6.2).

Programs call a number that no helper has; when they are loaded that becomes the kernel's function, or r0 = r1.
"""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

from .boot_constants import TASK_TYPE, constant_number
from .syscalls import accepts_task_cast, instruction

_FUNCTION: Final = "bpf_rdonly_cast"
_TASK: Final = "task_struct"
_CALL: Final = instruction(0x85, 0, 0, 0, 0x7C000000)
"""rt_untrusted() of bpf/boot.h."""
_NO_CAST: Final = instruction(0xBF, 0, 1)  # r0 = r1


class TaskCast(NamedTuple):
    """Numbers of bpf_rdonly_cast() and of `struct task_struct` among the kernel's types."""

    function: int
    task: int

    @property
    def boot_values(self) -> dict[int, int]:
        """What programs call it with."""
        return {constant_number(TASK_TYPE): self.task}


@cache
def task_cast() -> TaskCast | None:
    """Those of the running kernel; None where it has no such function or programs may not call it."""
    # numpy comes with it, which a start that is refused does without.
    from ..kernel.remembered import read_types

    types = read_types()
    if types is None:
        return None
    types.expect((_FUNCTION, _TASK))
    function, task = types.function(_FUNCTION), types.structure_number(_TASK)
    if function is None or task is None or not accepts_task_cast(function[0], task):
        return None
    return TaskCast(function[0], task)


def with_casts(code: bytes, cast: TaskCast | None) -> bytes:
    """Instructions whose calls of that number are what this kernel can do."""
    number = _CALL[4:]
    whole, at = bytearray(code), code.find(number)
    real = instruction(0x85, 0, 2, 0, cast.function) if cast else _NO_CAST  # BPF_PSEUDO_KFUNC_CALL
    while at >= 0:
        first = at - 4
        if first % len(_CALL) == 0 and code[first : first + len(_CALL)] == _CALL:
            whole[first : first + len(_CALL)] = real
        at = code.find(number, at + 1)
    return bytes(whole)
