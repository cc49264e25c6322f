"""How long tasks waited for memory, and in which cgroups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ..analyze.cgroup_rows import CgroupRow
from ..analyze.model import known_sum
from ..analyze.terms import Scope, Tier
from ..analyze.wait_lengths import STEPS_A_DOUBLING, WaitHistogram
from ..live.looks import DIRECT_KINDS, SHOWN_BY, is_told
from .bounded import BoundedNames
from .families import Families
from .results import Results

BOUNDS: Final = tuple(range(-16, 7))
"""Powers of two of a second: 15 us to 64 s."""
_THROTTLED: Final = frozenset({"throttled"})
_WAITED_IN: Final = (
    *((Tier.DIRECT, scope, DIRECT_KINDS) for scope in Scope),
    (Tier.RETRY, None, _THROTTLED),
    (Tier.OOM_NOTIFY, None, SHOWN_BY[Tier.OOM_NOTIFY]),
)
_TOLD: Final = (
    "How long tasks waited for memory, each time; waits of tier retry lie inside those of tier direct."
    " What still lasts is not in it."
)


def tell_waits(results: Results, families: Families) -> None:
    """A histogram for each tier in which tasks wait."""
    for waits in waited(results):
        labels = {"tier": waits.tier.label, "scope": waits.scope.value if waits.scope else ""}
        families.histogram("wait_seconds", _TOLD, [*_buckets(waits)], waits, labels)


def tell_cgroups(results: Results, families: Families, names: BoundedNames) -> None:
    """What tasks of each cgroup paid, as far as the recording tells their cgroups."""
    rows = sorted(results.analysis.cgroups or (), key=lambda row: (-row.stall_s, -(row.kills or 0)))
    for path, waited_s in names.sums((row.id, _name(row), row.stall_s) for row in rows).items():
        families.counter("cgroup_wait_seconds", "What a cgroup's tasks waited for memory.", waited_s, cgroup=path)
    for path, pages in names.sums((row.id, _name(row), _pages(row)) for row in rows).items():
        size = None if pages is None else pages * results.page_bytes
        families.counter("cgroup_reclaimed_bytes", "What a cgroup's tasks reclaimed themselves.", size, cgroup=path)
    if results.look.kills is None:
        return
    for path, kills in names.sums((row.id, _name(row), row.kills) for row in rows).items():
        families.counter("cgroup_kills", "Victims of the OOM killer.", kills, cgroup=path)


def waited(results: Results) -> Iterator[WaitHistogram]:
    """One for each tier and scope whose waits are seen, also where nobody has waited yet."""
    analysis, metadata = results.analysis, results.facts.metadata
    found = {(one.tier, one.scope): one for one in analysis.waits}
    for tier, scope, kinds in _WAITED_IN:
        if (one := found.get((tier, scope))) or is_told(analysis, metadata, kinds):
            yield one or WaitHistogram(tier, scope)


def _buckets(waits: WaitHistogram) -> Iterable[tuple[str, float]]:
    for power in BOUNDS:
        most = power * STEPS_A_DOUBLING
        count = waits.zeros + sum(count for index, count in waits.lengths.items() if index <= most)
        yield repr(2.0**power), count
    yield "+Inf", waits.waits


def _name(row: CgroupRow) -> str:
    return row.path or (f"cgroup {row.id}" if row.id else "unknown")


def _pages(row: CgroupRow) -> int | None:
    return known_sum((row.file_pages, row.anon_pages, row.lru_pages))
