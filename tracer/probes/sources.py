"""The BPF programs' text and the constants that fit it to the running kernel."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from ..kernel.kernel_version import version_code
from ..kernel.paths import ROOT
from ..kernel.remembered import read_types
from ..kernel.tracefs import Field, TracepointFormat
from ..resources import resource_dir
from ..schema import KERNEL_FIELD, Kind
from . import syscalls
from .cgroup_ids import choose_cgroup_ids
from .transport import Transport
from .trials import RUNNING, Trials

PROGRAM_FILES: Final = (
    "ring.bpf.c",
    "runs.bpf.c",
    "lru.bpf.c",
    "folios.bpf.c",
    "vmscan.bpf.c",
    "kswapd.bpf.c",
    "oom.bpf.c",
    "balloon.bpf.c",
    "functions.bpf.c",
    "free_pages.bpf.c",
)
"""One translation unit, in this order: bcc rewrites map accesses in the main file only."""

RING_MAP: Final = "events"
LOST_MAP: Final = "lost"
BELLS_MAP: Final = "bells"
WAITING_MAP: Final = "waiting"
PAGE_SOURCE_MAP: Final = "page_source"
LRU_SPANS_MAP: Final = "lru_spans"
PERF_FLAG: Final = "-DRT_TRANSPORT_PERF"

_PROBE_READ_KERNEL_STR: Final = 115
"""BPF_FUNC_probe_read_kernel_str, include/uapi/linux/bpf.h; kernels have it since 5.5."""


def bpf_dir() -> Path:
    """Where the programs are; with its `include/` it is also the kernel source tree that bcc asks for."""
    return resource_dir("bpf")


def program_text(directory: Path) -> str:
    """Every program file, each under a line marker so that the compiler's messages name it."""
    parts = (f'#line 1 "bpf/{name}"\n{(directory / name).read_text()}' for name in PROGRAM_FILES)
    return "\n".join(parts)


def transport_maps(transport: Transport) -> tuple[str, ...]:
    """The maps that all programs share."""
    return (RING_MAP, LOST_MAP, *((BELLS_MAP, WAITING_MAP) if transport is Transport.PERF else ()))


def map_entries(transport: Transport, buffer_bytes: int, cpus: int) -> dict[str, int]:
    """Sizes of maps that follow machine and options; `cpus` are the possible ones, `buffer_bytes` each buffer's."""
    outputs = {RING_MAP: buffer_bytes} if transport is Transport.RING else {RING_MAP: cpus, BELLS_MAP: cpus}
    return outputs | {LOST_MAP: cpus if syscalls.accepts_mapped_array() else 1}


def kernel_flags(
    release: str,
    transport: Transport,
    directory: Path,
    root: Path = ROOT,
    trials: Trials = RUNNING,
) -> list[str]:
    """Compiler flags that hold for every program on the machine below `root`; `release` is uname's."""
    return [
        f"-I{directory}",
        f"-DLINUX_VERSION_CODE={version_code(release):#x}",
        *([PERF_FLAG] if transport is Transport.PERF else []),
        *(["-DRT_HAS_PROBE_READ_KERNEL"] if trials.accepts_call(_PROBE_READ_KERNEL_STR) else []),
        *(["-DRT_MAPPED_ARRAY"] if trials.accepts_mapped_array() else []),
        *_task_name_flags(root, trials),
        *choose_cgroup_ids(root, trials).flags,
    ]


def field_flags(kind: Kind, fmt: TracepointFormat) -> Iterator[str]:
    """Flags that compile the kind's program and tell it where the running kernel keeps each field."""
    yield f"-DRT_WITH_{kind.name}"
    for name, _ in kind.fields:
        field = fmt.field(KERNEL_FIELD.get(name, name))
        if field is not None:
            yield f"-DRT_HAS_{kind.name}_{name}"
        yield f"-DRT_AT_{kind.name}_{name}={_access(field)}"


@cache
def _task_name_flags(root: Path = ROOT, trials: Trials = RUNNING) -> tuple[str, ...]:
    """Where a task keeps its name, if programs may read it there: some 60 ns less than the kernel's helper takes."""
    types = read_types(root=root) if sys.byteorder == "little" else None
    place = types.member_offset_bytes("task_struct", "comm") if types else None
    return (f"-DRT_COMM_AT={place}",) if place is not None and trials.accepts_task_read(place) else ()


def _access(field: Field | None) -> str:
    if field is None:
        return "0"
    place = f"((char *)ctx + {field.offset})"
    if field.data_loc:
        # __rel_loc counts from behind its own four bytes: include/trace/stages/stage3_trace_output.h.
        base = f"(char *)ctx + {field.offset + 4}" if field.type.startswith("__rel_loc ") else "(char *)ctx"
        return f"({base} + (*(__u32 *){place} & 0xffff))"
    if field.type.endswith("]"):
        return place
    sign = "s" if field.signed else "u"
    return f"(*(__{sign}{8 * field.size} *){place})"
