"""What could be traced here and how: for everything an ordered list of sources, found without bcc, by looking."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Final

from ..errors import UsageError, printable
from ..kernel.balloon import BALLOON_SYMBOLS, OOM_NOTIFIERS, SHRINKERS, WORK_FUNCTIONS, read_balloon
from ..kernel.counters import pressure_state
from ..kernel.kallsyms import Symbol, why_hidden
from ..kernel.lru_gen import read_lru_gen
from ..kernel.paths import ROOT, read_text
from ..kernel.remembered import read_symbols
from ..kernel.tracefs import TracepointFormat, tracepoint_format, why_absent
from ..metadata import BalloonInfo, PlanRow, SourceState
from ..schema import KIND_BY_NAME, TRACEPOINT_KINDS, Kind
from .balloon_pages import COUNTER_SYMBOLS, PAGE_FUNCTIONS, PageSources
from .boot_constants import constant_flag, constant_number, filter_flag, filter_values
from .folio_lists import FOLIO_LIST_FUNCTION, multi_gen_scans
from .free_pages import FREE_PAGE_FUNCTIONS, free_page_subjects
from .functions import FUNCTIONS, TELL_PAGES, WORK, FunctionProbes, Traced
from .lru import PER_SPAN, PER_SPAN_NOTE, LruDetail
from .probe import How, PageSource, Probe, Source, Subject
from .sources import field_flags

_WORK_FILTER, _NOTIFIER_FILTER = "RT_IS_BALLOON_WORK", "RT_IS_OOM_NOTIFIER"
_SHRINKER_FILTER, _CALLBACK_FILTER = "RT_IS_BALLOON_SHRINKER", "RT_IS_BALLOON_CALLBACK"
_FILTER_MACRO: Final = {
    "workqueue:workqueue_execute_start": _WORK_FILTER,
    "workqueue:workqueue_execute_end": _WORK_FILTER,
    "notifier:notifier_run": _NOTIFIER_FILTER,
}
_FILTERED: Final = frozenset({*_FILTER_MACRO, "signal:signal_generate"})
"""Tracepoints of which the programs tell a few events only: a skipped run of theirs is hardly ever one of these."""
_SHRINKER_LEAKS: Final = "RT_SHRINKER_LEAKS"
_CFI_SUFFIX: Final = ".cfi_jt"
"""With clang's control flow integrity, kernels before 6.1 pass a function's jump table entry around."""
_WORK_KINDS: Final = (KIND_BY_NAME["balloon_work_begin"], KIND_BY_NAME["balloon_work_end"])
_LRU: Final = "lru_shrink_inactive"
_NOTIFIER_RUN: Final = KIND_BY_NAME["oom_notifier_run"]
NOTHING: Final[Mapping[str, str]] = {}
_CALLED_ITSELF: Final = "the callbacks are traced directly"


@dataclass(frozen=True)
class Targets:
    """What to look for: kernel functions by name that the in-kernel filters let through, and who counts pages."""

    work_functions: tuple[str, ...] = WORK_FUNCTIONS
    oom_notifiers: tuple[str, ...] = OOM_NOTIFIERS
    page_source: PageSource = PageSource.AUTO
    lru_detail: LruDetail = LruDetail.EACH


@dataclass(frozen=True)
class Plan:
    """Subjects, what is only sampled, addresses by filter macro, whether the balloon's shrinker frees its pages, how
    much of LRU scans to tell.

    `balloon` is what was found while it was made.
    """

    subjects: tuple[Subject, ...]
    filters: Mapping[str, tuple[int, ...]]
    sampled: tuple[PlanRow, ...] = ()
    shrinker_leaks: bool = True
    lru_detail: LruDetail = LruDetail.EACH
    balloon: BalloonInfo = field(default_factory=BalloonInfo)

    @cached_property
    def to_try(self) -> tuple[Source, ...]:
        """Sources that can be compiled and attached."""
        return tuple(source for subject in self.subjects for source in subject.sources if not source.obstacle)

    def common_flags(self) -> list[str]:
        """Compiler flags for all programs, whatever is tried."""
        flags = [filter_flag(macro, addresses) for macro, addresses in self.filters.items()]
        return [*flags, constant_flag(_SHRINKER_LEAKS), *([PER_SPAN] if self.lru_detail is LruDetail.SPAN else [])]

    def source_flags(self, refusals: Mapping[str, str] = NOTHING) -> list[str]:
        """Compiler flags: which programs, with which fields; those of refused sources are left out."""
        flags: list[str] = []
        for source in self.to_try:
            if source.name in refusals:
                continue
            for probe in source.probes:
                if probe.format is not None and probe.kind is not None:
                    flags += field_flags(probe.kind, probe.format)
            flags += source.flags
        return list(dict.fromkeys(flags))

    def flags(self, refusals: Mapping[str, str] = NOTHING) -> list[str]:
        """Both."""
        return [*self.common_flags(), *self.source_flags(refusals)]

    def boot_values(self) -> dict[int, int]:
        """Values of what differs between two boots of this kernel, by number: `boot_constants`."""
        values = {constant_number(_SHRINKER_LEAKS): int(self.shrinker_leaks)}
        for macro, addresses in self.filters.items():
            values |= filter_values(macro, addresses)
        for source in self.to_try:
            values |= {constant_number(name): value for name, value in source.boot.items()}
        return values

    def chosen(self, refusals: Mapping[str, str]) -> dict[str, Source]:
        """Sources in use by name, given why the kernel refused others: the first of each subject that it did not."""
        used: dict[str, Source] = {}
        for subject in self.subjects:
            if subject.needs and not subject.needs & used.keys():
                continue
            accepted = (source for source in subject.sources if not source.obstacle and source.name not in refusals)
            if (best := next(accepted, None)) is not None:
                used[best.name] = best
        return used

    def absent_fields(self, refusals: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
        """Fields that the sources in use lack, by kind name: they stay zero in the records."""
        return dict(chain.from_iterable(s.absent_fields().items() for s in self.chosen(refusals).values()))

    def rows(self, refusals: Mapping[str, str]) -> tuple[PlanRow, ...]:
        """The plan as tried; `refusals` maps a source's name to why the kernel refused it."""
        used = self.chosen(refusals)
        rows = (row for subject in self.subjects for row in _subject_rows(subject, used, refusals))
        return (*map(self._with_detail, rows), *self.sampled)

    def _with_detail(self, row: PlanRow) -> PlanRow:
        is_summed = row.what == _LRU and row.state is SourceState.USED and self.lru_detail is LruDetail.SPAN
        return replace(row, reason=PER_SPAN_NOTE) if is_summed else row


