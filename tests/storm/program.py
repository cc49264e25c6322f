"""The program that takes every call of the generator, through the path that all programs of ours take."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from tracer.collect.ring import Ring
from tracer.kernel.host import read_host
from tracer.kernel.tracefs import tracepoint_format
from tracer.probes import syscalls
from tracer.probes.attach import DEFAULT_BUFFER_BYTES, ring_bytes
from tracer.probes.attachment import attach_tracepoint
from tracer.probes.compiler import TRACEPOINT as TRACEPOINT_TYPE
from tracer.probes.loading import LoadRequest, load
from tracer.probes.sources import LOST_MAP, RING_MAP, bpf_dir, kernel_flags
from tracer.schema import MAX_KINDS

from .generator import TRACEPOINT

SOURCE = Path(__file__).with_name("storm.bpf.c")
NAME = "storm"


class StormProgram:
    """`storm.bpf.c` attached, with its ring and its loss counters. A context manager."""

    def __init__(self, token: int, buffer_bytes: int = DEFAULT_BUFFER_BYTES, *, as_slab: bool = False) -> None:
        """`as_slab`: records look like slab shrinking, begin and end by turns (storm.bpf.c); a Checker knows others."""
        host = read_host()
        self.buffer_bytes = ring_bytes(buffer_bytes)
        self._loaded = load(_request(token, self.buffer_bytes // host.page_size_bytes, host.kernel_release, as_slab))
        self.program_fd = self._loaded.programs[NAME]
        self.ring_fd = self._loaded.maps[RING_MAP]
        self.ring = Ring.map(self.ring_fd, self.buffer_bytes)
        self._lost = np.zeros((host.cpus_possible, MAX_KINDS), np.uint64)
        found = tracepoint_format(TRACEPOINT)
        assert found is not None, f"this kernel has no {TRACEPOINT}"
        self._event = attach_tracepoint(self.program_fd, found.id)

    def lost(self) -> npt.NDArray[np.uint64]:
        """Records without room so far, by kind number."""
        syscalls.lookup_element(self._loaded.maps[LOST_MAP], 0, self._lost.ctypes.data)
        total: npt.NDArray[np.uint64] = self._lost.sum(axis=0)
        return total

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._event)
        self.ring.close()
        self._loaded.close()


def _request(token: int, ring_pages: int, kernel_release: str, as_slab: bool) -> LoadRequest:
    directory = bpf_dir()
    text = "\n".join(f'#line 1 "{path.name}"\n{path.read_text()}' for path in (directory / "ring.bpf.c", SOURCE))
    flags = [*kernel_flags(kernel_release, ring_pages, directory), f"-DRT_STORM_TOKEN={token:#x}ULL"]
    if as_slab:
        flags.append("-DRT_STORM_AS_SLAB")
    return LoadRequest(text, flags, str(directory), (RING_MAP, LOST_MAP), [(NAME, TRACEPOINT_TYPE)])
