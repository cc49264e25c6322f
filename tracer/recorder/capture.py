"""Plugs a tracing session into a recording."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..batch import CgroupNames, LostStretch, Samples
from ..buffer_sizes import MOST_BUFFER_BYTES
from ..collect.collector import DEFAULT_SAMPLE_INTERVAL_S
from ..collect.command import Command
from ..collect.command_user import find_user
from ..collect.memory_lock import MemoryLock
from ..collect.session import Session, open_session
from ..errors import CannotTraceError, TracerError, printable, shown
from ..freed_memory import give_back_freed_memory
from ..kernel import kernel_time
from ..kernel.access import requirements
from ..kernel.clocks import ClockWatch
from ..metadata import LOCKED, Metadata, PlanRow, SourceState
from ..outputs import FileIdentity
from ..ownership import sudo_user
from ..probes.loader import Loader
from ..probes.lru import LruDetail
from ..probes.plan import make_plan, targets_for
from ..probes.probe import PageSource
from ..probes.transport import Transport
from ..program_cost import COST_NOTE, ProgramCost, costs_to_note
from ..store.format import JSON
from ..store.note_keys import CLOCK_CHANGES_NOTE, MOST_CLOCK_CHANGES
from ..terminal.messages import Messages
from ..terminal.messages import say as warn
from .flushing import Flushes, turn_s_of
from .footprint import ANONYMOUS_BOUND_BYTES, let_go_of_files
from .marks import MarkLines
from .module_changes import module_changes
from .output import OpenOutput, Output
from .sign_of_life import SignOfLife

if TYPE_CHECKING:
    from ..collect.collector import Item

_SAY_S: Final = 1.0
"""How often it is said how it goes, and clocks are compared."""


@contextmanager
def _no_load() -> Iterator[Callable[[], None]]:
    yield lambda: None


@dataclass(frozen=True)
class CaptureRequest:
    """What to record, where to, for how long; `load` is ready before anything is attached and then told to begin.

    `as_user` is the user that the command runs as: NAME or UID, with or without :GROUP; None for this process's.
    `flush_s` bounds how old what is written may be, None for as the recorder thinks best.
    `memory_available_bytes` is what could be had when the buffers' sizes were chosen, None where unknown.
    `marks`: each line of standard input is put into the recording; where that is a stream, their end ends it.
    `beside` is called about once a second: what runs beside the recorder is looked after there.
    `labels` are put into the recording.
    """

    output: Output
    duration_s: float | None = None
    command: tuple[str, ...] = ()
    as_user: str | None = None
    sample_interval_s: float = DEFAULT_SAMPLE_INTERVAL_S
    buffer_bytes: int = MOST_BUFFER_BYTES
    memory_available_bytes: int | None = None
    flush_s: float | None = None
    measure_cost: bool = False
    transport: Transport | None = None
    balloon_source: str = PageSource.AUTO
    oom_notifiers: tuple[str, ...] = ()
    lru_detail: str = LruDetail.EACH
    loader: Loader | None = None
    marks: bool = False
    beside: Callable[[], None] = lambda: None
    labels: Mapping[str, str] = field(default_factory=dict)
    load: Callable[[], AbstractContextManager[Callable[[], None]]] = _no_load


@dataclass(frozen=True)
class Captured:
    """A recording's name, of several files too, and which files it is in; `command_status` is the exit status of a
    command that ended by itself, negative the signal that killed it."""

    path: Path
    identities: Mapping[Path, FileIdentity]
    command_status: int | None = None


def capture(request: CaptureRequest, say: Messages) -> Captured:
    """Trace until the time is over, the command ends or a signal comes.

    Raises CannotTraceError, UsageError, and TracerError where the output can't be written: before anything is attached,
    or when the disk refuses later; what was written by then stays readable.
    """
    command = _command(request)
    request.output.check()
    require_tracing()
    with (
        request.load() as begin_load,
        open_session(
            request.sample_interval_s,
            request.buffer_bytes,
            command,
            make_plan(targets_for(request.balloon_source, request.oom_notifiers, request.lru_detail)),
            transport=request.transport,
            measure_cost=request.measure_cost,
            loader=request.loader,
            turn_s=turn_s_of(request.flush_s),
        ) as session,
        _command_outlives(session, request.duration_s),
    ):
        _require_source(request.balloon_source, session.metadata.plan)
        _say_plan(session, say)
        give_back_freed_memory()
        let_go_of_files()
        # Not before: what is locked can't be given back, and not longer: the summary is no recorder.
        with MemoryLock() as lock:
            writer, lost = _record(request, session, lock, begin_load, say)
    _say_written(writer, lost, say)
    status = None if session.ended_command else session.command_status
    return Captured(request.output.path, writer.identities, status)


def _command(request: CaptureRequest) -> Command | None:
    """Raises UsageError."""
    if not request.command:
        return None
    return Command(request.command, find_user(request.as_user) if request.as_user is not None else None)


def _require_source(wanted: str, plan: Sequence[PlanRow]) -> None:
    """Raises CannotTraceError where the way of counting the balloon's pages that was asked for can't be had."""
    if wanted in (PageSource.AUTO, PageSource.SAMPLES):
        return
    rows = [row for row in plan if row.what == "balloon_run_pages"]
    if not any(row.state is SourceState.USED for row in rows):
        why = "; ".join(f"{row.source}: {row.reason}" for row in rows if row.reason) or "this machine has no balloon"
        raise CannotTraceError(f"--balloon-source {wanted} does not work here: {why}; see: reclaim-tracer check -v")


@contextmanager
def _command_outlives(session: Session, duration_s: float | None) -> Iterator[None]:
    """A recording that fails (a full disk, say) is told at once, and the command, whose failure it is not, goes on.

    It has the time that it would have had.
    """
    start_s = time.monotonic()
    try:
        yield
    except TracerError as error:
        if session.command_runs:
            warn(f"{error}; the command keeps running, untraced")
            session.close()
            session.outlive_command(duration_s and max(0.0, start_s + duration_s - time.monotonic()))
        raise


def require_tracing() -> None:
    """Raises CannotTraceError with everything that is missing and how to get it; bcc speaks for itself when loaded."""
    missing = [item for item in requirements() if item.needed and not item.ok]
    if missing:
        raise CannotTraceError("; ".join(f"{item.name}: {item.detail} (try: {item.fix})" for item in missing))


def _record(
    request: CaptureRequest, session: Session, lock: MemoryLock, begin_load: Callable[[], None], say: Messages
) -> tuple[OpenOutput, int]:
    items = session.items(request.duration_s, lend=True)
    # The first item is time zero and starts the command: one that can't be started leaves an older recording there.
    first = next(items)
    begin_load()
    facts = replace(
        session.metadata,
        memory_lock=lock.refusal or LOCKED,
        queue_bytes=request.output.queue_bytes,
        memory_available_bytes=request.memory_available_bytes,
        labels=request.labels,
    )
    writer = request.output.open(facts)
    try:
        _say_buffers(facts, writer, say)
        _say_lock(lock, say)
        _say_begun(request, say)
        life = SignOfLife(facts, say, command=bool(request.command))
        marked = _marks(request, session, writer)
        lost = _copy(
            chain((first,), items), lambda: session.present, writer, say, life, request.flush_s, marked, request.beside
        )
        _write_end(session, writer, say)
    finally:
        writer.close()
    return writer, lost


def _copy(
    items: Iterable[Item],
    present: Callable[[], AbstractSet[int]],
    writer: OpenOutput,
    say: Messages,
    life: SignOfLife,
    flush_s: float | None = None,
    marked: Callable[[float], None] = lambda _: None,
    beside: Callable[[], None] = lambda: None,
) -> int:
    """Write every item, and flush when that is due; the number of events the kernel lost.

    `present` says which kinds are in the item's records; `marked` looks for marks, given the time.
    """
    lost, start_s = 0, time.monotonic()
    flushes, next_say_s = Flushes(flush_s, start_s), start_s + _SAY_S
    clocks = _ClockNotes(writer)
    for item in items:
        _write(item, writer)
        if isinstance(item, Samples):
            life.sampled(item)
        flushes.took(item)
        for change in module_changes(item, present()):
            say.info(change)
        lost += item.total if isinstance(item, LostStretch) else 0
        now_s = time.monotonic()
        marked(now_s)
        says = now_s >= next_say_s
        if says:
            next_say_s = now_s + _SAY_S
            clocks.note()
            _warn_of_skipped(writer)
            beside()
        if flushes.is_due(now_s):
            writer.flush()
        if says:
            all_lost = lost + sum(writer.dropped.values())
            say.detail(f"{now_s - start_s:6.1f} s: {writer.events_written:,} events, {all_lost:,} lost")
            life.show(writer.events_written, all_lost)
    life.clear()
    clocks.note()
    return lost


def _marks(request: CaptureRequest, session: Session, writer: OpenOutput) -> Callable[[float], None]:
    """Looks for marks, if they were asked for; of a stream their end is the end."""
    if not request.marks:
        return lambda _: None
    lines = MarkLines(writer.write_note)

    def look(now_s: float) -> None:
        lines.look(now_s)
        if lines.has_ended and request.output.stream:
            session.stop()

    return look


class _ClockNotes:
    """Notes what happens to the clocks."""

    def __init__(self, writer: OpenOutput) -> None:
        self._writer = writer
        self._watch = ClockWatch()
        self._changes: list[JSON] = []

    def note(self) -> None:
        """Write down what happened since the last time, with everything before it, so that the last note says all."""
        if changes := self._watch.changes():
            self._changes += [[change.at_ns, change.kind.value, change.by_ns] for change in changes]
            del self._changes[:-MOST_CLOCK_CHANGES]
            self._writer.write_note(CLOCK_CHANGES_NOTE, [*self._changes])


def _write(item: Item, writer: OpenOutput) -> None:
    if isinstance(item, Samples):
        writer.write_samples(item)
    elif isinstance(item, LostStretch):
        writer.write_lost(item)
    elif isinstance(item, CgroupNames):
        writer.write_cgroups(item)
    elif isinstance(item, dict):
        writer.write_symbols(item)
    else:
        writer.write_events(item)


def _write_end(session: Session, writer: OpenOutput, say: Messages) -> None:
    """Facts known only now."""
    if (status := session.command_status) is not None:
        writer.write_note("exit_status", status)
        if session.ended_command:
            say.info("The command was still running when the recording ended: it was sent SIGTERM")
        elif status:
            say.info(f"The command ended with {f'status {status}' if status > 0 else f'signal {-status}'}")
    if (signal := session.stop_signal) is not None:
        writer.write_note("stop_signal", int(signal))
    if session.malformed:
        writer.write_note("malformed", session.malformed)
    if costs := session.program_costs():
        writer.write_note(COST_NOTE, costs_to_note(costs))
        _say_costs(costs, (kernel_time.now_ns() - session.metadata.start_ns) / 1e9, say)


def _say_plan(session: Session, say: Messages) -> None:
    facts = session.metadata
    why = f" ({facts.transport_reason})" if facts.transport_reason else ""
    say.detail(f"transport: {facts.transport}{why}, {facts.buffer_bytes / 1024:,.0f} KiB")
    say.detail(f"programs: {facts.programs}")
    why = f" ({facts.cgroup_hierarchy_reason})" if facts.cgroup_hierarchy_reason else ""
    say.detail(f"cgroups: {facts.cgroup_hierarchy or 'not told'}{why}")
    for row in facts.plan:
        reason = f": {row.reason}" if row.reason else ""
        say.detail(f"{row.what}: {row.source} {row.state.value}{reason}")


def _say_begun(request: CaptureRequest, say: Messages) -> None:
    if not request.command:
        length, when = (f" for {request.duration_s:,.10g} s", " sooner") if request.duration_s else ("", "")
        say.info(f"Tracing{length}. Ctrl-C ends it{when}.")
    elif request.as_user is None and (user := sudo_user()):
        say.info(f"The command runs as root; with --as-user {user} it runs as {user}")


def _say_costs(costs: Mapping[str, ProgramCost], duration_s: float, say: Messages) -> None:
    for name, cost in sorted(costs.items(), key=lambda item: -item[1].run_time_ns):
        say.detail(f"{name}: ran {cost.runs:,} times, {cost.run_time_ns / cost.runs:,.0f} ns each")
    total_ns = sum(cost.run_time_ns for cost in costs.values())
    say.detail(f"BPF programs: {total_ns / 1e6:,.1f} ms in total, {total_ns / 1e7 / duration_s:.3f} % of a CPU")


def _say_buffers(facts: Metadata, writer: OpenOutput, say: Messages) -> None:
    packing_bytes = writer.buffer_bytes - writer.queue_bytes
    kernel, queue, packing, own = (
        _mib(size) for size in (facts.buffer_bytes, writer.queue_bytes, packing_bytes, ANONYMOUS_BOUND_BYTES)
    )
    say.info(f"Buffers: {kernel} in the kernel, {queue} for events not yet written, {packing} for compression")
    say.info(f"Other memory: at most {own}")


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / (1 << 20):,.1f}".removesuffix(".0") + " MiB"


def _say_lock(lock: MemoryLock, say: Messages) -> None:
    if lock.refusal:
        say.detail(f"memory: not locked ({lock.refusal}; CAP_IPC_LOCK would allow it): reclaim can stall the recorder")
    else:
        say.info(f"All of it is locked in memory, with {_mib(lock.file_bytes)} of code and libraries")


def _warn_of_skipped(writer: OpenOutput) -> None:
    if names := writer.newly_skipped():
        where = shown(names[0]) if len(names) == 1 else f"{shown(names[0])} to {printable(names[-1].name)}"
        warn(f"{where}: name already taken; recording continues under the next free number")


def _say_written(writer: OpenOutput, lost: int, say: Messages) -> None:
    _warn_of_skipped(writer)
    files, dropped = writer.files, sum(writer.dropped.values())
    where = f"{files[0]}" if len(files) == 1 else f"{files[0]} to {files[-1].name}"
    size = f"{writer.bytes_written / 1024:,.0f} KiB"
    say.info(f"Wrote {where} ({writer.events_written:,} events, {lost + dropped:,} lost, {size})")
    if dropped:
        say.info(f"{dropped:,} of the lost events because writing was too slow; a larger --queue-size buffers more")
