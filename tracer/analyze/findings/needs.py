"""What must have been seen to judge kinds of findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .kind import Need

if TYPE_CHECKING:
    from ...metadata import Metadata
    from ..model import Analysis
    from .evidence import Evidence

WAIT_KINDS: Final = frozenset({"direct_reclaim_begin", "memcg_reclaim_begin", "node_reclaim_begin", "throttled"})
"""Event kinds that say how long tasks waited."""
SHRINKER_KINDS: Final = frozenset({"shrink_slab_start"})
USER_KILL_KINDS: Final = frozenset({"signal_generate"})
KILL_KINDS: Final = frozenset({"mark_victim"})
BACKGROUND_KINDS: Final = frozenset({"kswapd_wake", "balance_pgdat_begin"})
"""Event kinds that say when kswapd was at work."""
_RECLAIM_KINDS: Final = WAIT_KINDS | BACKGROUND_KINDS
NOTIFIER_KINDS: Final = frozenset({"oom_notifier_run", "oom_notify_begin"})


def nothing_recorded(analysis: Analysis, metadata: Metadata) -> bool:
    """Whether no time was recorded, or nothing came of which nobody says that it was looked for."""
    nothing = not analysis.accounting.events and not analysis.samples
    return nothing and not (analysis.duration_s and metadata.plan)


def events(kinds: frozenset[str], why: str) -> Need:
    """That events of any of these kinds were traced, or came; `why` is said where not. An older recording names no
    sources."""

    def is_met(evidence: Evidence) -> bool:
        metadata = evidence.metadata
        seen = kinds & evidence.analysis.accounting.events_by_kind.keys()
        return bool(seen or not metadata.plan or kinds & metadata.kinds_traced)

    return Need(why, is_met)


def samples(names: frozenset[str], why: str) -> Need:
    """That all of these quantities were sampled."""
    return Need(why, lambda evidence: names <= evidence.analysis.samples.keys())


def lasting(least_s: float) -> Need:
    """That the recording is long enough for something that takes so long."""
    return Need(
        f"the recording is shorter than {least_s:g} s", lambda evidence: evidence.analysis.duration_s >= least_s
    )


def if_balloon(need: Need) -> Need:
    """The same where there may be a balloon: a machine without one has nothing to judge."""
    return Need(need.why, lambda evidence: evidence.surely_no_balloon or need.is_met(evidence))


def _free_pages() -> Need:
    """That reports of free pages or runs of hinting would have been seen, or that neither was negotiated."""

    def is_met(evidence: Evidence) -> bool:
        balloon, features = evidence.analysis.balloon, evidence.metadata.balloon.features
        traced = balloon.reports is not None or balloon.hinted_pages is not None or not evidence.metadata.plan
        return traced or bool(features and not {"reporting", "free_page_hint"} & set(features))

    return if_balloon(Need("free page reporting and hinting were not traced", is_met))


def _kills() -> Need:
    """That kills were traced, or that the kernel's counter of them was sampled and stood still."""
    traced = events(KILL_KINDS, "kills were not traced")
    return Need(traced.why, lambda evidence: traced.is_met(evidence) or evidence.series.growth("vmstat.oom_kill") == 0)


WAITS: Final = events(WAIT_KINDS, "waits for memory were not traced")
RECLAIM: Final = events(_RECLAIM_KINDS, "reclaim was not traced")
SCANS: Final = Need(
    "pages scanned on the LRU lists were not traced",
    lambda evidence: (
        not evidence.metadata.plan
        or (
            "lru_shrink_inactive" in evidence.kinds_seen
            and evidence.metadata.tells("lru_shrink_inactive", "nr_scanned")
        )
    ),
)
SHRINKERS: Final = events(SHRINKER_KINDS, "shrinkers were not traced")
KILLS: Final = _kills()
USER_KILLS: Final = events(USER_KILL_KINDS, "SIGKILLs of one process to another were not traced")
MEMCG_RECLAIM: Final = events(
    frozenset({"memcg_reclaim_begin"}), "reclaim at memory cgroups' own limits was not traced"
)
KSWAPD_FAILURES: Final = events(
    frozenset({"kswapd_reclaim_fail"}), "kswapd's failures were not traced: they need Linux 7.1"
)
NOTIFICATIONS: Final = if_balloon(events(NOTIFIER_KINDS, "OOM notifiers were not traced"))
MODULES: Final = if_balloon(
    events(frozenset({"module_load", "module_free"}), "module loads and unloads were not traced")
)
BALLOON_PAGES: Final = if_balloon(
    Need(
        "the balloon's pages were not counted",
        lambda evidence: evidence.analysis.balloon.wasted_pages is not None,
    )
)
LEAKS: Final = if_balloon(
    Need(
        "pages that left the balloon were not counted",
        lambda evidence: evidence.analysis.balloon.out_pages is not None,
    )
)
BALLOON_SIZE: Final = if_balloon(
    Need(
        "the balloon's size was not recorded",
        lambda evidence: evidence.analysis.balloon.size is not None or bool(evidence.analysis.steps),
    )
)
WORK: Final = if_balloon(
    Need(
        "runs of the balloon's worker were not traced",
        lambda evidence: not evidence.metadata.plan or evidence.analysis.balloon.work_spans is not None,
    )
)
PUFFS: Final = if_balloon(
    Need(
        "the worker's runs or their pages were not recorded",
        lambda evidence: evidence.analysis.balloon.puffs is not None,
    )
)
HOSTS_VIEW: Final = if_balloon(
    samples(frozenset({"host.target_bytes", "host.actual_bytes"}), "the host's log was not recorded")
)
FREE_PAGES: Final = _free_pages()
REFAULTS: Final = samples(frozenset({"vmstat.workingset_refault_file"}), "refaults were not sampled")
AVAILABLE: Final = samples(frozenset({"meminfo.MemAvailable_bytes"}), "available memory was not sampled")
SHORTAGE: Final = Need(
    "neither waits for memory nor refaults were recorded",
    lambda evidence: WAITS.is_met(evidence) or REFAULTS.is_met(evidence),
)
RECORDER: Final = Need(
    "the recorder's own process is not known", lambda evidence: evidence.analysis.recorder is not None
)
