"""Trying a plan by doing: compile, load and attach each program, remember each refusal, detach quickly.

A child process compiles and loads (`loading.py`); attaching is this process's.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from ..errors import CannotTraceError
from ..kernel.host import read_host
from ..metadata import PlanRow, SourceState
from ..program_cost import ProgramCost
from ..schema import KIND_BY_NUMBER, MAX_KINDS
from . import syscalls
from .attachment import attach_tracepoint
from .compiler import TRACEPOINT, LoadError
from .costs import read_costs
from .loading import LoadRequest, load
from .plan import Candidate, Plan
from .sources import LOST_MAP, RING_MAP, bpf_dir, kernel_flags, program_text

DEFAULT_BUFFER_BYTES: Final = 16 << 20
"""Kernel memory for the ring: some 70 ms of the fastest stream seen (2 million events/s, 112 bytes each)."""

MAX_BUFFER_BYTES: Final = 1 << 30


class Probes:
    """Attached programs, their ring and their loss counters. Close detaches; nothing stays behind.

    Raises CannotTraceError where bcc is missing or the programs don't compile. Single programs that the kernel
    refuses are in `rows`; the caller decides whether what is left is worth tracing: see `require_any`.
    """

    def __init__(self, plan: Plan, buffer_bytes: int = DEFAULT_BUFFER_BYTES) -> None:
        self.plan = plan
        self.buffer_bytes = ring_bytes(buffer_bytes)
        host = read_host()
        self._loaded = load(_request(plan, self.buffer_bytes // host.page_size_bytes, host.kernel_release))
        self._events: list[int] = []
        self._unfiltered: dict[int, int] = {}
        self._refusals = dict(self._loaded.refusals)
        self.ring_fd = self._loaded.maps[RING_MAP]
        self._lost_buffer = np.zeros((host.cpus_possible, MAX_KINDS), np.uint64)
        try:
            self._attach_all()
        except BaseException:
            self.close()
            raise

    @property
    def rows(self) -> tuple[PlanRow, ...]:
        """The plan with each source's fate."""
        return self.plan.rows(self._refusals)

    def require_any(self) -> None:
        """Raises CannotTraceError, with the first reason, when not one program could be attached."""
        if self._events:
            return
        refused = next((row for row in self.rows if row.state is SourceState.REFUSED), None)
        reason = f"{refused.source}: {refused.reason}" if refused else "this kernel has none of the tracepoints"
        raise CannotTraceError(f"no BPF program could be attached: {reason}; see: reclaim-tracer check")

    def lost(self) -> npt.NDArray[np.uint64]:
        """Records that found no room since the start, by kind number; shape (MAX_KINDS,)."""
        if not self._loaded.maps:
            raise ValueError("the probes are closed")
        syscalls.lookup_element(self._loaded.maps[LOST_MAP], 0, self._lost_buffer.ctypes.data)
        total: npt.NDArray[np.uint64] = self._lost_buffer.sum(axis=0)
        return total

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
        self._loaded.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _attach_all(self) -> None:
        for candidate in self.plan.to_try:
            kind = candidate.kind
            if (program := self._loaded.programs.get(kind.name)) is None:
                continue
            try:
                self._events.append(_attach(program, candidate))
                if not candidate.is_filtered:
                    self._unfiltered[kind.number] = program
            except LoadError as error:
                self._refusals[kind.name] = str(error)


def ring_bytes(wanted: int) -> int:
    """The ring size for `wanted` bytes: a power of two of at least a page (the kernel's rule), at most 1 GiB."""
    page = os.sysconf("SC_PAGE_SIZE")
    size = max(page, min(wanted, MAX_BUFFER_BYTES))
    return 1 << (size - 1).bit_length()


def lost_by_kind(counts: npt.NDArray[np.uint64]) -> dict[str, int]:
    """Loss counters by kind name, zeros left out."""
    return {
        KIND_BY_NUMBER[number].name if number in KIND_BY_NUMBER else f"kind {number}": int(counts[number])
        for number in np.flatnonzero(counts).tolist()
    }


def _request(plan: Plan, ring_pages: int, kernel_release: str) -> LoadRequest:
    directory = bpf_dir()
    return LoadRequest(
        program_text(directory),
        [*kernel_flags(kernel_release, ring_pages, directory), *plan.flags()],
        str(directory),
        maps=(RING_MAP, LOST_MAP),
        programs=[(candidate.kind.name, TRACEPOINT) for candidate in plan.to_try],
    )


def _attach(program: int, candidate: Candidate) -> int:
    if candidate.format is None:
        raise LoadError("no such tracepoint", "")
    return attach_tracepoint(program, candidate.format.id)


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
