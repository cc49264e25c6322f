"""Every kernel x scenario: `python -m tests.guest.matrix`; `matrix.jsonl` and the recordings go into a folder."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .kernels import KERNELS
from .machine import why_impossible
from .pool import Pool
from .scenario import scenarios
from .trial import Outcome, Trial
from .ways import CARRIED_WAYS, DEFAULT, WAYS


def main() -> int:
    """0 where everything that could run went well."""
    parser = _parser()
    options = parser.parse_args()
    known = [scenario.name for scenario in scenarios()]
    if unknown := sorted(set(options.scenarios) - set(known)):
        parser.error(f"no such scenario: {', '.join(unknown)}; known: {', '.join(known)}")
    if reason := why_impossible():
        print(f"guests: {reason}", file=sys.stderr)
        return 3
    options.output.mkdir(parents=True, exist_ok=True)
    failed = total = 0
    with (
        (options.output / "matrix.jsonl").open("a") as log,
        Pool(options.output, _trials(options), tuple(options.record), options.jobs) as pool,
    ):
        for outcome in pool.outcomes():
            total, failed = total + 1, failed + (outcome.state == "failed")
            log.write(json.dumps(asdict(outcome)) + "\n")
            log.flush()
            print(_row(outcome), flush=True)
    print(f"{total} trials, {failed} failed")
    return 1 if failed else 0


def _trials(options: argparse.Namespace) -> list[Trial]:
    chosen = [scenario for scenario in scenarios() if scenario.name in (options.scenarios or [scenario.name])]
    ways = list(WAYS) if "all" in (options.by or []) else options.by or [DEFAULT]
    return [Trial(kernel, scenario, way) for kernel in options.kernel or KERNELS for way in ways for scenario in chosen]


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
    off = [f"{numbers[f'{name}_pages']:,} pages {name}" for name in ("missed", "extra") if numbers[f"{name}_pages"]]
    return f"[inferred, {', '.join(off) or 'pages exact'}] "


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.guest.matrix", description=__doc__)
    parser.add_argument("--kernel", action="append", choices=sorted(KERNELS))
    parser.add_argument("--record", action="append", default=[], metavar="OPTION", help="for the tracer's `record`")
    parser.add_argument(
        "--by",
        action="append",
        choices=(*WAYS, *CARRIED_WAYS, "all"),
        metavar="WAY",
        help="a balloon source, perf, programs, or all of these; kprobe.programs and so on: by carried ones",
    )
    parser.add_argument("--jobs", type=int, default=0, help="guests at once; as many as there are CPUs")
    parser.add_argument("-o", "--output", type=Path, default=Path("out/guests"), metavar="FOLDER")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    return parser


if __name__ == "__main__":
    sys.exit(main())
