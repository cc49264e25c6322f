"""Trying a plan by doing: compile, load and attach each program, remember each refusal, detach quickly."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from ..errors import CannotTraceError
from ..kernel.host import read_host
from ..metadata import PlanRow, SourceState
from ..schema import KIND_BY_NUMBER, MAX_KINDS
from .compiler import LoadError, Module
from .plan import Plan
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
        directory, host = bpf_dir(), read_host()
        pages = self.buffer_bytes // host.page_size_bytes
        flags = [*kernel_flags(host.kernel_release, pages, directory), *plan.flags()]
        self._module: Module | None = Module(program_text(directory), flags, directory)
        self._events: list[int] = []
        self._unfiltered: dict[int, int] = {}
        self._refusals: dict[str, str] = {}
        self.ring_fd = self._module.map_fd(RING_MAP)
        self._lost_fd = self._module.map_fd(LOST_MAP)
        self._lost_buffer = np.zeros((host.cpus_possible, MAX_KINDS), np.uint64)
        try:
            self._attach_all(self._module)
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
        if self._module is None:
            raise ValueError("the probes are closed")
        pointer = self._lost_buffer.ctypes.data_as(ctypes.c_void_p)
        self._module.read_map(self._lost_fd, 0, pointer)
        total: npt.NDArray[np.uint64] = self._lost_buffer.sum(axis=0)
        return total

    def missed(self) -> npt.NDArray[np.uint64]:
        """Events at which the kernel skipped the program, because another one ran on that CPU; shape (MAX_KINDS,).

        That happens to interrupts. Filtered programs are left out: what they let through runs in tasks, what they keep
        out (timers' notifiers) does not.
        All zero on kernels that do not count them (they do since "bpf: Count missed stats in trace_call_bpf").
        """
        counts = np.zeros(MAX_KINDS, np.uint64)
        if self._module is not None:
            for number, program in self._unfiltered.items():
                counts[number] = self._module.recursion_misses(program)
        return counts

    def detach(self) -> None:
        """Let go of every program; ring and loss counters stay readable. Idempotent."""
        events, self._events = self._events, []
        _release(events)

    def close(self) -> None:
        """Detach and free everything; idempotent."""
        self.detach()
        if self._module is not None:
            self._module.close()
            self._module = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _attach_all(self, module: Module) -> None:
        for candidate in self.plan.to_try:
            name = candidate.kind.name
            try:
                program = module.load(name)
                self._events.append(module.attach(program, candidate.kind.tracepoint))
                if not candidate.is_filtered:
                    self._unfiltered[candidate.kind.number] = program
            except LoadError as error:
                self._refusals[name] = str(error)


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
