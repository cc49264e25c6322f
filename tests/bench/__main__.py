"""All benchmarks: `python -m tests.bench [--quick] [--only PREFIX...] [--write | --merge]`.

Prints the tables; `--write` (what `make bench` does) also keeps them in docs/performance.json and docs/performance.md,
`--merge` puts those of some suites among the rows there.
Run it as root: tracing needs that. A peer that can't run here is a row that says why.
"""

from __future__ import annotations

import argparse
import compileall
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from . import (
    analysis,
    calls_rows,
    crash,
    document,
    exporting,
    importing,
    large,
    live,
    machine,
    reclaim_rows,
    recording,
    repeated_rows,
    reporting,
    starting,
)
from .rows import Row
from .setting import Setting
from .tracers import ROOT

SUITES: dict[str, Callable[[Setting], Iterator[Row]]] = {
    "calls": calls_rows.rows,
    "reclaim": reclaim_rows.rows,
    "recording": recording.rows,
    "analysis": analysis.rows,
    "repeated": repeated_rows.rows,
    "importing": importing.rows,
    "exporting": exporting.rows,
    "large": large.rows,
    "crash": crash.rows,
    "starting": starting.rows,
    "reporting": reporting.rows,
    "live": live.rows,
}


def main(arguments: list[str]) -> int:
    """Measure, print, and perhaps keep."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Benchmarks beside every peer.")
    parser.add_argument("--quick", action="store_true", help="run everything once and small: the figures mean nothing")
    names = list(SUITES)
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="SUITE", help=", ".join(names))
    parser.add_argument("--write", action="store_true", help="keep the result in docs/")
    parser.add_argument("--merge", action="store_true", help="keep these suites' rows among those in docs/")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the result in FILE")
    options = parser.parse_args(arguments)
    if options.write and (options.quick or len(options.only) < len(SUITES)):
        parser.error("--write keeps whole runs only")
    if options.merge and options.quick:
        parser.error("--merge keeps no quick runs")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    busy = machine.load_average()
    # As installing does, so that no figure holds the compiling of byte code, whatever PYTHONDONTWRITEBYTECODE says.
    compileall.compile_dir(ROOT / "tracer", quiet=1)
    with tempfile.TemporaryDirectory(prefix="reclaim-tracer-bench-") as folder:
        rows = measure(options.only, Setting(Path(folder), options.quick))
    found = document.result(machine.describe(), rows, load_average=round(busy, 2), quick=options.quick)
    print(document.tables(found))
    if options.json:
        document.write_json(found, options.json)
    if options.write:
        document.write(found)
    elif options.merge:
        document.write(document.merged(document.kept(), found))
    return 0


def measure(suites: list[str], setting: Setting) -> list[Row]:
    """The suites' rows, with a word on stderr about each."""
    rows: list[Row] = []
    for name in suites:
        start = time.monotonic()
        rows += SUITES[name](setting)
        sys.stderr.write(f"{name}: {time.monotonic() - start:.0f} s\n")
    return rows


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
