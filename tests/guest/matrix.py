"""Every kernel x scenario: `python -m tests.guest.matrix`; `matrix.jsonl` and the recordings go into a folder."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .kernels import KERNELS
from .machine import why_impossible
from .trial import Bench, Outcome, Scenario, outcomes, scenarios
from .ways import DEFAULT, WAYS


def main() -> int:
    """0 where everything that could run went well."""
    options = _parser().parse_args()
    if reason := why_impossible():
        print(f"guests: {reason}", file=sys.stderr)
        return 3
    options.output.mkdir(parents=True, exist_ok=True)
    chosen = [scenario for scenario in scenarios() if scenario.name in (options.scenarios or [scenario.name])]
    results = []
    with (options.output / "matrix.jsonl").open("a") as log:
        for outcome in _outcomes(options, chosen):
            results.append(outcome)
            log.write(json.dumps(asdict(outcome)) + "\n")
            log.flush()
            print(_row(outcome), flush=True)
    failed = [outcome for outcome in results if outcome.state == "failed"]
    print(f"{len(results)} trials, {len(failed)} failed")
    return 1 if failed else 0


def _outcomes(options: argparse.Namespace, chosen: list[Scenario]) -> Iterator[Outcome]:
    kernels = options.kernel or list(KERNELS)
    for name in options.by or [DEFAULT]:
        with Bench(options.output, (*WAYS.get(name, ()), *options.record), name) as bench:
            yield from outcomes(bench, kernels, chosen)


def _row(outcome: Outcome) -> str:
    numbers = outcome.numbers
    what = outcome.reason if outcome.state != "ok" else ", ".join(numbers["cycles"] + numbers["findings"]) or "nothing"
    pages = f"{numbers['inflated_pages']:>7,} in {sum(numbers['leaked_pages'].values()):>7,} out" if numbers else ""
    name = ".".join(filter(None, (outcome.scenario, outcome.recorder)))
    return (
        f"{outcome.kernel:8} {name:33} {outcome.state:8} {outcome.seconds:6.1f} s  {pages}  {_quality(numbers)}{what}"
    )


def _quality(numbers: dict[str, Any]) -> str:
    if numbers.get("quality") != "inferred":
        return ""
    missed = numbers["missed_pages"]
    return f"[inferred, {missed:,} pages short] " if missed else "[inferred, pages exact] "


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.guest.matrix", description=__doc__)
    parser.add_argument("--kernel", action="append", choices=sorted(KERNELS))
    parser.add_argument("--record", action="append", default=[], metavar="OPTION", help="for the tracer's `record`")
    parser.add_argument(
        "--by", action="append", choices=WAYS, help="a balloon source, or perf buffers; one after another"
    )
    parser.add_argument("-o", "--output", type=Path, default=Path("out/guests"), metavar="FOLDER")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    return parser


if __name__ == "__main__":
    sys.exit(main())
