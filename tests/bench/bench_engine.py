"""From a recording to the findings: `python tests/bench/bench_engine.py [--quick] [--json]`.

On synthetic recordings (synthetic_recording.py) of 10^5, 10^6 and 10^7 events: events analysed a second, and how much
the analysing process grew; every run is a process of its own. Then pairing alone: `tracer.analyze.pairing.pair` on the
events as the engine gives them to it, against a stack for each thread in plain Python, in turns. Medians.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt
from synthetic_recording import chunks, write_recording

from tracer.batch import Batch

SIZES = (100_000, 1_000_000, 10_000_000)
RUNS = {100_000: 5, 1_000_000: 3, 10_000_000: 1}
PAIRING_EVENTS, PAIRING_BATCH, PAIRING_RUNS = 400_000, 32_768, 5
BUDGET_PAIRING, BUDGET_ANALYSIS = 6e6, 2e6


@dataclass
class Size:
    """One size: seconds from opening the recording to its findings, CPU seconds likewise, growth at the peak."""

    events: int
    wall_s: float
    cpu_s: float
    growth_bytes: int
    findings: int

    @property
    def per_s(self) -> float:
        """Events a second."""
        return self.events / self.wall_s


@dataclass
class Pairing:
    """Events a second."""

    numpy_per_s: float
    python_per_s: float


def analyse_here(path: Path) -> None:
    """Analyse one recording and print what it took as JSON: the process that is measured."""
    from tracer.commands.analysis import analyse
    from tracer.store import Recording

    from tracer.analyze import Options  # isort: skip

    before = _memory("VmRSS")
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    recording = Recording.open(path)
    analysis = analyse(recording, Options())
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    growth = _memory("VmHWM") - before
    print(json.dumps([analysis.accounting.events, wall_s, cpu_s, growth, len(analysis.findings)]))


def _memory(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise KeyError(name)


def measure_sizes(sizes: tuple[int, ...], folder: Path) -> list[Size]:
    """The sizes in turns, the medians of their runs."""
    runs: dict[int, list[Size]] = {size: [] for size in sizes}
    paths = {size: folder / f"{size}.rtrace" for size in sizes}
    for size, path in paths.items():
        write_recording(path, size)
    for number in range(max(RUNS[size] for size in sizes)):
        for size, path in paths.items():
            if number < RUNS[size]:
                command = [sys.executable, __file__, "--analyse", str(path)]
                runs[size].append(Size(*json.loads(subprocess.check_output(command))))
    return [_middle(of_size) for of_size in runs.values()]


def _middle(runs: list[Size]) -> Size:
    return Size(*(median(values) for values in zip(*(asdict(run).values() for run in runs), strict=True)))


def measure_pairing() -> Pairing:
    """Both ways over the same events, in turns: numpy's own columns for one, Python's own numbers for the other."""
    from tracer.analyze.pairing import pair

    records = np.concatenate([records for records, _ in chunks(PAIRING_EVENTS)])
    records = records[np.argsort(records["time_ns"], kind="stable")]
    batches = _stretches(records)
    columns = [records[name].tolist() for name in ("time_ns", "tid", "kind")]
    took: dict[str, list[float]] = {"numpy": [], "python": []}
    for _ in range(PAIRING_RUNS):
        took["numpy"].append(_seconds(lambda: [pair(batch, 0) for batch in batches]))
        took["python"].append(_seconds(lambda: pair_plainly(*columns)))
    return Pairing(*(len(records) / median(seconds) for seconds in took.values()))


def _stretches(records: npt.NDArray[np.void]) -> list[Batch]:
    """As the engine pairs them: each with the begins that the one before left open in front."""
    from tracer.analyze.pairing import pair

    stretches: list[Batch] = []
    still_open = Batch.empty()
    for start in range(0, len(records), PAIRING_BATCH):
        stretch = Batch.concat((still_open, Batch.from_records(records[start : start + PAIRING_BATCH])))
        paired = pair(stretch, 0)
        still_open = stretch.take(paired.begin[~paired.closed])
        stretches.append(stretch)
    return stretches


def _seconds(action: Callable[[], object]) -> float:
    start = time.process_time()
    action()
    return time.process_time() - start


def pair_plainly(time_ns: list[int], tid: list[int], kind: list[int]) -> list[tuple[int, int, int, int, int]]:
    """Spans as (begin, end, thread, kind, parent) by a stack for each thread."""
    from tracer.schema import KINDS, Role

    begins = {one.number: one.span for one in KINDS if one.role is Role.BEGIN}
    ends = {one.number: one.span for one in KINDS if one.role is Role.END}
    stacks: dict[int, list[tuple[object, int, int]]] = {}
    spans: list[tuple[int, int, int, int, int]] = []
    for row, (now, thread, number) in enumerate(zip(time_ns, tid, kind, strict=True)):
        if number in begins:
            stacks.setdefault(thread, []).append((begins[number], now, row))
        elif number in ends:
            stack = stacks.get(thread)
            if stack and stack[-1][0] is ends[number]:
                _, begin_ns, _ = stack.pop()
                spans.append((begin_ns, now, thread, number, stack[-1][2] if stack else -1))
    return spans


def table(sizes: list[Size], pairing: Pairing) -> str:
    """What a person reads."""
    ratio = pairing.numpy_per_s / pairing.python_per_s
    lines = [f"{'synthetic events':>16} {'wall s':>8} {'CPU s':>8} {'M events/s':>11} {'grew MiB':>9} {'findings':>9}"]
    for size in sizes:
        took = f"{size.events:>16,} {size.wall_s:>8.2f} {size.cpu_s:>8.2f} {size.per_s / 1e6:>11.2f}"
        lines.append(f"{took} {size.growth_bytes / 2**20:>9.0f} {size.findings:>9}")
    lines.append(f"budget: {BUDGET_ANALYSIS / 1e6:.0f} M events/s, linear in time, flat in memory")
    lines.append(
        f"pairing alone: {pairing.numpy_per_s / 1e6:.2f} M events/s (budget: {BUDGET_PAIRING / 1e6:.0f}); "
        f"plain Python on lists made before: {pairing.python_per_s / 1e6:.2f}; ratio {ratio:.1f}"
    )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Speed and memory of the analysis, on synthetic recordings.")
    parser.add_argument("--quick", action="store_true", help="leave out 10^7 events")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--analyse", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.analyse:
        analyse_here(options.analyse)
        return
    with tempfile.TemporaryDirectory() as folder:
        sizes = measure_sizes(SIZES[:2] if options.quick else SIZES, Path(folder))
    pairing = measure_pairing()
    if options.json:
        rows = [{**asdict(size), "events_per_s": size.per_s} for size in sizes]
        print(json.dumps({"synthetic": True, "analysis": rows, "pairing": asdict(pairing)}, indent=2))
    else:
        print(table(sizes, pairing))


if __name__ == "__main__":
    main()
