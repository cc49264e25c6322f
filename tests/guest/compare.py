"""Compare balloon policies on a real kernel under one load: `python -m tests.guest.compare --load reader POLICY.py...`.

A policy is a Python file with a function `target_mib(seen)`: docs/lab.md, "Your own policy".
"""

from __future__ import annotations

import argparse
import sys
from itertools import pairwise
from pathlib import Path
from typing import Final

from .debian import LabError
from .found import Found
from .guest import MIB
from .host import driven_by, policy_of
from .host_loads import LOADS
from .kernels import FULL, KERNELS
from .machine import why_impossible
from .pair import COSTS, Phase
from .policies import RECORD
from .trial import Bench, Trial

COLUMNS: Final = ("policy", "the host had on average", *COSTS)


def row(name: str, found: Found) -> list[str]:
    """A table's cells for one run."""
    costs = [f"{cost.of(found):,.{cost.decimals}f} {cost.unit}".rstrip() for cost in COSTS.values()]
    taken = taken_mib(found)
    return [name, "unknown" if taken is None else f"{taken:,.0f} MiB", *costs]


def taken_mib(found: Found) -> float | None:
    """The balloon's size in MiB, averaged over the time from the policy's first look on; None if never read."""
    timeline = [row for row in found.truth.timeline if "actual_bytes" in row]
    spans = [(later["time_ns"] - earlier["time_ns"], earlier["actual_bytes"]) for earlier, later in pairwise(timeline)]
    whole_ns = sum(span_ns for span_ns, _ in spans)
    if not whole_ns:
        return None
    return found.truth.full_mib - sum(span_ns * actual for span_ns, actual in spans) / whole_ns / MIB


def main() -> int:
    """0 where every policy could be tried."""
    parser = argparse.ArgumentParser(prog="python -m tests.guest.compare", description=__doc__)
    parser.add_argument("--kernel", choices=sorted(KERNELS), default=FULL)
    parser.add_argument("--load", choices=sorted(LOADS), default="reader")
    parser.add_argument("-o", "--output", type=Path, default=Path("out/policies"), metavar="FOLDER")
    parser.add_argument("policies", nargs="+", type=Path, metavar="POLICY.py")
    options = parser.parse_args()
    if reason := why_impossible():
        print(f"guests: {reason}", file=sys.stderr)
        return 3
    try:
        return _compare(options)
    except LabError as error:
        print(f"compare: {error}", file=sys.stderr)
        return 1


def _compare(options: argparse.Namespace) -> int:
    for path in options.policies:
        policy_of(path)
    options.output.mkdir(parents=True, exist_ok=True)
    _line(COLUMNS)
    _line(["---"] * len(COLUMNS))
    with Bench(options.output) as bench:
        for path in options.policies:
            scenario = Phase(driven_by(path, LOADS[options.load]), record=RECORD).scenario(
                f"{options.load}-{path.stem}"
            )
            _line(row(path.stem, bench.drive(Trial(options.kernel, scenario))))
    return 0


def _line(cells: list[str] | tuple[str, ...]) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
