"""Random streams of several threads that reclaim, inflate and shrink, and results that can be compared."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import numpy.typing as npt
from streams import BALLOON_OOM, BALLOON_SHRINKER, METADATA, MS, SECOND, SUPER_CACHE_SCAN, counters, event, records

from tracer.analyze import Analysis, summary_dict
from tracer.analyze.curves import Occurrences
from tracer.batch import Samples
from tracer.recording_facts import RecordingFacts

ENDS = {
    "kswapd_wake": "kswapd_sleep",
    "balloon_work_begin": "balloon_work_end",
    "direct_reclaim_begin": "direct_reclaim_end",
    "memcg_reclaim_begin": "memcg_reclaim_end",
    "shrink_slab_start": "shrink_slab_end",
}
POINTS = ("lru_shrink_inactive", "lru_shrink_inactive", "wakeup_kswapd", "throttled", "oom_notifier_run")
POINTS += ("signal_generate", "mark_victim", "reclaim_retry_zone")
THREADS = {100: ["kswapd_wake"], 101: ["balloon_work_begin"], 102: ["direct_reclaim_begin"], 103: list(ENDS)[3:]}


def arguments(name: str, dice: random.Random) -> dict[str, object]:
    """Plausible arguments for a kind."""
    if name == "lru_shrink_inactive":
        return {
            "nr_reclaimed": dice.randrange(33),
            "reclaim_flags": dice.choice([1, 2]),
            "priority": dice.randrange(13),
        }
    if name == "shrink_slab_start":
        shrink = dice.choice([SUPER_CACHE_SCAN, BALLOON_SHRINKER])
        return {"shrink": shrink, "total_scan": 128, "cache_items": 1000, "priority": 12}
    if name == "shrink_slab_end":
        return {"retval": dice.randrange(10)}
    if name == "throttled":
        return {"usec_delayed": 1000}
    if name == "oom_notifier_run":
        return {"cb": BALLOON_OOM}
    if name == "signal_generate":
        return {"sig": 9, "pid": dice.randrange(9), "victim_comm": b"java"}
    if name == "mark_victim":
        return {"pid": 7, "total_vm": 100, "anon_rss": dice.randrange(99)}
    if name == "reclaim_retry_zone":
        zone = {"node": 0, "zone_idx": dice.randrange(3), "reclaimable": 100, "available": 100 + dice.randrange(50)}
        return {**zone, "min_wmark": dice.randrange(60), "order": dice.randrange(3)}
    return {"nr_reclaimed": 40} if name.endswith("reclaim_end") else {}


def busy_stream(seed: int, events: int) -> npt.NDArray[np.void]:
    """Four threads that reclaim, inflate and shrink, nested up to three deep, with pauses that split episodes."""
    dice = random.Random(seed)
    stacks: dict[int, list[str]] = {tid: [] for tid in THREADS}
    stream, time_ns = [], 0
    while len(stream) < events:
        time_ns += dice.randrange(1, 3 * MS) + (dice.random() < 0.01) * 2 * SECOND
        tid = dice.choice(list(THREADS))
        stack = stacks[tid]
        if not stack:
            stack.append(name := dice.choice(THREADS[tid]))
        elif dice.random() < 0.4:
            name = ENDS[stack.pop()]
        elif len(stack) < 3 and dice.random() < 0.4:
            inner = ["shrink_slab_start"] + ["direct_reclaim_begin"] * (stack == ["balloon_work_begin"])
            stack.append(name := dice.choice(inner))
        else:
            name = dice.choice(POINTS)
        stream.append(event(time_ns, name, tid, f"t{tid}", **arguments(name, dice)))
    return records(*stream)


def balloon_counters(stream: npt.NDArray[np.void]) -> Samples:
    """Readings every 40th of the stream in which the balloon breathes in and out at once."""
    end_ns = int(stream["time_ns"].max())
    return counters([(at * end_ns // 40, at * 300, at * 200) for at in range(41)], workingset_refault_file=range(41))


def everything(analysis: Analysis) -> dict[str, Any]:
    """All results as comparable values."""
    series = {name: values.tolist() for name, values in analysis.timeline.series.items()}
    rows = analysis.timeline.moments, analysis.timeline.spans
    occurrences = [{name: of_occurrences(each) for name, each in kind.items()} for kind in rows]
    return {
        "summary": json.loads(json.dumps(summary_dict(analysis, RecordingFacts("x", METADATA)))),
        "timeline": series,
        "occurrences": occurrences,
    }


def of_occurrences(rows: Occurrences) -> list[tuple[float, ...]]:
    """As rows of begin, end, amount and count."""
    return list(zip(*(column.tolist() for column in (rows.begin_s, rows.end_s, rows.amount, rows.count)), strict=True))
