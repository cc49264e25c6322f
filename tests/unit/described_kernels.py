"""Machines made of files that are described, with types, and trials that nobody has to make."""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from btf_types import Writer
from kernel_tree import put
from probe_machine import put_every_function, put_probe_formats

from tracer.probes.balloon_pages import COUNTER_SYMBOLS
from tracer.probes.facts.facts import Facts
from tracer.probes.facts.gathering import describe

PRIVILEGED = "CapEff:\t000001ffffffffff\nCapBnd:\t000001ffffffffff\nUid:\t0\t0\t0\t0\n"
MODULE = "virtio_balloon"


class Willing:
    """A kernel that lets programs do all they want, or nothing."""

    def __init__(self, *, willing: bool = True) -> None:
        self._willing = willing

    def why_no_ring(self) -> str:
        return "" if self._willing else "this kernel has no BPF ring buffer"

    def accepts_mapped_array(self) -> bool:
        return self._willing

    def accepts_call(self, function: int) -> bool:
        return self._willing

    def accepts_task_read(self, offset: int) -> bool:
        return self._willing

    def accepts_task_walk(self, offsets: Sequence[int]) -> bool:
        return self._willing

    def why_no_cgroup_id(self) -> str:
        return "" if self._willing else "this kernel has no bpf_get_current_cgroup_id()"


def kernel_types() -> Writer:
    """Types that plans ask for, among others that nobody does."""
    types = Writer()
    types.structure("unasked", 8, member=0)
    types.enumeration("vm_event_item", PGFREE=0, BALLOON_INFLATE=103, BALLOON_DEFLATE=104)
    types.enumeration("cgroup_subsys_id", cpu_cgrp_id=0, memory_cgrp_id=4)
    types.enumeration("pageflags", PG_locked=0, PG_swapbacked=17)
    types.structure("task_struct", 3264, cgroups=2376, comm=1752)
    types.structure("css_set", 544, subsys=0, dfl_cgrp=112)
    types.structure("cgroup_subsys_state", 208, cgroup=0)
    types.structure("cgroup", 2240, kn=256)
    types.structure("kernfs_node", 136, id=96)
    types.structure("scan_control", 120, nr_scanned=88, priority=52)
    types.structure("pglist_data", 4096, node_id=128)
    types.structure("reclaim_stat", 48, nr_dirty=0, nr_activate=16)
    types.structure("scatterlist", 32, length=12)
    types.structure("shrink_control", 32, nr_to_scan=8)
    types.function("out_of_memory", 1)
    types.function("shrink_folio_list", 6)
    types.function("unasked_function", 3)
    types.function("user_proactive_reclaim", 4)
    return types


def module_types(kernel: Writer) -> Writer:
    """The balloon driver's: one function has its prototype among the kernel's types, as the linker leaves it."""
    types = Writer(len(kernel.strings))
    types.structure("virtio_balloon", 1672, num_pages=232, report_free_page_work=8, num_free_page_blocks=16)
    types.type("leak_balloon", 12, 0, kernel.types_written - 1)
    return types


def put_types(root: Path) -> None:
    """The kernel's types and the balloon driver's."""
    kernel = kernel_types()
    for name, data in (("vmlinux", kernel.data()), (MODULE, module_types(kernel).data())):
        put(root, f"/sys/kernel/btf/{name}").write_bytes(data)


def put_machine(root: Path, kernel: str) -> Path:
    """A machine with that kernel's tracepoints, every function, types; its balloon's driver is a module."""
    put_probe_formats(root, kernel)
    put_every_function(root)
    symbols = root / "proc/kallsyms"
    lines = (f"{line}\t[{MODULE}]" if "balloon" in line else line for line in symbols.read_text().splitlines())
    counters = (f"{0xFFFFFFFF82000000 + place:x} D {name}" for place, name in enumerate(COUNTER_SYMBOLS))
    symbols.write_text("\n".join((*lines, *counters)) + "\n")
    put_types(root)
    put(root, "/proc/self/status", PRIVILEGED)
    put(root, "/proc/buddyinfo", "Node 0, zone   Normal" + " 1" * 11 + "\n")
    put(root, "/sys/devices/system/cpu/possible", "0-3\n")
    put(root, "/sys/kernel/mm/lru_gen/enabled", "0x0007\n")
    with (root / "proc/self/mountinfo").open("a") as mounts:
        mounts.write("30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
    put(root, "/proc/self/cgroup", "0::/x\n")
    put(root, "/sys/fs/cgroup/cgroup.controllers", "memory\n")
    return root


def described(root: Path, kernel: str = "6.12", *, willing: bool = True) -> Facts:
    """That machine's facts."""
    return describe(put_machine(root, kernel), Willing(willing=willing))


def forged(data: bytes, **values: Any) -> bytes:
    """The same file with other values, and checksums that are right."""
    text = json.dumps(json.loads(zlib.decompress(data[48:])) | values).encode()
    return packed(text)


def packed(text: bytes, length: int | None = None, version: int = 1) -> bytes:
    """A file of any content, with the right checksum."""
    body = zlib.compress(text)
    digest = hashlib.sha256(body).digest()
    return struct.pack("<8sI32sI", b"RTFACTS\n", version, digest, len(text) if length is None else length) + body