def targets_for(page_source: str, oom_notifiers: Collection[str] = (), lru_detail: str = LruDetail.EACH) -> Targets:
    """The usual targets with a way of counting pages, and more OOM callbacks. Raises UsageError for unknown symbols."""
    absent = set(oom_notifiers) - read_symbols(oom_notifiers).keys() if oom_notifiers else set()
    if absent:
        names = ", ".join(sorted(f"'{printable(name)}'" for name in absent))
        raise UsageError(f"--oom-notifier: this kernel has no function {names} (/proc/kallsyms)")
    known = tuple(dict.fromkeys((*oom_notifiers, *OOM_NOTIFIERS)))
    return Targets(oom_notifiers=known, page_source=PageSource(page_source), lru_detail=LruDetail(lru_detail))


def make_plan(
    targets: Targets | None = None,
    kinds: Collection[Kind] | None = None,
    root: Path = ROOT,
    page_bytes: int | None = None,
) -> Plan:
    """The plan for the running kernel, or the one described below `root`; nothing is compiled, loaded or attached yet.

    `kinds`: these tracepoints only; `page_bytes`: its pages, where they aren't this machine's.
    """
    return _Planner(targets or Targets(), root, page_bytes or os.sysconf("SC_PAGE_SIZE")).plan(kinds)


class _Planner:
    def __init__(self, targets: Targets, root: Path, page_bytes: int) -> None:
        self._targets, self._root, self._page_bytes = targets, root, page_bytes
        self._names = _filtered_names(targets)
        symbols = read_symbols(wanted_symbols(targets), root)
        self._balloon = read_balloon(root, symbols)
        self._filters = {macro: _addresses(names, symbols) for macro, names in self._names.items()}
        self._hidden = why_hidden(root) if not all(self._filters.values()) else ""
        unwanted = "only tracepoints were requested" if targets.page_source is PageSource.TRACEPOINTS else ""
        self._functions = FunctionProbes(symbols, root, unwanted=unwanted)
        self._pages = PageSources(self._functions, self._balloon, root)

    def plan(self, kinds: Collection[Kind] | None) -> Plan:
        single = [kind for kind in kinds or TRACEPOINT_KINDS if kind not in (*_WORK_KINDS, _NOTIFIER_RUN)]
        subjects = [Subject((self._tracepoints((kind,)),)) for kind in single]
        if kinds is None:
            subjects += self._balloon_subjects()
            subjects += map(self._functions.subject, self._traced_functions())
            subjects += free_page_subjects(self._functions, self._page_bytes, self._root)
            subjects += filter(None, [multi_gen_scans(self._functions, read_lru_gen(self._root))])
        sampled = tuple(_sampled_rows(self._root))
        leaks = self._pages.shrinker_leaks()
        return Plan(tuple(subjects), self._filters, sampled, leaks, self._targets.lru_detail, self._balloon)

    def _balloon_subjects(self) -> Iterator[Subject]:
        work = (self._tracepoints(_WORK_KINDS), *self._functions.sources(WORK))
        yield Subject(work)
        chain_run = self._tracepoints((_NOTIFIER_RUN,))
        yield Subject((*self._functions.callbacks(self._targets.oom_notifiers), chain_run))
        counted = self._targets.page_source is not PageSource.SAMPLES
        if counted:
            yield Subject((self._pages.notifier_end(),), frozenset([chain_run.name]), _CALLED_ITSELF)
            needs = frozenset(source.name for source in work)
            yield Subject(
                tuple(self._pages.sources(self._targets.page_source)), needs, "the balloon's work is not traced"
            )

    def _traced_functions(self) -> Iterator[Traced]:
        """Those that tell of pages are left out where samples alone are to."""
        sampled = self._targets.page_source is PageSource.SAMPLES
        return (traced for traced in FUNCTIONS if not (sampled and traced.begin in TELL_PAGES))

    def _tracepoints(self, kinds: tuple[Kind, ...]) -> Source:
        """One source of the tracepoints of these kinds."""
        formats = [tracepoint_format(kind.tracepoint, self._root) for kind in kinds]
        told = list(zip(kinds, formats, strict=True))
        probes = tuple(
            Probe(
                kind.name,
                How.TRACEPOINT,
                kind.tracepoint,
                kind,
                fmt,
                is_filtered=kind.tracepoint in _FILTERED,
            )
            for kind, fmt in told
        )
        obstacles = (self._obstacle(kind, fmt) for kind, fmt in told)
        return Source(probes[0].label, kinds, probes, next(filter(None, obstacles), ""))

    def _obstacle(self, kind: Kind, fmt: TracepointFormat | None) -> str:
        macro = _FILTER_MACRO.get(kind.tracepoint)
        absent = why_absent(kind.tracepoint, self._root) if fmt is None else ""
        if absent or macro is None or self._filters[macro]:
            return absent
        return _why_no_address(self._names[macro], self._hidden)


