"""Trying a plan by doing: compile, load and attach each program, remember each refusal, detach quickly.

Programs come by `loader.py`: from a file, the cache, or a child process that compiles.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from ..batch import UNKNOWN_KIND
from ..buffer_sizes import MOST_BUFFER_BYTES
from ..errors import CannotTraceError
from ..kernel.host import read_host
from ..kernel.paths import ROOT
from ..metadata import PlanRow, SourceState
from ..program_cost import ProgramCost
from ..schema import EVENT_DTYPE, KIND_BY_NUMBER, MAX_KINDS
from . import syscalls
from .attachment import attach_kprobe, attach_raw_tracepoint, attach_traced_function, attach_tracepoint
from .bell import Bell
from .bpf_objects import KPROBE, RAW_TRACEPOINT, TRACEPOINT, LoadError, load_traced_function
from .cgroup_ids import CgroupIds, choose_cgroup_ids
from .costs import read_costs
from .loader import Loader
from .loss import LossCounters
from .lru import LruDetail, take_lru_spans
from .plan import NOTHING, Plan
from .probe import How, PageSource, Probe, Source
from .request import LoadRequest
from .sources import (
    LOST_MAP,
    LRU_SPANS_MAP,
    PAGE_SOURCE_MAP,
    RING_MAP,
    bpf_dir,
    kernel_flags,
    map_entries,
    program_text,
    transport_maps,
)
from .transport import BufferSizes, Transport, TransportChoice, choose_transport
from .trials import RUNNING, Trials

UNKNOWN_NUMBER: Final = 0
"""No kind's number: where records are counted of which nothing but their loss is known."""

_PROGRAM_TYPE: Final = {
    How.TRACEPOINT: TRACEPOINT,
    How.RAW_TRACEPOINT: RAW_TRACEPOINT,
    How.KPROBE: KPROBE,
    How.KRETPROBE: KPROBE,
}
_COUNTED, _VM_EVENTS = 1, 2
"""RT_PAGES_* of bpf/runs.bpf.c."""
_RETURN_ZERO: Final = bytes.fromhex("b7000000000000009500000000000000")
"""`r0 = 0; exit`, which is the same in both byte orders."""


