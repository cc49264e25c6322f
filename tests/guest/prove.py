"""Try the findings' advice on real kernels: `python -m tests.guest.prove`; `--write` keeps what holds in their texts.

Each pair of `pairs/`: the problem, then the same load with the advice followed. A pair whose costs do not fall by what
is claimed has failed, and nothing of it is kept.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tracer.analyze.findings.proven import Paid, Proof, write

from .found import Found
from .kernels import FULL, KERNELS
from .machine import why_impossible
from .pair import COSTS, Pair, pairs
from .trial import Bench, Trial

_WIDTH: Final = 22


def prove(pair: Pair, kernel: str, bench: Bench) -> Proof:
    """What both phases cost. Raises AssertionError where the claim does not hold, LabError where the lab fails."""
    scenario = pair.first()
    first = bench.run(Trial(kernel, scenario)) if scenario else None
    before = bench.run(Trial(kernel, pair.before(first)))
    after = bench.run(Trial(kernel, pair.after(first or before)))
    proof = Proof(pair.name, pair.kinds, pair.problem, pair.followed, kernel, tuple(_paid(pair, before, after)))
    print(_row(proof), flush=True)
    pair.hold(before, after)
    return proof


def _paid(pair: Pair, before: Found, after: Found) -> Iterator[Paid]:
    for name in pair.claims:
        cost = COSTS[name]
        was, became = (round(cost.of(found), cost.decimals) for found in (before, after))
        yield Paid(name, cost.unit, was, became)


def _row(proof: Proof) -> str:
    return f"{proof.kernel:8} {proof.pair:{_WIDTH}} " + ", ".join(f"{paid.cost} {paid.text}" for paid in proof.paid)


def main() -> int:
    """0 where all advice held."""
    parser = argparse.ArgumentParser(prog="python -m tests.guest.prove", description=__doc__)
    parser.add_argument("--kernel", action="append", choices=sorted(KERNELS))
    parser.add_argument("-o", "--output", type=Path, default=Path("out/pairs"), metavar="FOLDER")
    parser.add_argument("--write", action="store_true", help="what holds into the findings' texts")
    parser.add_argument("pairs", nargs="*", metavar="PAIR")
    options = parser.parse_args()
    known = {pair.name: pair for pair in pairs()}
    if unknown := sorted(set(options.pairs) - set(known)):
        parser.error(f"no such pair: {', '.join(unknown)}; known: {', '.join(known)}")
    if reason := why_impossible():
        print(f"guests: {reason}", file=sys.stderr)
        return 3
    options.output.mkdir(parents=True, exist_ok=True)
    wanted = [known[name] for name in options.pairs or known]
    failed = sum(_try_all(wanted, kernel, options) for kernel in options.kernel or [FULL])
    return 1 if failed else 0


def _try_all(wanted: Sequence[Pair], kernel: str, options: argparse.Namespace) -> int:
    """How many did not hold."""
    failed = 0
    with Bench(options.output) as bench:
        for pair in wanted:
            try:
                proof = prove(pair, kernel, bench)
                if options.write:
                    write([proof])
            except Exception as error:  # noqa: BLE001 - the others are tried all the same
                failed += 1
                print(f"{kernel:8} {pair.name:{_WIDTH}} failed: {type(error).__name__}: {error}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
