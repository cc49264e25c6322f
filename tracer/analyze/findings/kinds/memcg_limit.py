"""Memory cgroups that reclaimed at their own limits while the machine was not short."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ...cgroup_rows import CgroupRow, short_name
from ...model import Episode, Finding, TierRow, known_sum
from ...terms import Quality, Scope, Severity, Tier
from ..kind import Explanation, Kind, cost_of, found
from ..needs import MEMCG_RECLAIM

if TYPE_CHECKING:
    from ..evidence import Evidence

LEAST_PAGES: Final = 256
"""Pages (1 MiB of 4 KiB pages) below which a cgroup's reclaim is not worth a word, unless somebody waited, ..."""
WAITED_LEAST_S: Final = 1.0
"""...so long, all together. A warning from there on, where that is ..."""
WAITED_SHARE: Final = 0.05
"""...so much of the time: systemd and Meta's oomd take a memory pressure of some percent for a problem."""
MACHINE_SHARE: Final = 0.10
"""The machine is short, too, where its own reclaim got so much of what the cgroups' got."""
_MOST_NAMED: Final = 3
_OF_THE_MACHINE: Final = frozenset({"direct_reclaim_begin", "kswapd_wake"})
"""Kinds that would tell of the machine's own shortage."""


def _limits(evidence: Evidence) -> Iterator[Finding]:
    episodes = [episode for episode in evidence.analysis.episodes if _at_limits_alone(episode)]
    pages = known_sum(row.off_lru_pages for episode in episodes if (row := _memcg(episode)))
    waited_s = sum(episode.memcg_waits.stall_s for episode in episodes if episode.memcg_waits)
    if not episodes or ((pages or 0) < LEAST_PAGES and waited_s < WAITED_LEAST_S):
        return
    start_s, end_s = episodes[0].start_s, episodes[-1].end_s
    much = waited_s >= WAITED_LEAST_S and waited_s >= WAITED_SHARE * evidence.analysis.duration_s
    numbers = {"episodes": float(len(episodes)), "stall_s": waited_s, "stalls": float(_stalls(episodes))}
    if pages is not None:
        numbers["pages"] = pages
    yield found(
        Severity.WARNING if much else Severity.INFO,
        (start_s, end_s),
        _text(evidence, pages, waited_s),
        numbers,
        cost=cost_of(waited_s),
        quality=Quality.MEASURED if evidence.kinds_seen >= _OF_THE_MACHINE else Quality.INFERRED,
        is_open=evidence.lasts(end_s, evidence.options.gap_s),
        cgroup=_only_cgroup(evidence),
    )


def _limited(evidence: Evidence) -> list[CgroupRow]:
    """The cgroups at whose limits tasks reclaimed, those that cost most first; none where the kernel does not tell."""
    rows = [row for row in evidence.analysis.cgroups or () if row.limit_spans]
    return sorted(rows, key=lambda row: (-(row.limit_s or 0.0), row.id or 0))


def _only_cgroup(evidence: Evidence) -> str | None:
    """The cgroup that was at its limit, else that of all that waited at such a limit, where it is one."""
    paths = {row.path for row in _limited(evidence)}
    paths = paths or {stall.cgroup for stall in evidence.analysis.stalls if stall.scope is Scope.MEMCG}
    return paths.pop() if len(paths) == 1 else None


def _memcg(episode: Episode) -> TierRow | None:
    direct = next((row for row in episode.tiers if row.tier is Tier.DIRECT), None)
    return direct.scopes.get(Scope.MEMCG) if direct else None


def _at_limits_alone(episode: Episode) -> bool:
    """Whether cgroups reclaimed at their own limits, and the machine for itself hardly or not."""
    memcg = _memcg(episode)
    if memcg is None or any(row.tier is Tier.OOM_NOTIFY for row in episode.tiers):
        return False
    others = [row for row in episode.tiers if row.tier is Tier.BACKGROUND]
    others += [
        row for each in episode.tiers for scope, row in each.scopes.items() if scope not in (Scope.MEMCG, Scope.UNKNOWN)
    ]
    if not others:
        return True
    machine_s = episode.global_waits.stall_s if episode.global_waits else 0.0
    cgroups_s = episode.memcg_waits.stall_s if episode.memcg_waits else 0.0
    given, got = [row.off_lru_pages for row in others], memcg.off_lru_pages
    if got is None or None in given:
        return False
    return sum(filter(None, given)) < MACHINE_SHARE * got and machine_s <= MACHINE_SHARE * cgroups_s