class Probes:
    """Loaded programs, the map their records go to and their loss counters. Close detaches; nothing stays behind.

    Whoever reads the records opens the buffers before `attach`: what comes without a buffer counts as lost.
    Raises CannotTraceError where bcc is missing or the programs don't compile. Single programs that the kernel
    refuses are in `rows`; the caller decides whether what is left is worth tracing: see `require_any`.
    """

    def __init__(
        self,
        plan: Plan,
        buffer_bytes: int = MOST_BUFFER_BYTES,
        transport: Transport | None = None,
        loader: Loader | None = None,
    ) -> None:
        """`buffer_bytes` of kernel memory for records, about; without a `transport` the better one the kernel has.

        A `loader` that was started earlier is ready earlier.
        """
        self.plan = plan
        self.choice: TransportChoice = choose_transport(transport)
        self.cgroup_ids: CgroupIds = choose_cgroup_ids()
        host = read_host()
        self.sizes = BufferSizes.of(self.choice.transport, buffer_bytes, host.cpus_online)
        self._refusals = refused_beforehand(plan)
        request = load_request(plan, self.choice.transport, self._refusals)
        entries = map_entries(self.choice.transport, self.sizes.each_bytes, host.cpus_possible)
        self._loaded = (loader or Loader()).load(replace(request, map_entries=entries))
        self._events: list[int] = []
        self._page_source: PageSource | None = None
        self._attached: set[tuple[str, str]] = set()
        self._unfiltered: dict[int, int] = {}
        self.events_fd = self._loaded.maps[RING_MAP]
        self._loss = LossCounters(self._loaded.maps[LOST_MAP], host.cpus_possible)
        self.bell = Bell.of(self._loaded.maps)

    @property
    def programs(self) -> str:
        """How the programs came: a `loader.Way`."""
        return self._loaded.way

    @property
    def buffer_bytes(self) -> int:
        """Kernel memory for records, all buffers together."""
        return self.sizes.total_bytes

    @property
    def rows(self) -> tuple[PlanRow, ...]:
        """The plan with each source's fate."""
        return self.plan.rows(self._refusals)

    @property
    def absent_fields(self) -> dict[str, tuple[str, ...]]:
        """Fields that the sources in use lack, by kind name."""
        return self.plan.absent_fields(self._refusals)

    def attach(self) -> None:
        """Let the programs run: from here on there are records.

        Of each subject the first source that the kernel accepts; `plan.chosen` draws the same from the refusals.
        """
        used: set[str] = set()
        for subject in self.plan.subjects:
            if subject.needs and not subject.needs & used:
                continue
            for source in subject.sources:
                if not source.obstacle and source.name not in self._refusals and self._attach_source(source):
                    used.add(source.name)
                    break

    def count_pages(self) -> None:
        """Have the balloon's runs count their pages from here on; what is in a run that is under way stays untold."""
        if self._page_source is not None:
            value = _VM_EVENTS if self._page_source is PageSource.COUNTERS else _COUNTED
            syscalls.update_element(self._loaded.maps[PAGE_SOURCE_MAP], 0, value)

    def require_any(self) -> None:
        """Raises CannotTraceError, with the first reason, where no program could be attached, or the kernel refused all
        its tracepoints: functions alone show no reclaim.
        """
        points = [row for row in self.rows if row.source.startswith("tracepoint:")]
        refused = next((row for row in (*points, *self.rows) if row.state is SourceState.REFUSED), None)
        if self._events and (refused not in points or any(row.state is SourceState.USED for row in points)):
            return
        what = "tracepoint" if self._events else "BPF program"
        reason = f"{refused.source}: {refused.reason}" if refused else "this kernel has none of the tracepoints"
        raise CannotTraceError(f"no {what} could be attached: {reason}; see: reclaim-tracer check")

    def lost(self) -> npt.NDArray[np.uint64]:
        """Records that found no room since the start, by kind number; shape (MAX_KINDS,)."""
        total: npt.NDArray[np.uint64] = self.lost_by_cpu().sum(axis=0)
        return total

    def lost_by_cpu(self) -> npt.NDArray[np.uint64]:
        """The same by CPU and kind number; shape (possible CPUs, MAX_KINDS). Overwritten by the next call."""
        return self._loss.by_cpu()

    def missed(self) -> npt.NDArray[np.uint64]:
        """Events at which the kernel skipped the program, because another one ran on that CPU; shape (MAX_KINDS,).

        That happens to interrupts. Filtered programs are left out: what they let through runs in tasks, what they keep
        out (timers' notifiers) does not.
        All zero on kernels that do not count them (they do since "bpf: Count missed stats in trace_call_bpf").
        """
        counts = np.zeros(MAX_KINDS, np.uint64)
        for number, program in self._unfiltered.items():
            counts[number] = syscalls.recursion_misses(program)
        return counts

    def take_untold(self) -> npt.NDArray[np.void]:
        """What the programs have added up and not told yet, as records of EVENT_DTYPE; to be called at the end."""
        spans = self._loaded.maps.get(LRU_SPANS_MAP)
        return np.empty(0, EVENT_DTYPE) if spans is None else take_lru_spans(spans)

    def costs(self) -> dict[str, ProgramCost]:
        """What each program has cost while a `CostMeter` was open, by the program's name."""
        return read_costs(self._loaded.programs)

    def detach(self) -> None:
        """Let go of every program; ring and loss counters stay readable. Idempotent."""
        events, self._events = self._events, []
        _release(events)

    def close(self) -> None:
        """Detach and free everything; idempotent."""
        self.detach()
        self._unfiltered.clear()
        self._loss.close()
        if self.bell:
            self.bell.close()
        self._loaded.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _attach_source(self, source: Source) -> bool:
        """All of a source's probes or none."""
        new = [probe for probe in source.probes if (probe.program, probe.label) not in self._attached]
        events: list[int] = []
        try:
            events.extend(_attach(self._program(probe), probe) for probe in new)
        except (LoadError, OSError) as error:
            self._refusals[source.name] = str(error)
            _release(events)
            return False
        self._page_source = source.page_source or self._page_source
        self._events += events
        self._attached |= {(probe.program, probe.label) for probe in new}
        self._unfiltered |= {
            probe.kind.number: self._program(probe) for probe in new if probe.kind and not probe.is_filtered
        }
        return True

    def _program(self, probe: Probe) -> int:
        """Raises LoadError with the verifier's reason."""
        if probe.loaded_as in self._loaded.programs:
            return self._loaded.programs[probe.loaded_as]
        raise LoadError(self._loaded.refusals.get(probe.loaded_as, "not loaded"), "")


