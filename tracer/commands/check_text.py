"""`check` as text: the verdict, what to do, then what it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from ..kernel.access import Requirement
from ..kernel.balloon import explain_reclaim_path
from ..metadata import PlanRow, SourceState
from .check_facts import CheckFacts
from .check_table import Paper

_NAMES_SHOWN: Final = 3
_GIB: Final = 1 << 30

_Cells = tuple[str, ...]


def render(facts: CheckFacts, paper: Paper) -> str:
    """The whole answer; its first line says whether live tracing works here."""
    sections = (
        paper.wrapped(_verdict(facts)),
        _section("What to do", paper.table(_fixes(facts.requirements))),
        _section("Machine", paper.table(_machine(facts))),
        _section("Requirements", paper.table(map(_requirement, facts.requirements))),
        _section("Balloon", paper.table(_balloon(facts))),
        _section(_plan_title(facts), paper.table(_plan(facts.plan))),
        _section("Not in this kernel", paper.table(_absences(facts))),
    )
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def _verdict(facts: CheckFacts) -> str:
    if facts.can_trace:
        return "Live tracing works here."
    names = ", ".join(item.name for item in facts.missing)
    return f"Live tracing does not work here yet: {names}. Recordings can be replayed and reported all the same."


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
        yield "container", f"perhaps: {host.container}"
    yield "CPUs", f"{host.cpus_online} online, {host.cpus_possible} possible, {nodes} NUMA node{'s' * (nodes > 1)}"
    yield "memory", f"{host.memory_total_bytes / _GIB:.1f} GiB in pages of {host.page_size_bytes // 1024} KiB"
    yield "memory cgroup", f"v{facts.cgroup_version}" if facts.cgroup_version else "none mounted"
    yield "counters", f"{facts.counters} sampled"


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
        yield "observed", "not looked for: check --observe SECONDS, or check --recording FILE"


def _plan_title(facts: CheckFacts) -> str:
    return "Sources of events (tried just now)" if facts.plan_tried else "Sources of events (not tried)"


def _plan(rows: Iterable[PlanRow]) -> Iterator[_Cells]:
    """Kinds with several sources one by one, the used one first; the rest gathered by what they have in common."""
    by_kind: dict[str, list[PlanRow]] = {}
    for row in rows:
        by_kind.setdefault(row.what, []).append(row)
    alike: dict[_Cells, list[str]] = {}
    for kind, sources in by_kind.items():
        if len(sources) == 1:
            only = sources[0]
            alike.setdefault((only.state.value, _category(only), only.reason), []).append(kind)
    for (state, category, reason), kinds in alike.items():
        yield state, category, f"{', '.join(kinds)}: {reason}" if reason else ", ".join(kinds)
    for kind, sources in by_kind.items():
        if len(sources) > 1:
            yield from _choices(kind, sources)


def _choices(kind: str, sources: Sequence[PlanRow]) -> Iterator[_Cells]:
    ranked = sorted(sources, key=lambda row: row.state is not SourceState.USED)
    for number, row in enumerate(ranked):
        yield row.state.value, kind if number == 0 else "", f"{row.source}: {row.reason}" if row.reason else row.source


def _category(row: PlanRow) -> str:
    """`tracepoint:vmscan`, `kprobe`, `samples`: what a source is of."""
    way, _, place = row.source.partition(":")
    return f"{way}:{place.partition(':')[0]}" if way == "tracepoint" else way


def _absences(facts: CheckFacts) -> Iterator[_Cells]:
    by_fields: dict[tuple[str, ...], list[str]] = {}
    for kind, fields in facts.absent_fields.items():
        by_fields.setdefault(fields, []).append(kind)
    for fields, kinds in by_fields.items():
        yield f"field{'s' * (len(fields) > 1)}", f"{', '.join(fields)} of {_several(kinds)}"
    for name, reason in facts.absent.items():
        if name != "psi.memory":
            yield "counter", f"{name}: {reason}"


def _several(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMES_SHOWN])
    return f"{shown} and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else shown


def _section(title: str, lines: list[str]) -> list[str]:
    return [title, *lines] if lines else []
