"""What could be traced here and how: a source for each event kind, found without bcc, without root, by looking."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from ..kernel.balloon import OOM_NOTIFIERS, WORK_FUNCTION
from ..kernel.counters import pressure_state
from ..kernel.kallsyms import find_symbols, why_hidden
from ..kernel.paths import ROOT, read_text
from ..kernel.tracefs import TracepointFormat, find_tracefs, missing_fields, tracepoint_format, why_absent
from ..metadata import PlanRow, SourceState
from ..schema import TRACEPOINT_KINDS, Kind
from .sources import address_filter_flag, field_flags

_FILTER_MACRO: Final = {
    "workqueue:workqueue_execute_start": "RT_IS_BALLOON_WORK",
    "workqueue:workqueue_execute_end": "RT_IS_BALLOON_WORK",
    "notifier:notifier_run": "RT_IS_OOM_NOTIFIER",
}
_CFI_SUFFIX: Final = ".cfi_jt"
"""With clang's control flow integrity, kernels before 6.1 pass a function's jump table entry around."""


@dataclass(frozen=True)
class Targets:
    """Kernel functions by name that the in-kernel filters let through."""

    work_functions: tuple[str, ...] = (WORK_FUNCTION,)
    oom_notifiers: tuple[str, ...] = OOM_NOTIFIERS


@dataclass(frozen=True)
class Candidate:
    """One kind's tracepoint. `obstacle` says why it can't even be tried; empty where it can."""

    kind: Kind
    format: TracepointFormat | None
    obstacle: str = ""

    @property
    def is_filtered(self) -> bool:
        """Whether the program lets only some hits of its tracepoint through."""
        return self.kind.tracepoint in _FILTER_MACRO

    @property
    def source(self) -> str:
        """As the plan's rows name it."""
        return f"tracepoint:{self.kind.tracepoint}"


@dataclass(frozen=True)
class Plan:
    """Candidates in the schema's order, and what is only sampled. `filters` maps a filter macro to its addresses."""

    candidates: tuple[Candidate, ...]
    filters: Mapping[str, tuple[int, ...]]
    sampled: tuple[PlanRow, ...] = ()

    @cached_property
    def to_try(self) -> tuple[Candidate, ...]:
        """Those that can be compiled and attached."""
        return tuple(candidate for candidate in self.candidates if not candidate.obstacle)

    @cached_property
    def absent_fields(self) -> dict[str, tuple[str, ...]]:
        """Fields the running kernel's tracepoints lack, by kind name: they stay zero in the records."""
        lacking = {
            candidate.kind.name: missing_fields(candidate.kind, candidate.format)
            for candidate in self.to_try
            if candidate.format is not None
        }
        return {name: fields for name, fields in lacking.items() if fields}

    def flags(self) -> list[str]:
        """Compiler flags: which programs, their fields, their filters."""
        flags = [address_filter_flag(macro, addresses) for macro, addresses in self.filters.items()]
        for candidate in self.to_try:
            if candidate.format is not None:
                flags += field_flags(candidate.kind, candidate.format)
        return flags

    def rows(self, refusals: Mapping[str, str]) -> tuple[PlanRow, ...]:
        """The plan as tried; `refusals` maps a kind's name to why the kernel refused it."""
        return (*(_row(candidate, refusals) for candidate in self.candidates), *self.sampled)


def make_plan(targets: Targets | None = None, kinds: Collection[Kind] = TRACEPOINT_KINDS, root: Path = ROOT) -> Plan:
    """The plan for the running kernel; nothing is compiled, loaded or attached yet."""
    wanted = targets or Targets()
    names = {"RT_IS_BALLOON_WORK": wanted.work_functions, "RT_IS_OOM_NOTIFIER": wanted.oom_notifiers}
    functions = [name + suffix for group in names.values() for name in group for suffix in ("", _CFI_SUFFIX)]
    symbols = find_symbols(functions, root)
    filters = {
        macro: tuple(
            symbol.address
            for name in group
            for found in (name, name + _CFI_SUFFIX)
            for symbol in symbols.get(found, ())
            if symbol.address
        )
        for macro, group in names.items()
    }
    hidden = why_hidden(root) if not all(filters.values()) else ""
    obstacles = {macro: _why_no_address(names[macro], hidden) for macro, found in filters.items() if not found}
    candidates = tuple(_candidate(kind, obstacles, root) for kind in kinds)
    return Plan(candidates, filters, tuple(_sampled_rows(root)))


def _candidate(kind: Kind, obstacles: Mapping[str, str], root: Path) -> Candidate:
    fmt = tracepoint_format(kind.tracepoint, root)
    if fmt is None:
        return Candidate(kind, None, why_absent(kind.tracepoint, root))
    return Candidate(kind, fmt, obstacles.get(_FILTER_MACRO.get(kind.tracepoint, ""), ""))


def _row(candidate: Candidate, refusals: Mapping[str, str]) -> PlanRow:
    name = candidate.kind.name
    if candidate.obstacle:
        return PlanRow(name, candidate.source, SourceState.ABSENT, candidate.obstacle)
    if name in refusals:
        return PlanRow(name, candidate.source, SourceState.REFUSED, refusals[name])
    return PlanRow(name, candidate.source, SourceState.USED)


def _why_no_address(names: Collection[str], hidden: str) -> str:
    if hidden:
        return f"no address to filter by: {hidden}"
    if len(names) == 1:
        return f"this kernel has no {next(iter(names))}: its driver is not built in, and no module with it is loaded"
    return f"this kernel has none of the known callbacks ({', '.join(names)})"


def _sampled_rows(root: Path) -> Iterator[PlanRow]:
    yield PlanRow("balloon_pages", "kprobe:leak_balloon", *_kprobe_state(root))
    if "balloon_inflate " in (read_text(root, "/proc/vmstat") or ""):
        reason = "inferred: pages between two readings, not by call"
        yield PlanRow("balloon_pages", "samples:/proc/vmstat", SourceState.USED, reason)
    else:
        reason = "/proc/vmstat has no balloon_inflate (CONFIG_MEMORY_BALLOON)"
        yield PlanRow("balloon_pages", "samples:/proc/vmstat", SourceState.ABSENT, reason)
    off = pressure_state(root)
    state = SourceState.ABSENT if off else SourceState.USED
    yield PlanRow("psi", "samples:/proc/pressure/memory", state, off)


def _kprobe_state(root: Path) -> tuple[SourceState, str]:
    mount = find_tracefs(root)
    try:
        has_kprobes = mount is not None and (mount / "kprobe_events").exists()
    except OSError:
        return SourceState.ABSENT, "tracefs is not readable for this user"
    if not has_kprobes:
        return SourceState.ABSENT, "this kernel has no kprobes (no kprobe_events in tracefs)"
    return SourceState.UNUSED, "sampled instead"
