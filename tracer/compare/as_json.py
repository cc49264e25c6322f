"""A comparison as the JSON that `compare --json` prints; its keys are a contract (docs/compare.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from ..gates.judging import Judged
from .arms import Arm, Run
from .comparing import Comparison, Pair
from .differences import Difference, Side
from .sentence import sentence
from .waiting import ArmWaits, Bounds, arm_waits, tier_shares

FORMAT: Final = "reclaim-tracer/compare"
VERSION: Final = 1


def compare_json(comparison: Comparison, gates: Sequence[Judged] = ()) -> dict[str, Any]:
    """Plain JSON values; units are in the names, or an aspect's `unit`."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "align": comparison.align.value,
        "basis": "gib" if comparison.by_work else "s",
        "obstacles": [asdict(each) for each in comparison.obstacles],
        "arms": [_arm(arm) for arm in comparison.arms],
        "comparisons": [_pair(pair) for pair in comparison.pairs],
        "gates": [
            {"condition": each.condition.text, "outcome": each.outcome.name.lower(), "words": each.words}
            for each in gates
        ],
    }


def _arm(arm: Arm) -> dict[str, Any]:
    return {
        "name": arm.name,
        "recordings": [_run(run) for run in arm.runs],
        "waits": _waits(arm_waits(arm)),
        "tiers": [{"tier": each.tier.label, "share": each.share} for each in tier_shares(arm)],
    }


def _run(run: Run) -> dict[str, Any]:
    metadata = run.facts.metadata
    return {
        "source": run.source,
        "host": metadata.host,
        "kernel": metadata.kernel_release,
        "memory_total_bytes": metadata.memory_total_bytes or None,
        "from_s": run.from_s,
        "duration_s": run.length_s,
        "events": run.analysis.accounting.events,
        "lost": run.analysis.accounting.lost_total,
        "complete": run.facts.complete,
    }


def _waits(waits: ArmWaits) -> dict[str, Any]:
    return {
        "spans": waits.spans,
        "p50": _bounds(waits.p50_ns),
        "p90": _bounds(waits.p90_ns),
        "p99": _bounds(waits.p99_ns),
        "max_ns": waits.max_ns,
        "why": waits.why or None,
    }


def _bounds(bounds: Bounds | None) -> dict[str, int] | None:
    return None if bounds is None else {"from_ns": bounds[0], "to_ns": bounds[1]}


def _pair(pair: Pair) -> dict[str, Any]:
    return {
        "before": pair.before.name,
        "after": pair.after.name,
        "verdict": sentence(pair),
        "differences": [_difference(each) for each in pair.differences],
        "findings": [
            {**asdict(each), "course": each.course.value, "why": each.why or None} for each in pair.kinds
        ],
    }  # fmt: skip


def _difference(each: Difference) -> dict[str, Any]:
    aspect = each.aspect
    return {
        "name": aspect.name,
        "title": aspect.title,
        "unit": aspect.unit.value,
        "family": aspect.family.value,
        "level": aspect.level,
        "before": _side(each.before, each),
        "after": _side(each.after, each),
        "per_s": None if each.per_s is None else asdict(each.per_s),
        "per_gib": None if each.per_gib is None else asdict(each.per_gib),
        "change": each.share,
        "told": each.told,
        "likely": each.likely,
        "only": each.only.arm if each.only else None,
    }


def _side(side: Side, each: Difference) -> dict[str, Any]:
    """Totals of a level would be times seconds, which tell nobody anything: its estimates do."""
    hidden = each.aspect.level
    return {
        "totals": None if hidden else list(side.totals),
        "mean": None if hidden else side.mean,
        "quality": side.quality.value,
        "why": side.why or None,
    }
