"""`check` as text: the verdict, what to do, then what it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ..kernel.access import Requirement
from ..kernel.balloon import explain_reclaim_path
from ..kernel.lru_gen import LruGen
from ..metadata import PlanRow, SourceState
from ..terminal.paper import Paper
from ..wording.numbers import several
from ..wording.unseen import unseen
from .facts import FUNCTION_WAYS, CheckFacts, way_of

_NAMES_SHOWN: Final = 3
_GIB: Final = 1 << 30

_Cells = tuple[str, ...]


def render(facts: CheckFacts, paper: Paper, *, verbose: bool = False) -> str:
    """The whole answer, first and, where there is more than a screen, also last whether live tracing works here.

    `verbose`: every source by itself.
    """
    judged = paper.paragraph(_verdict(facts), "")
    sources = _each_source(facts.plan) if verbose else _sources(facts.plan)
    sections = (
        judged,
        _section("What to do", paper.rows(_fixes(facts.requirements))),
        _section("Machine", paper.rows(_machine(facts))),
        _section("Requirements", paper.rows(map(_requirement, facts.requirements))),
        _section("Balloon", paper.rows(_balloon(facts))),
        _section(_plan_title(facts, verbose=verbose), paper.rows(sources)),
        _section("Not traced here", paper.rows(_absences(facts))),
    )
    text = "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"
    return text if paper.fits(text.count("\n")) else text + "\n" + "\n".join(judged) + "\n"


def _verdict(facts: CheckFacts) -> str:
    if facts.can_trace:
        return "Live tracing works here."
    names = ", ".join(item.name for item in facts.missing)
    return f"Live tracing does not work here yet: {names}. Recordings can still be replayed and reported."


def _fixes(items: Iterable[Requirement]) -> Iterator[_Cells]:
    """Needed ones first; what one command mends is one row."""
    by_fix: dict[tuple[bool, str], list[str]] = {}
    for item in sorted((item for item in items if not item.ok), key=lambda item: not item.needed):
        needed = item.needed or (True, item.fix) in by_fix
        by_fix.setdefault((needed, item.fix), []).append(item.name)
    for (needed, fix), names in by_fix.items():
        yield ", ".join(names), fix if needed else f"{fix} (optional)"


def _machine(facts: CheckFacts) -> Iterator[_Cells]:
    host = facts.host
    nodes = len(host.numa_nodes)
    yield "kernel", f"{host.kernel_release} {host.machine}"
    yield "host", f"{host.host}, {host.distribution.name}"
    if facts.container_engine:
        yield "container", f"{facts.container_engine}: {host.container}"
    elif host.container:
        yield "container", f"possibly: {host.container}"
    yield "CPUs", f"{host.cpus_online} online, {host.cpus_possible} possible, {nodes} NUMA node{'s' * (nodes > 1)}"
    yield "memory", f"{host.memory_total_bytes / _GIB:.1f} GiB in pages of {host.page_size_bytes // 1024} KiB"
    yield "memory cgroup", f"v{facts.cgroup_version}" if facts.cgroup_version else "none mounted"
    yield "multi-gen LRU", _lru_gen(facts.lru_gen)
    yield "counters", f"{facts.counters} sampled"


def _lru_gen(lru_gen: LruGen) -> str:
    if lru_gen.enabled is None:
        return "not known: this kernel has no /sys/kernel/mm/lru_gen"
    if not lru_gen.enabled:
        return "off"
    protected = f", pages younger than {lru_gen.min_ttl_ms} ms are protected" if lru_gen.min_ttl_ms else ""
    return f"on ({lru_gen.enabled:#06x}){protected}"


def _requirement(item: Requirement) -> _Cells:
    standing = "ok" if item.ok else "MISSING" if item.needed else "note"
    return standing, item.name, item.detail


def _balloon(facts: CheckFacts) -> Iterator[_Cells]:
    info = facts.balloon
    yield "driver", f"{info.driver}, {info.device or 'no device'}" if info.driver else "none"
    if info.driver:
        yield "features", ", ".join(info.features) or "none"
    yield "reclaim path", f"{info.reclaim_path}: {explain_reclaim_path(info)}"
    if facts.observation is not None:
        yield "observed", str(facts.observation)
    elif info.reclaim_path != "none":
        yield "observed", "not tested: use check --observe SECONDS or check --recording FILE"


def _plan_title(facts: CheckFacts, *, verbose: bool) -> str:
    more = "" if verbose else "; each: check -v"
    return f"Sources of events ({'just tested' if facts.plan_tried else 'not tested'}{more})"


def _sources(rows: Iterable[PlanRow]) -> Iterator[_Cells]:
    """A row for each way of seeing and reason, the ways in use first."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for row in sorted(rows, key=lambda row: row.state is not SourceState.USED):
        names = alike.setdefault((row.state.value, _category(row), row.reason), [])
        if (name := _subject(row)) not in names:
            names.append(name)
    for (state, category, reason), names in alike.items():
        yield state, category, f"{several(names, _NAMES_SHOWN)}: {reason}" if reason else several(names, _NAMES_SHOWN)


def _category(row: PlanRow) -> str:
    """`tracepoint:vmscan`, `kprobe`, `samples`."""
    way, place = way_of(row), row.source.split(":")[1]
    return f"{way}:{place}" if way.endswith("tracepoint") else way


def _subject(row: PlanRow) -> str:
    """What a gathered row names: of function probes the functions, else the kinds of event."""
    return row.source.rpartition(":")[2] if way_of(row) in FUNCTION_WAYS else row.what


def _each_source(rows: Iterable[PlanRow]) -> Iterator[_Cells]:
    """Every source by itself, of each kind the used one first."""
    by_kind: dict[str, list[PlanRow]] = {}
    for row in rows:
        by_kind.setdefault(row.what, []).append(row)
    for kind, sources in by_kind.items():
        ranked = sorted(sources, key=lambda row: row.state is not SourceState.USED)
        for number, row in enumerate(ranked):
            said = f"{row.source}: {row.reason}" if row.reason else row.source
            yield row.state.value, kind if number == 0 else "", said


def _absences(facts: CheckFacts) -> Iterator[_Cells]:
    if facts.plan_tried and (kinds := unseen(facts.plan)):
        yield "events", ", ".join(dict.fromkeys(kind.removesuffix("_begin").removesuffix("_end") for kind in kinds))
    by_fields: dict[tuple[str, ...], list[str]] = {}
    for kind, fields in facts.absent_fields.items():
        by_fields.setdefault(fields, []).append(kind)
    for fields, kinds in by_fields.items():
        yield f"field{'s' * (len(fields) > 1)}", f"{', '.join(fields)} of {several(kinds, _NAMES_SHOWN)}"
    for name, reason in facts.absent.items():
        if name != "psi.memory":
            yield "counter", f"{name}: {reason}"


def _section(title: str, lines: list[str]) -> list[str]:
    return [title, *lines] if lines else []
