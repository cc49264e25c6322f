"""What each reclaim path did with the same load, as a table: `python -m tests.guest.policy_table RECORDING...`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import tracer

COLUMNS: Final = (
    "path",
    "pages in",
    "given by tier",
    "first tap",
    "cycles",
    "moved for nothing",
    "under pressure",
    "direct reclaim",
    "tasks stalled",
    "killed",
)


def row(recording: Path) -> list[str]:
    """The cells for one recording of a `policy_*` scenario."""
    summary = tracer.open(recording).summary()
    balloon = summary["balloon"]
    tiers = {tier["tier"]: tier for tier in summary["tiers"]}
    given = {name: pages for name, tier in tiers.items() if (pages := tier["sources"]["balloon"]["pages"])}
    pressure_s = sum(episode["end_s"] - episode["start_s"] for episode in summary["episodes"])
    direct: dict[str, Any] = tiers.get("direct", {"spans": 0, "busy_s": 0.0, "min_priority": None})
    return [
        recording.stem.rpartition("policy_")[2],
        f"{balloon['inflated_pages']:,}",
        ", ".join(f"{name} {pages:,}" for name, pages in given.items()) or "nothing",
        _first_tap(summary, given),
        f"{len(summary['cycles']):,}",
        f"{balloon['wasted_pages'] * summary['recording']['page_size_bytes'] >> 20:,} MiB",
        f"{pressure_s:.1f} s",
        f"{direct['spans']:,} calls, {direct['busy_s']:.2f} s, priority {direct['min_priority']}",
        f"{sum(stall['stall_s'] for stall in summary['stalls']):.2f} s",
        f"{sum(tier['sources']['process']['kills'] for tier in tiers.values())}",
    ]


def _first_tap(summary: dict[str, Any], given: dict[str, int]) -> str:
    """The first tier that gave balloon pages, and how long after its episode began."""
    for episode in summary["episodes"]:
        taps = [tier for tier in episode["tiers"] if tier["sources"]["balloon"]["pages"]]
        if taps:
            first = min(taps, key=lambda tier: float(tier["first_s"]))
            return f"{first['tier']}, {first['first_s'] - episode['start_s']:.2f} s on"
    return "-" if not given else ", ".join(given)


def main() -> None:
    """Markdown, a row for each recording."""
    lines = [list(COLUMNS), ["---"] * len(COLUMNS), *(row(Path(name)) for name in sys.argv[1:])]
    print("\n".join(f"| {' | '.join(cells)} |" for cells in lines))


if __name__ == "__main__":
    main()
