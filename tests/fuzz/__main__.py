"""Fuzzing for as long as asked: `python -m tests.fuzz TARGET... --seconds N [--first NUMBER]`.

Targets are those of `targets.py`, several take turns. N is CPU time: a busy machine tries as much. What is found is
told by its target and number; the exit code is 1 then. At the end it says how many inputs were tried, which ways they
went, and the most that one of them took.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

sys.path.extend(str(Path(__file__).parent.parent / room) for room in (".", "fuzz", "unit"))
from targets import TARGETS
from watching import children_peak_bytes, rss_bytes, watched

SETTLED = 200
"""Inputs after which all that is loaded once is loaded."""


@dataclass
class Tally:
    """How one target's inputs went."""

    target: str
    ways: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, int] = (0.0, 0)
    largest: tuple[int, int] = (0, 0)

    def try_input(self, number: int, folder: Path) -> None:
        """Try one; a finding is printed."""
        try:
            trial = watched(lambda: TARGETS[self.target](number, folder))
        except Exception:  # noqa: BLE001 - every one is a finding
            self.ways["FOUND"] += 1
            print(f"{self.target} {number}:\n{traceback.format_exc()}", flush=True)
            return
        self.ways[trial.way] += 1
        self.slowest = max(self.slowest, (trial.cpu_s, number))
        self.largest = max(self.largest, (trial.growth_bytes, number))

    def __str__(self) -> str:
        ways = ", ".join(f"{way} {count:,}" for way, count in self.ways.most_common())
        cpu_s, slowest = self.slowest
        growth_bytes, largest = self.largest
        return (
            f"{self.target}: {self.ways.total():,} inputs ({ways}); the most of one: {cpu_s:.2f} s of CPU time "
            f"({slowest}), {growth_bytes / 2**20:.1f} MiB more ({largest})"
        )


def cpu_s() -> float:
    """CPU time of this process and of its children that have ended."""
    return sum(os.times()[:4])


def main() -> int:
    """Fuzz; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("targets", nargs="+", choices=TARGETS, metavar=f"TARGET ({', '.join(TARGETS)})")
    parser.add_argument("--seconds", type=float, required=True, help="of CPU time")
    parser.add_argument("--first", type=int, default=0, help="the number of the first input")
    words = parser.parse_args()
    tallies = [Tally(target) for target in words.targets]
    number, settled_bytes = words.first, 0
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        while cpu_s() < words.seconds:
            for tally in tallies:
                tally.try_input(number, Path(folder))
            number += 1
            if number - words.first == SETTLED:
                settled_bytes = rss_bytes()
    print(*tallies, sep="\n")
    print(
        f"CPU time: {cpu_s():.0f} s; "
        f"memory: {settled_bytes >> 20} MiB after {SETTLED} inputs, {rss_bytes() >> 20} MiB at the end; "
        f"the largest child {children_peak_bytes() >> 20} MiB"
    )
    return 1 if any(tally.ways["FOUND"] for tally in tallies) else 0


if __name__ == "__main__":
    sys.exit(main())
