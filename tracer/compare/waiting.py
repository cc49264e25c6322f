"""How long single waits for memory were in an arm, and which tiers supplied memory."""

from __future__ import annotations

from dataclasses import dataclass

from ..analyze.findings.needs import WAITS
from ..analyze.terms import Tier
from ..analyze.wait_lengths import added, quantile_bounds_ns
from ..gates.measures import number_of, waits
from .arms import Arm
from .aspects import tier_pages

Bounds = tuple[int, int]


@dataclass(frozen=True)
class ArmWaits:
    """All recordings' waits together. Quantiles are told as bounds in ns, None without waits; `why` it is not known."""

    spans: int | None
    p50_ns: Bounds | None = None
    p90_ns: Bounds | None = None
    p99_ns: Bounds | None = None
    max_ns: int | None = None
    why: str = ""


def arm_waits(arm: Arm) -> ArmWaits:
    """An arm's waits; not known where one recording does not tell them."""
    numbers = [number_of("stall", run.analysis, run.facts) for run in arm.runs]
    if any(number.value is None for number in numbers):
        return ArmWaits(None, why=next((number.why for number in numbers if number.why), WAITS.why))
    stalls = [stall for run in arm.runs for stall in waits(run.analysis)]
    lengths = added(stall.lengths for stall in stalls)
    longest = max((stall.max_ns for stall in stalls), default=0)
    median, ninety, most = (quantile_bounds_ns(lengths, share, longest) for share in (0.5, 0.9, 0.99))
    return ArmWaits(sum(stall.spans for stall in stalls), median, ninety, most, longest if stalls else None)


@dataclass(frozen=True)
class TierShare:
    """What a tier supplied, as a share of all tiers' pages; None where some tier's pages are not known."""

    tier: Tier
    share: float | None


def tier_shares(arm: Arm) -> list[TierShare]:
    """Tiers that supplied pages in any of an arm's recordings, by rising tier."""
    tiers = sorted({row.tier for run in arm.runs for row in run.analysis.tiers})
    pages = {tier: [tier_pages(run, tier) for run in arm.runs] for tier in tiers}
    is_known = not any(each is None for counts in pages.values() for each in counts)
    sums = {tier: sum(each or 0 for each in counts) for tier, counts in pages.items()}
    whole = sum(sums.values())
    return [
        TierShare(tier, sums[tier] / whole if is_known and whole else None)
        for tier in tiers
        if any(pages[tier]) or None in pages[tier]
    ]
