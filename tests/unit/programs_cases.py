"""Compiled programs made up for tests: no kernel would take them, every reader must."""

from __future__ import annotations

import struct
from dataclasses import replace

from tracer.probes import boot_constants
from tracer.probes.bpf_objects import TRACEPOINT, MapDefinition
from tracer.probes.carried.entry import Entry
from tracer.probes.carried.fit import purpose_of
from tracer.probes.request import LoadRequest
from tracer.probes.sources import bpf_dir

EXIT = struct.pack("<BBhi", 0x95, 0, 0, 0)
CPUS = boot_constants.constant_number("RT_CPUS")
WORK = next(iter(boot_constants.filter_values("RT_IS_BALLOON_WORK", [])))

REQUEST = LoadRequest(
    "text",
    ("-I/here", "-DLINUX_VERSION_CODE=0x60100", "-DRT_MAPPED_ARRAY"),
    str(bpf_dir()),
    ("events",),
    (("shrink_slab_start", TRACEPOINT),),
    source_flags=("-DRT_WITH_shrink_slab_start", "-DRT_AT_shrink_slab_start_nid=(*(__s32 *)((char *)ctx + 64))"),
    release="6.1.0-18-amd64",
    machine="x86_64",
)


def load64(register: int, value: int, to: int = 1) -> bytes:
    """A 64-bit load, of two places."""
    return struct.pack("<BBhiBBhi", 0x18, register << 4 | to, 0, value & 0x7FFFFFFF, 0, 0, 0, 0)


def entry_for(request: LoadRequest = REQUEST, **purpose: str) -> Entry:
    """What a compiler could have made of it."""
    code = load64(1, 0) + load64(15, CPUS, 2) + load64(15, WORK, 3) + load64(0, 0x1234, 4) + EXIT
    maps = (MapDefinition("events", 27, 0, 0, 4096, 0), MapDefinition("lost", 2, 4, 512, 1, 1024))
    programs = {"shrink_slab_start": code, "shrink_slab_end": EXIT}
    return Entry(replace(purpose_of(request), compiler="bcc 0.26.0", **purpose), maps, programs)
