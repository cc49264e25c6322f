"""`check` as text: aligned columns, colour only where somebody looks."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from ..kernel.access import Requirement
from ..kernel.balloon import explain_reclaim_path
from ..metadata import PlanRow
from .check_facts import CheckFacts

_COLOURS: Final = {
    "ok": "32",
    "used": "32",
    "note": "33",
    "unused": "2",
    "absent": "33",
    "MISSING": "31",
    "refused": "31",
}
_NAMES_SHOWN: Final = 3
_GIB: Final = 1 << 30


def wants_colour() -> bool:
    """Whether stdout is a terminal and nobody asked for no colour (NO_COLOR, TERM=dumb)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def render(facts: CheckFacts, *, colour: bool) -> str:
    """The whole answer; its first line says whether live tracing works here."""
    sections = (
        [_verdict(facts)],
        _section("What to do", _fixes(facts)),
        _section("Machine", _pairs(_machine(facts))),
        _section("Needed", _requirements(facts.requirements, colour)),
        _section("Balloon", _pairs(_balloon(facts))),
        _section(_plan_title(facts), _plan(facts.plan, colour)),
        _section("Not in this kernel", _pairs(_absences(facts))),
    )
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def _verdict(facts: CheckFacts) -> str:
    if facts.can_trace:
        return "Live tracing works here."
    names = ", ".join(item.name for item in facts.missing)
    return f"Live tracing does not work here yet: {names}. Recordings can be replayed and reported all the same."


def _machine(facts: CheckFacts) -> Iterator[tuple[str, str]]:
    host = facts.host
    nodes = len(host.numa_nodes)
    yield "kernel", f"{host.kernel_release} {host.machine}"
    yield "host", f"{host.host}, {host.distribution.name}"
    if host.container:
        yield "container", f"perhaps: {host.container}"
    yield "CPUs", f"{host.cpus_online} online, {host.cpus_possible} possible, {nodes} NUMA node{'s' * (nodes > 1)}"
    yield "memory", f"{host.memory_total_bytes / _GIB:.1f} GiB in pages of {host.page_size_bytes // 1024} KiB"
    yield "memory cgroup", f"v{facts.cgroup_version}" if facts.cgroup_version else "none mounted"
    yield "pressure (PSI)", facts.pressure_reason or "on"
    yield "counters", f"{facts.counters} sampled"


def _balloon(facts: CheckFacts) -> Iterator[tuple[str, str]]:
    info = facts.balloon
    yield "driver", f"{info.driver}, {info.device or 'no device'}" if info.driver else "none"
    if info.driver:
        yield "features", ", ".join(info.features) or "none"
    yield "reclaim path", f"{info.reclaim_path}: {explain_reclaim_path(info)}"
    if info.reclaim_path != "none":
        yield "observed", "unknown until a trace shows it"


def _requirements(items: Iterable[Requirement], colour: bool) -> list[str]:
    return _table([(_standing(item), item.name, item.detail) for item in items], colour)


def _standing(item: Requirement) -> str:
    if item.ok:
        return "ok"
    return "MISSING" if item.needed else "note"


def _plan_title(facts: CheckFacts) -> str:
    return "Sources of events (tried just now)" if facts.plan_tried else "Sources of events (not tried)"


def _plan(rows: Iterable[PlanRow], colour: bool) -> list[str]:
    alike = (tuple(group) for _, group in groupby(rows, key=lambda row: (row.state, row.reason)))
    return _table([cells for group in alike for cells in _plan_cells(group)], colour)


def _plan_cells(rows: Sequence[PlanRow]) -> Iterator[tuple[str, str, str]]:
    """One row each, or one for all where many stand back for one reason."""
    first = rows[0]
    if first.reason and len(rows) > _NAMES_SHOWN:
        yield first.state.value, f"{len(rows)} kinds", first.reason
        return
    for row in rows:
        yield row.state.value, row.what, f"{row.source}: {row.reason}" if row.reason else row.source


def _absences(facts: CheckFacts) -> Iterator[tuple[str, str]]:
    by_fields: dict[tuple[str, ...], list[str]] = {}
    for kind, fields in facts.absent_fields.items():
        by_fields.setdefault(fields, []).append(kind)
    for fields, kinds in by_fields.items():
        yield ", ".join(fields), f"field of {_several(kinds)}"
    for name, reason in facts.absent.items():
        if name != "psi.memory":
            yield name, reason


def _several(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMES_SHOWN])
    return f"{shown} and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else shown


def _fixes(facts: CheckFacts) -> list[str]:
    broken = sorted((item for item in facts.requirements if not item.ok), key=lambda item: not item.needed)
    return _pairs((item.name, item.fix if item.needed else f"{item.fix} (optional)") for item in broken)


def _section(title: str, lines: list[str]) -> list[str]:
    return [title, *lines] if lines else []


def _pairs(pairs: Iterable[tuple[str, str]]) -> list[str]:
    return _table(list(pairs), colour=False)


def _table(rows: Sequence[tuple[str, ...]], colour: bool) -> list[str]:
    """Rows of words, each column as wide as its widest word; the first column is coloured by its word."""
    if not rows:
        return []
    rows = [tuple(_plain(cell) for cell in row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [_line(row, widths, colour) for row in rows]


def _line(row: tuple[str, ...], widths: Sequence[int], colour: bool) -> str:
    cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
    code = _COLOURS.get(row[0]) if colour else None
    if code:
        cells[0] = f"\x1b[{code}m{cells[0]}\x1b[0m"
    return "  " + "  ".join(cells).rstrip()


def _plain(text: str) -> str:
    """One line without control characters: reasons can be a compiler's or a kernel's words."""
    return "".join(char if char.isprintable() else "?" for char in " ".join(text.split()))
