"""A snapshot as plain JSON values, a line of `live --json`: docs/live.md describes it, docs/schema holds it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

from ..analyze.model import Episode, Finding
from ..analyze.summary import finding_dict
from .model import Snapshot

FORMAT: Final = "reclaim-tracer/live"
VERSION: Final = 1
_AS_THEY_ARE: Final = ("source", "flow", "memory", "balloon")
_LISTS: Final = ("waiting", "waiting_cgroups", "shrinkers", "not_judged")


def snapshot_json(snapshot: Snapshot) -> dict[str, Any]:
    """`_s` are seconds since the recording's start, sizes bytes, shares parts of one; what could not be had is null.

    What only a drawing needs is left out: the history, which the lines are, and spans behind findings.
    """
    values: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "now_s": snapshot.now_s,
        "time_utc": _utc(snapshot),
        "ended": snapshot.ended,
        "state": asdict(snapshot.standing),
    }
    values |= {name: asdict(getattr(snapshot, name)) for name in _AS_THEY_ARE}
    values["windows"] = {name: asdict(window) for name, window in snapshot.windows.items()}
    values["episode"] = None if snapshot.episode is None else _episode(snapshot.episode, lasts=snapshot.episode_open)
    values |= {name: [asdict(row) for row in getattr(snapshot, name)] for name in _LISTS}
    values["findings"] = [finding_json(finding) for finding in snapshot.findings]
    values["findings_left_out"] = snapshot.findings_left_out
    values["findings_by_kind"] = dict(snapshot.findings_by_kind)
    values["marks"] = [{"at_s": at_s, "text": text} for at_s, text in snapshot.marks]
    return values


def finding_json(finding: Finding) -> dict[str, Any]:
    """One finding as everywhere, without the ids of spans, which nothing else here names."""
    values = finding_dict(finding)
    del values["spans"]
    return values


def _utc(snapshot: Snapshot) -> str | None:
    start_ns = snapshot.source.start_utc_ns
    if not start_ns:
        return None
    now = datetime.fromtimestamp(start_ns / 1e9 + snapshot.now_s, UTC)
    return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _episode(episode: Episode, *, lasts: bool) -> dict[str, Any]:
    return {"id": episode.id, "start_s": episode.start_s, "end_s": episode.end_s, "open": lasts}