def _filtered_names(targets: Targets) -> dict[str, tuple[str, ...]]:
    """Functions by the macro of the filter that lets them through."""
    return {
        _WORK_FILTER: targets.work_functions,
        _NOTIFIER_FILTER: targets.oom_notifiers,
        _SHRINKER_FILTER: SHRINKERS,
        _CALLBACK_FILTER: tuple(name for name in targets.oom_notifiers if "balloon" in name or "cmm" in name),
    }


def wanted_symbols(targets: Targets) -> set[str]:
    """The kernel symbols that a plan looks for."""
    names = chain.from_iterable(_filtered_names(targets).values())
    filtered = [name + suffix for name in names for suffix in ("", _CFI_SUFFIX)]
    functions = (name for traced in (WORK, *FUNCTIONS) for name in traced.functions)
    counting = {*PAGE_FUNCTIONS, *COUNTER_SYMBOLS, *FREE_PAGE_FUNCTIONS, FOLIO_LIST_FUNCTION}
    return {*filtered, *functions, *counting, *BALLOON_SYMBOLS}


def _addresses(names: Iterable[str], symbols: Mapping[str, tuple[Symbol, ...]]) -> tuple[int, ...]:
    known = (found for name in names for found in (name, name + _CFI_SUFFIX))
    return tuple(symbol.address for name in known for symbol in symbols.get(name, ()) if symbol.address)


def _subject_rows(subject: Subject, used: Mapping[str, Source], refusals: Mapping[str, str]) -> Iterator[PlanRow]:
    best = next((source for source in subject.sources if source.name in used), None)
    why_not = subject.why_not if subject.needs and not subject.needs & used.keys() else ""
    for source in subject.sources:
        state, reason = _fate(source, best, why_not, refusals)
        for kind in source.kinds:
            yield PlanRow(kind.name, source.label(kind), state, reason)


def _fate(source: Source, best: Source | None, why_not: str, refusals: Mapping[str, str]) -> tuple[SourceState, str]:
    if source.obstacle:
        return SourceState.ABSENT, source.obstacle
    if source.name in refusals:
        return SourceState.REFUSED, refusals[source.name]
    if why_not or best is None:
        return SourceState.UNUSED, why_not
    return (SourceState.USED, "") if source is best else (SourceState.UNUSED, f"{best.name} is used")


def _why_no_address(names: Collection[str], hidden: str) -> str:
    if hidden:
        return f"no address to filter by: {hidden}"
    known = ", ".join(names)
    return f"this kernel has none of {known}: no such driver is built in, and no module with one is loaded"


def _sampled_rows(root: Path) -> Iterator[PlanRow]:
    if "balloon_inflate " in (read_text(root, "/proc/vmstat") or ""):
        reason = "inferred: pages between two samples, not per call"
        yield PlanRow("balloon_pages", "samples:/proc/vmstat", SourceState.USED, reason)
    else:
        reason = "/proc/vmstat has no balloon_inflate (CONFIG_MEMORY_BALLOON)"
        yield PlanRow("balloon_pages", "samples:/proc/vmstat", SourceState.ABSENT, reason)
    off = pressure_state(root)
    state = SourceState.ABSENT if off else SourceState.USED
    yield PlanRow("psi", "samples:/proc/pressure/memory", state, off)
