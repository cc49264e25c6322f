"""The program that takes every call of the generator, through the path that all programs of ours take."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from tracer.buffer_sizes import MOST_BUFFER_BYTES
from tracer.collect.collector import Sources
from tracer.collect.ring import Ring
from tracer.collect.transport import open_buffers
from tracer.kernel.counters import CounterReader
from tracer.kernel.host import read_host
from tracer.kernel.tracefs import tracepoint_format
from tracer.probes.attachment import attach_tracepoint
from tracer.probes.bell import Bell
from tracer.probes.bpf_objects import TRACEPOINT as TRACEPOINT_TYPE
from tracer.probes.loader import Loader
from tracer.probes.loss import LossCounters
from tracer.probes.request import LoadRequest
from tracer.probes.sources import LOST_MAP, RING_MAP, bpf_dir, kernel_flags, map_entries, transport_maps
from tracer.probes.symbol_printer import SymbolPrinter
from tracer.probes.transport import BufferSizes, Transport, choose_transport
from tracer.schema import MAX_KINDS

from .generator import TRACEPOINT

SOURCE = Path(__file__).with_name("storm.bpf.c")
NAME = "storm"


class StormProgram:
    """`storm.bpf.c` attached, with its buffers and its loss counters. A context manager.

    What `open_buffers` takes for Probes: the same buffers, sizes and counters as for the tool's own programs.
    """

    def __init__(
        self,
        token: int,
        buffer_bytes: int = MOST_BUFFER_BYTES,
        *,
        transport: Transport | None = None,
        as_slab: bool = False,
        with_cgroups: bool = True,
    ) -> None:
        """`as_slab`: records look like slab shrinking, begin and end by turns (storm.bpf.c); without cgroups programs
        ask for none."""
        host, directory = read_host(), bpf_dir()
        self.choice = choose_transport(transport)
        self.sizes = BufferSizes.of(self.choice.transport, buffer_bytes, host.cpus_online)
        self.buffer_bytes = self.sizes.total_bytes
        flags = kernel_flags(host.kernel_release, self.choice.transport, directory)
        if not with_cgroups:
            flags = [flag for flag in flags if not flag.startswith("-DRT_CGROUP")]
        request = _request(transport_maps(self.choice.transport), [*flags, *storm_flags(token, as_slab=as_slab)])
        entries = map_entries(self.choice.transport, self.sizes.each_bytes, host.cpus_possible)
        self._loaded = Loader().load(replace(request, map_entries=entries))
        self.program_fd = self._loaded.programs[NAME]
        self.events_fd = self._loaded.maps[RING_MAP]
        self._loss = LossCounters(self._loaded.maps[LOST_MAP], host.cpus_possible)
        self.bell = Bell.of(self._loaded.maps)
        self.buffers, self.lost_in_buffers = open_buffers(self)
        found = tracepoint_format(TRACEPOINT)
        assert found is not None, f"this kernel has no {TRACEPOINT}"
        self._event = attach_tracepoint(self.program_fd, found.id)
        self._printer = SymbolPrinter()

    @property
    def ring(self) -> Ring:
        """The buffers, where they are one ring."""
        assert isinstance(self.buffers, Ring)
        return self.buffers

    def lost(self) -> npt.NDArray[np.uint64]:
        """Records without room so far, by kind number."""
        total: npt.NDArray[np.uint64] = self.lost_by_cpu().sum(axis=0)
        return total

    def lost_by_cpu(self) -> npt.NDArray[np.uint64]:
        """The same by CPU and kind number."""
        return self._loss.by_cpu()

    def sources(self, counters: CounterReader) -> Sources:
        """What a collector reads."""
        nothing = np.zeros(MAX_KINDS, np.uint64)
        return Sources(self.buffers, self.lost_in_buffers, nothing.copy, counters, symbol_name=self._printer.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._event)
        self._printer.close()
        self.buffers.close()
        self._loss.close()
        if self.bell:
            self.bell.close()
        self._loaded.close()


def for_bcc(flags: Sequence[str]) -> list[str]:
    """The flags without what only our own loader understands: calls of the kernel's functions."""
    return [flag for flag in flags if not flag.startswith("-DRT_TASK_TYPE")]


def program_text() -> str:
    """The storm's program behind the way out that all programs share."""
    paths = (bpf_dir() / "ring.bpf.c", SOURCE)
    return "\n".join(f'#line 1 "{path.name}"\n{path.read_text()}' for path in paths)


def storm_flags(token: int, *, as_slab: bool) -> list[str]:
    """Compiler flags beside those of the kernel."""
    return [f"-DRT_STORM_TOKEN={token:#x}ULL", *(["-DRT_STORM_AS_SLAB"] if as_slab else [])]


def _request(maps: Sequence[str], flags: Sequence[str]) -> LoadRequest:
    return LoadRequest(program_text(), flags, str(bpf_dir()), maps, [(NAME, TRACEPOINT_TYPE)])
