"""One tracing session: everything attached, what the recording must know about it, and the stream of items.

The order is: `open_session` compiles, loads and attaches, so that metadata can hold the plan as tried. The caller then
takes the first of `items`: this is time zero, and what single programs told before it is left out. It starts the
command, if any. Then the caller opens its output with `metadata`. Check an output path before `open_session`: after it,
only the disk itself can still refuse.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from .. import __version__
from ..buffer_sizes import MOST_BUFFER_BYTES
from ..errors import CannotTraceError
from ..kernel.cgroup_paths import CgroupPaths
from ..kernel.counters import CounterReader
from ..kernel.host import ClockAnchor, clock_anchor, read_host
from ..kernel.lru_gen import read_lru_gen
from ..kernel.watermarks import read_watermarks
from ..metadata import Metadata
from ..probes.attach import Probes
from ..probes.costs import CostMeter
from ..probes.loader import Loader
from ..probes.own_process import own_process_number
from ..probes.plan import Plan, make_plan
from ..probes.symbol_printer import SymbolPrinter
from ..probes.transport import Transport
from ..program_cost import ProgramCost
from .collector import DEFAULT_SAMPLE_INTERVAL_S, Collector, Item, Sources
from .command import Command, OomShield
from .cpu_priority import CpuPriority
from .signals import StopSignals
from .time_zero import since
from .transport import Buffers, open_buffers

MIN_SAMPLE_INTERVAL_S: Final = 0.01


class Session:
    """Attached programs and their collector; a context manager. Made by `open_session`."""

    def __init__(
        self,
        plan: Plan | None,
        sample_interval_s: float,
        buffer_bytes: int,
        command: Command | None,
        transport: Transport | None,
        measure_cost: bool,
        loader: Loader | None,
        turn_s: float | None,
    ) -> None:
        self._interval_s = max(sample_interval_s, MIN_SAMPLE_INTERVAL_S)
        self._command = command
        self._privileges = (OomShield(), CpuPriority())
        with ExitStack() as stack:
            if measure_cost:
                with suppress(OSError):
                    stack.enter_context(CostMeter())
            loader = stack.enter_context(loader or Loader())
            plan = plan or make_plan()
            anchor = clock_anchor()
            self._probes = stack.enter_context(Probes(plan, buffer_bytes, transport, loader))
            self._buffers, lost = _open_buffers(self._probes)
            stack.callback(self._buffers.close)
            self._probes.attach()
            self._probes.require_any()
            counters = stack.enter_context(CounterReader())
            paths = self._cgroup_paths(stack)
            probes = self._probes
            named = _symbol_names(stack)
            sources = Sources(self._buffers, lost, probes.missed, counters, probes.take_untold, paths, named)
            self._collector = Collector(sources, anchor.monotonic_ns, self._interval_s, turn_s)
            stack.callback(self._collector.close)
            self._stop_signals = self._take_signals(stack)
            stack.callback(self._leave_command)
            for privilege in self._privileges:
                privilege.raise_()
                stack.callback(privilege.lower)
            self.metadata = self._describe(anchor)
            self._stack = stack.pop_all()

    @property
    def command_status(self) -> int | None:
        """The command's exit status, negative the signal that killed it; None without one or before its end."""
        return self._command.status if self._command else None

    @property
    def ended_command(self) -> bool:
        """Whether the command still ran when the recording was over, and was sent SIGTERM."""
        return self._command is not None and self._command.was_ended

    @property
    def stop_signal(self) -> int | None:
        """The signal that ended the session, or None."""
        return self._stop_signals.received if self._stop_signals else None

    @property
    def malformed(self) -> int:
        """Records that were none of ours; 0 unless something is badly wrong."""
        return self._buffers.malformed

    def program_costs(self) -> dict[str, ProgramCost]:
        """What each program cost so far, by name; empty where that is not measured."""
        return self._probes.costs()

    @property
    def present(self) -> frozenset[int]:
        """The kinds, by number, in the records given out last."""
        return self._collector.present

    def items(self, duration_s: float | None = None, *, lend: bool = False) -> Iterator[Item]:
        """Records, samples, lost stretches and symbols, until the time is over, the command ends, a signal, or `stop`.

        The first is the counters at time zero, which `metadata` has from here on and from which `duration_s` counts.
        Then what is still in the kernel, the last loss counters and a last sample. To be iterated once.
        `lend` gives out records as they lie in the kernel's buffer, good until the next item is asked for; else copies.
        """
        start_ns = self._begin()
        if self._command is not None:
            self._start(self._command)
        yield from since(start_ns, self._collector.items(duration_s, self._end_command, lend=lend))

    def stop(self) -> None:
        """End `items` soon; from any thread or signal handler."""
        self._collector.stop()

    def close(self) -> None:
        """Detach, restore signals; idempotent. A command that `items` did not end goes on."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin(self) -> int:
        self._probes.count_pages()
        start_ns, anchor = self._collector.begin(), clock_anchor()
        start_utc_ns = anchor.utc_ns + start_ns - anchor.monotonic_ns
        self.metadata = replace(self.metadata, start_ns=start_ns, start_utc_ns=start_utc_ns)
        return start_ns

    def _start(self, command: Command) -> None:
        # The command must not inherit this process's exemption from the OOM killer, nor its place before others.
        for privilege in self._privileges:
            privilege.lower()
        command.start()
        for privilege in self._privileges:
            privilege.raise_()
        self._collector.stop_when(command.pidfd, lambda: command.status is not None)

    def outlive_command(self, most_s: float | None) -> None:
        """Wait until the command has ended by itself; where it has not after so long, tell it to end."""
        if self._command is not None:
            self._command.wait(most_s)
            self._command.finish()

    @property
    def command_runs(self) -> bool:
        """Whether a command was started and has not ended."""
        return self._command is not None and self._command.pid is not None and self._command.status is None

    def _leave_command(self) -> None:
        if self._command is not None:
            self._command.leave()

    def _end_command(self) -> None:
        if self._command is not None:
            self._command.finish()

    def _take_signals(self, stack: ExitStack) -> StopSignals | None:
        if threading.current_thread() is not threading.main_thread():
            return None
        signals = stack.enter_context(StopSignals())
        self._collector.stop_when(signals.fd, lambda: signals.received is not None)
        return signals

    def _cgroup_paths(self, stack: ExitStack) -> Callable[[int], str | None]:
        hierarchy = self._probes.cgroup_ids.hierarchy
        return stack.enter_context(CgroupPaths(hierarchy)).path if hierarchy else lambda _: None

    def _describe(self, anchor: ClockAnchor) -> Metadata:
        host, probes, lru_gen, watermarks = read_host(), self._probes, read_lru_gen(), read_watermarks()
        return Metadata(
            tool_version=__version__,
            kernel_release=host.kernel_release,
            kernel_version=host.kernel_version,
            machine=host.machine,
            host=host.host,
            boot_id=host.boot_id,
            start_ns=anchor.monotonic_ns,
            start_utc_ns=anchor.utc_ns,
            boottime_ahead_ns=max(anchor.boottime_ns - anchor.monotonic_ns, 0),
            page_size_bytes=host.page_size_bytes,
            cpus=host.cpus_online,
            numa_nodes=host.numa_nodes,
            memory_total_bytes=host.memory_total_bytes,
            balloon=probes.plan.balloon,
            plan=probes.rows,
            absent_fields=probes.absent_fields,
            command=self._command.arguments if self._command else (),
            programs=probes.programs,
            transport=probes.choice.transport.value,
            transport_reason=probes.choice.reason,
            cgroup_hierarchy=(probes.cgroup_ids.hierarchy or ""),
            cgroup_hierarchy_reason=probes.cgroup_ids.reason,
            buffer_bytes=probes.buffer_bytes,
            sample_interval_s=self._interval_s,
            lru_detail=probes.plan.lru_detail.value,
            lru_gen_enabled=lru_gen.enabled,
            lru_gen_min_ttl_ms=lru_gen.min_ttl_ms,
            watermark_min_pages=watermarks.min_pages,
            watermark_low_pages=watermarks.low_pages,
            watermark_high_pages=watermarks.high_pages,
            recorder_pid=own_process_number(),
        )


def open_session(
    sample_interval_s: float = DEFAULT_SAMPLE_INTERVAL_S,
    buffer_bytes: int = MOST_BUFFER_BYTES,
    command: Command | None = None,
    plan: Plan | None = None,
    transport: Transport | None = None,
    measure_cost: bool = False,
    loader: Loader | None = None,
    turn_s: float | None = None,
) -> Session:
    """Compile, load and attach. Raises CannotTraceError where this machine can't.

    Without a `transport` it is the better one that the kernel has. `measure_cost` has the kernel measure the programs,
    where it can; they run a third longer then. A `loader` that was started earlier is ready earlier.
    With `turn_s` items come at least as often, empty records where there is nothing else.
    """
    return Session(plan, sample_interval_s, buffer_bytes, command, transport, measure_cost, loader, turn_s)


def _symbol_names(stack: ExitStack) -> Callable[[int], str | None] | None:
    try:
        return stack.enter_context(SymbolPrinter()).name
    except OSError:
        return None


def _open_buffers(probes: Probes) -> tuple[Buffers, Callable[[], npt.NDArray[np.uint64]]]:
    try:
        return open_buffers(probes)
    except OSError as error:
        size = f"{probes.buffer_bytes >> 20} MiB of {probes.choice.transport} buffers"
        fix = "a smaller --buffer-size, or CAP_IPC_LOCK" if error.errno == errno.EPERM else "a smaller --buffer-size"
        raise CannotTraceError(f"can't allocate {size}: {error.strerror} (try: {fix})") from error
