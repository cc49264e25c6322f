"""The program that takes every call of the generator, through the path that all programs of ours take."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from tracer.collect.ring import Ring
from tracer.kernel.host import read_host
from tracer.probes.attach import DEFAULT_BUFFER_BYTES, ring_bytes
from tracer.probes.compiler import Module
from tracer.probes.sources import LOST_MAP, RING_MAP, bpf_dir, kernel_flags
from tracer.schema import MAX_KINDS

from .generator import TRACEPOINT

SOURCE = Path(__file__).with_name("storm.bpf.c")


class StormProgram:
    """`storm.bpf.c` attached, with its ring and its loss counters. A context manager."""

    def __init__(self, token: int, buffer_bytes: int = DEFAULT_BUFFER_BYTES) -> None:
        directory, host = bpf_dir(), read_host()
        self.buffer_bytes = ring_bytes(buffer_bytes)
        flags = kernel_flags(host.kernel_release, self.buffer_bytes // host.page_size_bytes, directory)
        text = "\n".join(f'#line 1 "{path.name}"\n{path.read_text()}' for path in (directory / "ring.bpf.c", SOURCE))
        self._module = Module(text, [*flags, f"-DRT_STORM_TOKEN={token:#x}ULL"], directory)
        self.program_fd = self._module.load("storm")
        self.ring_fd = self._module.map_fd(RING_MAP)
        self.ring = Ring.map(self.ring_fd, self.buffer_bytes)
        self._lost = np.zeros((host.cpus_possible, MAX_KINDS), np.uint64)
        self._event = self._module.attach(self.program_fd, TRACEPOINT)

    def lost(self) -> npt.NDArray[np.uint64]:
        """Records without room so far, by kind number."""
        self._module.read_map(self._module.map_fd(LOST_MAP), 0, self._lost.ctypes.data_as(ctypes.c_void_p))
        total: npt.NDArray[np.uint64] = self._lost.sum(axis=0)
        return total

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._event)
        self.ring.close()
        self._module.close()
