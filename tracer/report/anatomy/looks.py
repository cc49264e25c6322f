"""How kinds of spans, single events and links look: a letter and words beside each colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ...evidence.links import LinkKind
from ...schema import SpanKind
from ...wording.spans import SPAN_NAMES


@dataclass(frozen=True)
class Look:
    """A kind of span: its class in the style, the letter of a bar too short for words, and what it is called."""

    css: str
    letter: str
    name: str


def _looks(css: str, letter: str, *kinds: SpanKind) -> dict[str, Look]:
    return {kind.value: Look(css, letter, SPAN_NAMES[kind]) for kind in kinds}


_DIRECT: Final = (
    SpanKind.DIRECT_RECLAIM,
    SpanKind.MEMCG_RECLAIM,
    SpanKind.MEMCG_SOFTLIMIT_RECLAIM,
    SpanKind.NODE_RECLAIM,
)
SPAN_LOOKS: Final[dict[str, Look]] = {
    **_looks("worker", "B", SpanKind.BALLOON_WORK),
    **_looks("update", "U", SpanKind.UPDATE_BALLOON_SIZE),
    **_looks("fill", "F", SpanKind.FILL_BALLOON),
    **_looks("leak", "L", SpanKind.LEAK_BALLOON, SpanKind.BALLOON_SHRINKER),
    **_looks("kswapd", "K", SpanKind.KSWAPD, SpanKind.BALANCE_PGDAT),
    **_looks("direct", "D", *_DIRECT),
    **_looks("retry", "C", SpanKind.COMPACTION),
    **_looks("notifier", "O", SpanKind.OOM_NOTIFIER, SpanKind.OOM_NOTIFY),
    **_looks("kill", "X", SpanKind.OUT_OF_MEMORY),
    **_looks("shrinker", "S", SpanKind.SHRINK_SLAB),
    **_looks("proactive", "P", SpanKind.PROACTIVE_RECLAIM, SpanKind.DROP_CACHES),
}
POINT_MARKS: Final = {
    "mark_victim": "✕",
    "signal_generate": "✕",
    "throttled": "‖",
    "virtballoon_changed": "▼",
    "kswapd_reclaim_fail": "!",
    "kswapd_clear_hopeless": "↺",
}
"""What single events are drawn as."""
LINK_WORDS: Final = {
    LinkKind.WOKE: "woke kswapd",
    LinkKind.REINFLATED: "inflates again",
    LinkKind.QUEUED: "next run",
    LinkKind.KILLED: "killed",
}
