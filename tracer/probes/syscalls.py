"""The few system calls that attached programs need, made without bcc: bpf(2), perf_event_open(2) and its ioctls."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Sequence
from typing import Final

_MACHINE: Final = platform.machine()
_NUMBERS: Final = {
    "x86_64": (321, 298),
    "s390x": (351, 331),
    "ppc64": (361, 319),
    "ppc64le": (361, 319),
}
"""bpf and perf_event_open by machine: arch/*/{entry,kernel}/syscalls/*.tbl; the rest have those of
include/uapi/asm-generic/unistd.h."""
_BPF, _PERF_EVENT_OPEN = _NUMBERS.get(_MACHINE, (280, 241))

MAP_CREATE: Final = 0
_MAP_LOOKUP_ELEM: Final = 1
_MAP_UPDATE_ELEM: Final = 2
_MAP_DELETE_ELEM: Final = 3
_MAP_GET_NEXT_KEY: Final = 4
PROG_LOAD: Final = 5
_PROG_TEST_RUN: Final = 10
OBJ_GET_INFO_BY_FD: Final = 15
_RAW_TRACEPOINT_OPEN: Final = 17
_BTF_GET_FD_BY_ID: Final = 19
_MAP_LOOKUP_AND_DELETE_ELEM: Final = 21
_MAP_FREEZE: Final = 22
_BTF_GET_NEXT_ID: Final = 23
_ENABLE_STATS: Final = 32
"""enum bpf_cmd, include/uapi/linux/bpf.h."""
_STATS_RUN_TIME: Final = 0
_MAP_TYPE_ARRAY: Final = 2
_MAP_TYPE_RINGBUF: Final = 27
_PROG_TYPE_TRACEPOINT: Final = 5
_PROG_TYPE_RAW_TRACEPOINT: Final = 17
_MMAPABLE: Final = 1 << 10
"""BPF_MAP_TYPE_*, BPF_PROG_TYPE_* and BPF_F_MMAPABLE of the same header."""

_GET_CURRENT_TASK_BTF: Final = 158
"""BPF_FUNC_get_current_task_btf, since "bpf: Implement get_current_task_btf and RET_PTR_TO_BTF_ID" (5.11)."""
_PSEUDO_KFUNC_CALL: Final = 2
_GET_CURRENT_PID_TGID: Final = 14
_GET_CURRENT_CGROUP_ID: Final = 80
"""BPF_FUNC_get_current_cgroup_id, since "bpf: implement bpf_get_current_cgroup_id() helper" (4.18)."""

_PROGRAM_INFO_WORDS: Final = 32
_RUN_TIME_NS, _RUN_COUNT, _RECURSION_MISSES = 24, 25, 26
"""64-bit words of struct bpf_prog_info; a kernel that lacks one leaves it 0."""

_ATTRIBUTE_BYTES: Final = 72
"""PERF_ATTR_SIZE_VER1, include/uapi/linux/perf_event.h: up to `config2`."""
_SAMPLE_RAW: Final = 1 << 10
_FLAG_FD_CLOEXEC: Final = 8
_TYPE_SOFTWARE: Final = 1
_COUNT_BPF_OUTPUT: Final = 10
"""PERF_TYPE_SOFTWARE and PERF_COUNT_SW_BPF_OUTPUT."""
_DISABLED: Final = 1 if sys.byteorder == "little" else 1 << 63
"""The bit field `disabled` of struct perf_event_attr."""
_WATERMARK: Final = 1 << 14 if sys.byteorder == "little" else 1 << 63 - 14
"""The bit field `watermark` of struct perf_event_attr: wake the reader by bytes, not by events."""
_ALL_TASKS, _FIRST_CPU, _NO_GROUP = -1, 0, -1
_SET_BPF: Final = 0x80042408 if _MACHINE.startswith("ppc") else 0x40042408
"""PERF_EVENT_IOC_SET_BPF; powerpc counts ioctl directions differently."""
_SET_OUTPUT: Final = 0x20002405 if _MACHINE.startswith("ppc") else 0x2405
"""PERF_EVENT_IOC_SET_OUTPUT."""

_libc: Final = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def lookup_element(map_fd: int, key: int, value: int) -> None:
    """Copy a map's element to the address `value`; a per-CPU map has one for each possible CPU. Raises OSError."""
    wanted = ctypes.c_uint32(key)
    bpf(_MAP_LOOKUP_ELEM, "IxxxxQQQ", map_fd, ctypes.addressof(wanted), value, 0)


def update_element(map_fd: int, key: int, value: int) -> None:
    """Set an element of a map of 32-bit values, such as one of descriptors. Raises OSError."""
    index, element = ctypes.c_uint32(key), ctypes.c_uint32(value)
    bpf(_MAP_UPDATE_ELEM, "IxxxxQQQ", map_fd, ctypes.addressof(index), ctypes.addressof(element), 0)


def freeze_map(map_fd: int) -> None:
    """Let this process change the map no more. Raises OSError (kernels before 5.2)."""
    bpf(_MAP_FREEZE, "I", map_fd)


def next_key(map_fd: int, key: int | None) -> int | None:
    """The 32-bit key after one of a hash map, the first where that has gone; None behind the last. Raises OSError."""
    before, found = ctypes.c_uint32(key or 0), ctypes.c_uint32()
    place = 0 if key is None else ctypes.addressof(before)
    try:
        bpf(_MAP_GET_NEXT_KEY, "IxxxxQQQ", map_fd, place, ctypes.addressof(found), 0)
    except OSError as error:
        if error.errno == errno.ENOENT:
            return None
        raise
    return found.value


def take_element(map_fd: int, key: int, value: int) -> bool:
    """Copy a hash map's element to the address `value` and delete it; False where it has just gone. Raises OSError."""
    wanted = ctypes.c_uint32(key)
    arguments = ("IxxxxQQQ", map_fd, ctypes.addressof(wanted))
    try:
        try:
            bpf(_MAP_LOOKUP_AND_DELETE_ELEM, *arguments, value, 0)
        except OSError as error:
            if error.errno == errno.ENOENT:
                raise
            # Kernels before "bpf: Add lookup_and_delete_elem support to hashtab" (5.14).
            bpf(_MAP_LOOKUP_ELEM, *arguments, value, 0)
            bpf(_MAP_DELETE_ELEM, *arguments, 0, 0)
    except OSError as error:
        if error.errno == errno.ENOENT:
            return False
        raise
    return True


def create_ring(size: int) -> int:
    """A BPF ring buffer's map. Raises OSError: EINVAL where the kernel knows no such map."""
    key_size, value_size = 0, 0
    return bpf(MAP_CREATE, "IIIII", _MAP_TYPE_RINGBUF, key_size, value_size, size, 0)


def accepts_mapped_array() -> bool:
    """Whether arrays can be mapped here, since "bpf: Add mmap() support for BPF_MAP_TYPE_ARRAY" (5.5)."""
    try:
        os.close(bpf(MAP_CREATE, "IIIII", _MAP_TYPE_ARRAY, 4, 8, 1, _MMAPABLE))
    except OSError:
        return False
    return True


def accepts_call(function: int) -> bool:
    """Whether the kernel lets a tracepoint's program call a helper function that reads memory into a buffer."""
    try:
        _try_program(
            instruction(0x7A, 10, 0, -8, 0),  # *(u64 *)(r10 - 8) = 0
            instruction(0xBF, 1, 10),  # r1 = r10
            instruction(0x07, 1, 0, 0, -8),  # r1 += -8
            instruction(0xB7, 2, 0, 0, 8),  # r2 = 8
            instruction(0xB7, 3),  # r3 = 0
            instruction(0x85, 0, 0, 0, function),  # call
        )
    except OSError as error:
        return error.errno != errno.EINVAL
    return True


def accepts_task_walk(offsets: Sequence[int]) -> bool:
    """Whether the kernel lets a tracepoint's program follow pointers from the running task, each at its offset."""
    try:
        _try_program(
            instruction(0x85, 0, 0, 0, _GET_CURRENT_TASK_BTF),  # r0 = call
            *(instruction(0x79, 0, 0, offset) for offset in offsets),  # r0 = *(u64 *)(r0 + offset)
        )
    except (OSError, struct.error):
        return False
    return True


def accepts_task_cast(function: int, task: int) -> bool:
    """Whether the kernel lets a tracepoint's program read a word of the running task after casting it.

    `function` and `task` are the type numbers of bpf_rdonly_cast(), which all programs may call since "bpf: Add kfunc
    bpf_rdonly_cast" (6.2), and of the task's structure.
    """
    try:
        _try_program(
            instruction(0x85, 0, 0, 0, _GET_CURRENT_TASK_BTF),  # r0 = call
            instruction(0xBF, 1, 0),  # r1 = r0
            instruction(0xB7, 2, 0, 0, task),  # r2 = task
            instruction(0x85, 0, _PSEUDO_KFUNC_CALL, 0, function),  # r0 = call
            instruction(0x79, 0, 0),  # r0 = *(u64 *)(r0 + 0)
        )
    except (OSError, struct.error):
        return False
    return True


def why_no_cgroup_id() -> str:
    """Why the kernel lets no tracepoint's program ask for the running task's cgroup; empty where it does."""
    try:
        _try_program(instruction(0x85, 0, 0, 0, _GET_CURRENT_CGROUP_ID))  # r0 = call
    except OSError as error:
        return f"this kernel has no bpf_get_current_cgroup_id(): {error.strerror}"
    return ""


def accepts_task_read(offset: int) -> bool:
    """Whether the kernel lets a tracepoint's program read two words of the running task's `task_struct` directly."""
    try:
        _try_program(
            instruction(0x85, 0, 0, 0, _GET_CURRENT_TASK_BTF),  # r0 = call
            instruction(0x07, 0, 0, 0, offset),  # r0 += offset
            instruction(0x79, 1, 0, 0),  # r1 = *(u64 *)(r0 + 0)
            instruction(0x79, 2, 0, 8),  # r2 = *(u64 *)(r0 + 8)
        )
    except OSError:
        return False
    return True


def process_number_in_programs() -> int | None:
    """This process's number as programs see it, by running one of three instructions in it; None where that can't be.

    Kernels run one so since "bpf: Enable BPF_PROG_TEST_RUN for raw_tracepoint" (5.10).
    """
    number = (
        instruction(0x85, 0, 0, 0, _GET_CURRENT_PID_TGID),  # r0 = call
        instruction(0x77, 0, 0, 0, 32),  # r0 >>= 32
        instruction(0x95),  # exit
    )
    try:
        program = _load_program(_PROG_TYPE_RAW_TRACEPOINT, *number)
    except OSError:
        return None
    try:
        return run_raw_tracepoint(program)
    except OSError:
        return None
    finally:
        os.close(program)


def run_raw_tracepoint(program_fd: int, argument: int = 0) -> int:
    """What a raw tracepoint's program returns when it runs here and now with this first argument. Raises OSError."""
    arguments = ctypes.c_uint64(argument)
    context = (ctypes.sizeof(arguments), 0, ctypes.addressof(arguments), 0)
    attribute = ctypes.create_string_buffer(
        struct.pack("=IIIIQQIIIIQQIII", program_fd, *(0, 0, 0, 0, 0, 0, 0), *context, *(0, 0, 0))
    )
    size = ctypes.c_ulong(len(attribute) - 1)
    _checked(_libc.syscall(ctypes.c_long(_BPF), ctypes.c_long(_PROG_TEST_RUN), attribute, size), "bpf")
    return int(struct.unpack_from("=II", attribute)[1])


def _try_program(*instructions: bytes) -> None:
    """Have the verifier look at a tracepoint's program that returns 0 in the end. Raises OSError."""
    returned = (instruction(0xB7, 0), instruction(0x95))  # r0 = 0, exit
    os.close(_load_program(_PROG_TYPE_TRACEPOINT, *instructions, *returned))


def _load_program(kind: int, *instructions: bytes) -> int:
    code, licence = ctypes.create_string_buffer(b"".join(instructions)), ctypes.create_string_buffer(b"GPL")
    addresses = ctypes.addressof(code), ctypes.addressof(licence)
    return bpf(PROG_LOAD, "IIQQIIQII", kind, len(instructions), *addresses, 0, 0, 0, 0, 0)


def open_module_types(module: str) -> int:
    """A descriptor of a module's BTF. Raises OSError (ENOENT where there is none)."""
    number = 0
    while True:
        number = _next_types(number)
        types = bpf(_BTF_GET_FD_BY_ID, "III", number, 0, 0)
        if _types_name(types) == module:
            return types
        os.close(types)


def open_raw_tracepoint(name: str, program_fd: int) -> int:
    """Run a program at a tracepoint with the tracepoint's own arguments. Raises OSError."""
    text = ctypes.create_string_buffer(name.encode())
    return bpf(_RAW_TRACEPOINT_OPEN, "QI", ctypes.addressof(text), program_fd)


def recursion_misses(program_fd: int) -> int:
    """How often the kernel skipped the program because another ran on that CPU; 0 where it doesn't count."""
    return _program_info(program_fd)[_RECURSION_MISSES]


def run_statistics(program_fd: int) -> tuple[int, int]:
    """The program's runs, and ns in them, while `enable_run_statistics` was held."""
    info = _program_info(program_fd)
    return info[_RUN_COUNT], info[_RUN_TIME_NS]


def enable_run_statistics() -> int:
    """Let the kernel measure programs as long as the descriptor given is open. Raises OSError (kernels before 5.8)."""
    return bpf(_ENABLE_STATS, "I", _STATS_RUN_TIME)


def open_traced_function(program_fd: int) -> int:
    """Attach a program that knows its target since it was loaded (fentry, fexit). Raises OSError."""
    return bpf(_RAW_TRACEPOINT_OPEN, "QI", 0, program_fd)


def open_perf_event(kind: int, config: int = 0, config1: int = 0, config2: int = 0) -> int:
    """A perf event to attach a program to, as tracepoints and probes have them. Raises OSError.

    It is never enabled. Its program runs for all tasks on all CPUs nevertheless: trace_call_bpf() goes by tracepoint,
    not by event. So the kernel has no event of ours to fill when the program lets others have theirs.
    """
    wake_up_at_each = 1
    return _open_perf_event(_FIRST_CPU, kind, config, _DISABLED, wake_up_at_each, config1, config2)


def open_output_event(cpu: int, wake_up_at_bytes: int) -> int:
    """A perf event into whose buffer BPF programs on that CPU write; its reader is woken by so many bytes.

    0 for each record. Raises OSError: ENODEV where the CPU is offline.
    """
    flags, wake_up_at = (_WATERMARK, wake_up_at_bytes) if wake_up_at_bytes else (0, 1)
    return _open_perf_event(cpu, _TYPE_SOFTWARE, _COUNT_BPF_OUTPUT, flags, wake_up_at)


def share_buffer(event_fd: int, owner_fd: int) -> None:
    """Have a perf event write to the buffer of another of the same CPU, which is mapped. Raises OSError."""
    _checked(_libc.ioctl(event_fd, ctypes.c_ulong(_SET_OUTPUT), ctypes.c_long(owner_fd)), "ioctl")


def _open_perf_event(
    cpu: int, kind: int, config: int, flags: int, wake_up_at: int, config1: int = 0, config2: int = 0
) -> int:
    every_hit = 1
    head = struct.pack("=IIQQQQQII", kind, _ATTRIBUTE_BYTES, config, every_hit, _SAMPLE_RAW, 0, flags, wake_up_at, 0)
    attribute = ctypes.create_string_buffer(head + struct.pack("=QQ", config1, config2))
    arguments = map(ctypes.c_long, (_ALL_TASKS, cpu, _NO_GROUP, _FLAG_FD_CLOEXEC))
    return _checked(_libc.syscall(ctypes.c_long(_PERF_EVENT_OPEN), attribute, *arguments), "perf_event_open")


def set_program(event_fd: int, program_fd: int) -> None:
    """Run the program at each hit of the perf event. Raises OSError."""
    _checked(_libc.ioctl(event_fd, ctypes.c_ulong(_SET_BPF), ctypes.c_long(program_fd)), "ioctl")


def instruction(code: int, to: int = 0, source: int = 0, offset: int = 0, value: int = 0) -> bytes:
    """One struct bpf_insn; the registers are bit fields, hence in the machine's order."""
    registers = source << 4 | to if sys.byteorder == "little" else to << 4 | source
    return struct.pack("=BBhi", code, registers, offset, value)


def _next_types(number: int) -> int:
    attribute = ctypes.create_string_buffer(struct.pack("=III", number, 0, 0))
    size = ctypes.c_ulong(12)
    _checked(_libc.syscall(ctypes.c_long(_BPF), ctypes.c_long(_BTF_GET_NEXT_ID), attribute, size), "bpf")
    return int(struct.unpack_from("=III", attribute)[1])


def _types_name(types_fd: int) -> str:
    """`name` of struct bpf_btf_info."""
    name = ctypes.create_string_buffer(64)
    info = ctypes.create_string_buffer(struct.pack("=QIIQII", 0, 0, 0, ctypes.addressof(name), 64, 0))
    bpf(OBJ_GET_INFO_BY_FD, "IIQ", types_fd, 32, ctypes.addressof(info))
    return name.value.decode()


def _program_info(program_fd: int) -> list[int]:
    info = (ctypes.c_uint64 * _PROGRAM_INFO_WORDS)()
    bpf(OBJ_GET_INFO_BY_FD, "IIQ", program_fd, ctypes.sizeof(info), ctypes.addressof(info))
    return list(info)


def bpf(command: int, layout: str, *values: int | bytes) -> int:
    """bpf(2) with its attribute packed by `struct`'s layout. Raises OSError."""
    attribute = struct.pack(f"={layout}", *values)
    size = ctypes.c_ulong(len(attribute))
    return _checked(
        _libc.syscall(ctypes.c_long(_BPF), ctypes.c_long(command), ctypes.create_string_buffer(attribute), size),
        "bpf",
    )


def _checked(result: int, call: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), call)
    return int(result)