def _stalls(episodes: list[Episode]) -> int:
    return sum(episode.memcg_waits.stalls for episode in episodes if episode.memcg_waits)


def _text(evidence: Evidence, pages: int | None, waited_s: float) -> str:
    own = f"{evidence.mib(pages)} of their own memory" if pages else "no LRU pages"
    got = "" if pages is None else f" and reclaimed {own}"
    paid = sorted(
        (stall for stall in evidence.analysis.stalls if stall.scope is Scope.MEMCG),
        key=lambda stall: (-stall.stall_s, stall.pid),
    )
    tasks = _listed([stall.comm for stall in paid])
    cgroups = _listed([short_name(stall.cgroup) for stall in paid if stall.cgroup])
    by = f" ({tasks}{'; in ' * bool(cgroups)}{cgroups})" if tasks else ""
    waited = f"{waited_s:,.1f} s" if waited_s >= 1.0 else f"{waited_s * 1e3:,.0f} ms"
    not_short = evidence.kinds_seen >= _OF_THE_MACHINE
    machine = (
        "The machine was not short of memory"
        if not_short
        else "It was not traced whether the machine was short of memory too"
    )
    limited = _listed([short_name(row.path) for row in _limited(evidence) if row.path])
    which = f" ({limited})" if limited else ""
    return f"Memory cgroups{which} were at their own limits{got}; their tasks{by} waited {waited} for it. {machine}."


def _listed(names: list[str]) -> str:
    """The first different ones; empty without any."""
    different = list(dict.fromkeys(names))
    return ", ".join(different[:_MOST_NAMED]) + " and others" * (len(different) > _MOST_NAMED)


KIND: Final = Kind(
    name="memcg_limit",
    number=22,
    title="A memory cgroup is at its own limit",
    clause="memory cgroups were at their own limits",
    needs=(MEMCG_RECLAIM,),
    rule=_limits,
    told_open=True,
    explanation=Explanation(
        meaning="A memory cgroup (a container, a systemd unit) has reached its limit, and its tasks must reclaim "
        "its own pages before they get more. The machine has memory: neither the host nor a balloon is "
        "involved.",
        computed="Episodes in which tasks reclaimed in `memcg_reclaim`, while kswapd and direct reclaim for the "
        "machine freed less than 10 % of that and no OOM notifier ran; LRU pages and waits are summed "
        "over these episodes. Reported from 256 pages or 1 s of waiting; a warning where tasks waited at "
        "least 1 s and 5 % of the time. The tasks and cgroups named are those that waited longest at a "
        "limit in the whole recording. Linux 7.1 shows whose limit it was (`memcg_id`); before, it may be "
        "a parent's limit. Where writes to memory.reclaim could not be traced, their reclaim looks the "
        "same and is included.",
        causes=(
            ("memory.max or memory.high is lower than what the load uses together with the page cache that it reads."),
            "A task reads or writes large files: page cache counts against the cgroup that first read it in.",
            "A memory leak in one service, contained by its limit.",
        ),
        advice=(
            (
                "Find the cgroup: `reclaim-tracer summary FILE --by cgroup`, then check `memory.events` (high, "
                "max) and `memory.pressure` of these cgroups, and of their parents, under /sys/fs/cgroup."
            ),
            (
                "Raise its limit (memory.high, memory.max; systemd's MemoryHigh=, MemoryMax=; a container's "
                "memory limit), if the machine has the memory."
            ),
            ("If it streams through files: read and write them without the cache (O_DIRECT, posix_fadvise DONTNEED)."),
            "Leave the balloon alone: its target makes no difference here.",
        ),
        helped="`max` and `high` in the cgroup's memory.events stop growing under the same load, and its tasks "
        "no longer wait in direct reclaim (memcg).",
        references=(
            "mm/memcontrol.c: try_charge_memcg(), reclaim_high(); mm/vmscan.c: try_to_free_mem_cgroup_pages()",
            "Documentation/admin-guide/cgroup-v2.rst: memory.high, memory.max, memory.events",
        ),
    ),
)
