"""Single events in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ...evidence.rows import EventRow, Fields
from ...wording.numbers import duration
from ..clipping import clean


def point_words(row: EventRow) -> str:
    """What happened, without a full stop; names as recorded, made printable."""
    return clean(_WORDS[row.kind](row.fields))


def _victim(fields: Fields) -> str:
    return f"OOM killer chooses {fields.get('victim_comm') or '?'} ({fields.get('pid')})"


def _signal(fields: Fields) -> str:
    return f"SIGKILL to {fields.get('victim_comm') or '?'} ({fields.get('pid')})"


def _throttled(fields: Fields) -> str:
    delayed = fields.get("usec_delayed")
    return f"was throttled for {duration(delayed * 1000)}" if isinstance(delayed, int) else "was throttled"


def _failed(fields: Fields) -> str:
    return f"kswapd freed too little on node {fields.get('nid')}, {fields.get('failures')} in a row"


_WORDS: Final[Mapping[str, Callable[[Fields], str]]] = {
    "mark_victim": _victim,
    "signal_generate": _signal,
    "throttled": _throttled,
    "virtballoon_changed": lambda _: "the host changes the balloon's config",
    "kswapd_reclaim_fail": _failed,
    "kswapd_clear_hopeless": lambda fields: f"kswapd tries again on node {fields.get('nid')}",
}
