"""What a recording could not see, as far as nothing else shows it, and what that is taken for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ..metadata import PlanRow, SourceState

_WORK: Final = frozenset({"balloon_work_begin", "update_balloon_size_begin"})
_OOM_CALLS: Final = frozenset({"oom_notify_begin", "oom_notifier_run"})
_PAGES: Final = frozenset({"balloon_run_pages", "leak_balloon_end", "tell_host"})
_SHOWN_BY: Final = {
    "balloon_work_begin": _WORK,
    "balloon_work_end": _WORK,
    "update_balloon_size_begin": _WORK,
    "update_balloon_size_end": _WORK,
    "oom_notifier_run": _OOM_CALLS,
    "oom_notifier_end": _OOM_CALLS,
    "oom_notify_begin": _OOM_CALLS,
    "oom_notify_end": _OOM_CALLS,
    "fill_balloon_begin": _PAGES,
    "fill_balloon_end": _PAGES,
    "leak_balloon_begin": _PAGES,
    "leak_balloon_end": _PAGES,
    "tell_host": _PAGES,
    "balloon_status": frozenset({"balloon_pages", *_PAGES}),
    "balloon_shrinker_begin": frozenset({"shrink_slab_start"}),
    "balloon_shrinker_end": frozenset({"shrink_slab_start"}),
    "balance_pgdat_begin": frozenset({"kswapd_wake"}),
    "balance_pgdat_end": frozenset({"kswapd_wake"}),
    "damos_stat": frozenset({"lru_shrink_inactive"}),
}
"""Kinds of which any one shows what the kind does."""


_PROACTIVE: Final = "proactive_reclaim_begin"
_NO_SUCH_FUNCTION: Final = "this kernel has no function"
"""How the plan begins its reason where there is nothing that could be traced."""


def taken_for(plan: Iterable[PlanRow]) -> Iterator[str]:
    """What is unseen and shows up as something else, in sentences without a capital and a full stop."""
    sources = [row for row in plan if row.what == _PROACTIVE]
    hidden = [row for row in sources if not row.reason.startswith(_NO_SUCH_FUNCTION)]
    if hidden and not any(row.state is SourceState.USED for row in sources):
        yield "memory.reclaim, if anyone used it, counts as direct (memcg): its kernel function was not traced"


def unseen(plan: Iterable[PlanRow]) -> list[str]:
    """Kinds and quantities of the plan that no source gave, those left out that others show as well."""
    rows = tuple(plan)
    seen = {row.what for row in rows if row.state is SourceState.USED}
    return sorted({row.what for row in rows if not (seen & _SHOWN_BY.get(row.what, frozenset()) or row.what in seen)})
