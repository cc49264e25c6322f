"""The kinds of findings: a new one is a file in `kinds` and a line here."""

from __future__ import annotations

from typing import Final

from .kind import Kind
from .kinds import (
    conflict,
    constrained_oom,
    cycle,
    dropped_cache,
    futile_reclaim,
    headroom,
    host_oscillation,
    kswapd_gave_up,
    lag,
    late_tap,
    long_stall,
    lost,
    memcg_limit,
    module,
    oom_kill,
    premature_tap,
    puff,
    recorder_share,
    refault,
    reporting,
    shrinker_share,
    starved,
    storm,
    thrashing,
    user_kill,
    worker_stuck,
)

KINDS: Final[tuple[Kind, ...]] = (
    oom_kill.KIND,
    user_kill.KIND,
    storm.KIND,
    worker_stuck.KIND,
    long_stall.KIND,
    starved.KIND,
    thrashing.KIND,
    host_oscillation.KIND,
    cycle.KIND,
    late_tap.KIND,
    premature_tap.KIND,
    kswapd_gave_up.KIND,
    futile_reclaim.KIND,
    memcg_limit.KIND,
    conflict.KIND,
    constrained_oom.KIND,
    puff.KIND,
    lag.KIND,
    refault.KIND,
    dropped_cache.KIND,
    headroom.KIND,
    reporting.KIND,
    shrinker_share.KIND,
    recorder_share.KIND,
    module.KIND,
    lost.KIND,
)
KIND_BY_NAME: Final = {kind.name: kind for kind in KINDS}