def lost_by_kind(counts: npt.NDArray[np.uint64]) -> dict[str, int]:
    """Loss counters by kind name, zeros left out."""
    return {_kind_name(number): int(counts[number]) for number in np.flatnonzero(counts).tolist()}


def _kind_name(number: int) -> str:
    if number == UNKNOWN_NUMBER:
        return UNKNOWN_KIND
    return KIND_BY_NUMBER[number].name if number in KIND_BY_NUMBER else f"kind {number}"


def load_request(
    plan: Plan,
    transport: Transport,
    refusals: Mapping[str, str] = NOTHING,
    root: Path = ROOT,
    trials: Trials = RUNNING,
    release: str | None = None,
) -> LoadRequest:
    """What a plan needs on the machine below `root`, whose uname's `release` is this one's without one.

    `refusals` are sources that need not be tried, with the reason.
    """
    directory, release = bpf_dir(), release or os.uname().release
    probes = [probe for source in plan.to_try if source.name not in refusals for probe in source.probes]
    traced = {probe.loaded_as: probe for probe in probes if probe.is_traced}
    plain = {probe.program: _PROGRAM_TYPE[probe.how] for probe in probes if not probe.is_traced}
    spans = [LRU_SPANS_MAP] if plan.lru_detail is LruDetail.SPAN else []
    return LoadRequest(
        program_text(directory),
        [*kernel_flags(release, transport, directory, root, trials), *plan.common_flags()],
        str(directory),
        maps=(*transport_maps(transport), PAGE_SOURCE_MAP, *spans),
        programs=list(plain.items()),
        traced=[
            (name, probe.program, probe.how is How.FEXIT, probe.type_number, probe.module)
            for name, probe in traced.items()
        ],
        source_flags=plan.source_flags(refusals),
        release=release,
        boot_values=plan.boot_values(),
    )


def _attach(program: int, probe: Probe) -> int:
    match probe.how:
        case How.TRACEPOINT if probe.format is not None:
            return attach_tracepoint(program, probe.format.id)
        case How.RAW_TRACEPOINT:
            return attach_raw_tracepoint(program, probe.target)
        case How.KPROBE | How.KRETPROBE:
            return attach_kprobe(program, probe.target, on_return=probe.how is How.KRETPROBE)
        case How.FENTRY | How.FEXIT:
            return attach_traced_function(program)
    raise LoadError("no such tracepoint", "")


def refused_beforehand(plan: Plan) -> dict[str, str]:
    """What need not even be compiled: sources of traced functions where the kernel refuses the smallest of them."""
    traced = [source for source in plan.to_try if any(probe.is_traced for probe in source.probes)]
    trial = next((probe for source in traced for probe in source.probes if probe.is_traced and not probe.module), None)
    if trial is None or not (reason := _why_not_traced(trial.type_number)):
        return {}
    return {source.name: reason for source in traced}


def _why_not_traced(type_number: int) -> str:
    """Why the kernel refuses fentry on a function of its own; empty where it doesn't."""
    try:
        program = load_traced_function(_RETURN_ZERO, type_number, on_return=False)
        try:
            os.close(attach_traced_function(program))
        finally:
            os.close(program)
    except OSError as error:
        return f"this kernel refuses fentry: {error.strerror}"
    except LoadError as error:
        return f"this kernel refuses fentry: {error}"
    return ""


def _release(events: list[int]) -> None:
    """Close perf events without waiting for the kernel.

    The last close of each waits for grace periods, one tracepoint after the other (40-70 ms each): a shell that
    inherits them, and ends when its input does, makes ours not the last.
    """
    if not events:
        return
    reader, writer = os.pipe()
    try:
        _spawn_holder(events, reader)
    except OSError:
        pass
    finally:
        os.close(reader)
        for fd in events:
            with suppress(OSError):
                os.close(fd)
        os.close(writer)


def _spawn_holder(events: list[int], stdin: int) -> None:
    shell = Path("/bin/sh")
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    try:
        for fd in events:
            os.set_inheritable(fd, True)
        actions = [(os.POSIX_SPAWN_DUP2, stdin, 0), (os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, null, 2)]
        os.posix_spawn(str(shell), [str(shell), "-c", "read _"], {}, file_actions=actions, setsid=True)
    finally:
        os.close(null)
