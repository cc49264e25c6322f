"""Every kernel x scenario: `python -m tests.guest.matrix`; `matrix.jsonl` and the recordings go into a folder."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from .kernels import KERNELS
from .machine import why_impossible
from .trial import Bench, Outcome, outcomes, scenarios


def main() -> int:
    """0 where everything that could run went well."""
    options = _parser().parse_args()
    if reason := why_impossible():
        print(f"guests: {reason}", file=sys.stderr)
        return 3
    options.output.mkdir(parents=True, exist_ok=True)
    chosen = [scenario for scenario in scenarios() if scenario.name in (options.scenarios or [scenario.name])]
    with (options.output / "matrix.jsonl").open("a") as log, Bench(options.output, tuple(options.record)) as bench:
        results = []
        for outcome in outcomes(bench, options.kernel or list(KERNELS), chosen):
            results.append(outcome)
            log.write(json.dumps(asdict(outcome)) + "\n")
            log.flush()
            print(_row(outcome), flush=True)
    failed = [outcome for outcome in results if outcome.state == "failed"]
    print(f"{len(results)} trials, {len(failed)} failed")
    return 1 if failed else 0


def _row(outcome: Outcome) -> str:
    numbers = outcome.numbers
    what = outcome.reason if outcome.state != "ok" else ", ".join(numbers["cycles"] + numbers["findings"]) or "nothing"
    pages = f"{numbers['inflated_pages']:>7,} in {sum(numbers['leaked_pages'].values()):>7,} out" if numbers else ""
    return f"{outcome.kernel:8} {outcome.scenario:18} {outcome.state:8} {outcome.seconds:6.1f} s  {pages}  {what}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.guest.matrix", description=__doc__)
    parser.add_argument("--kernel", action="append", choices=sorted(KERNELS))
    parser.add_argument("--record", action="append", default=[], metavar="OPTION", help="for the tracer's `record`")
    parser.add_argument("-o", "--output", type=Path, default=Path("out/guests"), metavar="FOLDER")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    return parser


if __name__ == "__main__":
    sys.exit(main())
