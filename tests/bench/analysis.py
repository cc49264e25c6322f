"""From a recording to the findings, on synthetic recordings (synthetic_recording.py), and pairing alone.

Every analysis is a process of its own (`python -m tests.bench.analysis RECORDING`). The peer on the way from a file to
something a person can read is `perf script`, which only prints.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tracer.batch import Batch

from . import reclaim
from .measure import CannotRunError, choose_cpus, interleave, pinned
from .peers import Perf
from .rows import Row, Subject
from .setting import Setting
from .synthetic_recording import chunks, write_recording
from .tracers import ROOT, child_cpu_s

GROUP = "From a recording to its findings (synthetic events)"
PAIRING_EVENTS, PAIRING_BATCH = 400_000, 32_768


@dataclass(frozen=True)
class Analysed:
    """One analysis: CPU time from opening the recording to its findings, and how much the process grew at its peak."""

    events: int
    cpu_s: float
    growth_bytes: int


def rows(setting: Setting) -> Iterator[Row]:
    """Speed beside `perf script`, and pairing beside plain Python."""
    yield from _speed(setting)
    yield pairing_row(setting)


def _speed(setting: Setting) -> Iterator[Row]:
    path = setting.folder / "analysis.rtrace"
    write_recording(path, setting.size(1_000_000, 25_000))
    subject = Subject(
        "recording_to_findings_mevs", GROUP, "events analysed in a second of CPU time", "M events/s", True,
        budget="2 M events/s", note="The peer only prints its events (of the reclaim storm) as text.",
    )  # fmt: skip
    ours = partial(_million_per_s, path)
    try:
        data, events = perf_data(setting)
    except CannotRunError as error:
        alone = [ours() for _ in range(setting.size(5, 1))]
        yield subject.alone(alone, Perf.label, f"perf can't run here: {error}")
        return
    found = interleave(setting.size(5, 1), {"ours": ours, "perf": lambda: events / _perf_script_s(data) / 1e6})
    data.unlink()
    yield subject.against("perf script", found["ours"], found["perf"])


def _million_per_s(path: Path) -> float:
    analysed = analyse(path)
    return analysed.events / analysed.cpu_s / 1e6


def analyse(path: Path) -> Analysed:
    """Analyse one recording in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.analysis", str(path)]
    said = subprocess.check_output(pinned(choose_cpus().collector, command), cwd=ROOT)
    return Analysed(*json.loads(said))


def perf_data(setting: Setting) -> tuple[Path, int]:
    """A perf.data of the reclaim storm, and its events. Raises CannotRunError."""

    class Kept(Perf):
        def clean_up(self) -> None:
            pass

    kept = Kept(setting.folder)
    outcome = reclaim.run(Kept, setting.folder, setting.size(150, 10))
    return kept.output, outcome.recorded


def _perf_script_s(data: Path) -> float:
    with child_cpu_s() as used:
        subprocess.run(["perf", "script", "-i", data], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return used()


def pairing_row(setting: Setting) -> Row:
    """Both ways over the same events: numpy's own columns for one, Python's own numbers for the other."""
    from tracer.analyze.stream.pairing import pair

    records = np.concatenate([records for records, _ in chunks(setting.size(PAIRING_EVENTS, 25_000))])
    records = records[np.argsort(records["time_ns"], kind="stable")]
    batches = _stretches(records)
    columns = [records[name].tolist() for name in ("time_ns", "tid", "kind")]
    actions: dict[str, Callable[[], float]] = {
        "numpy": lambda: len(records) / _seconds(lambda: [pair(batch, 0) for batch in batches]) / 1e6,
        "python": lambda: len(records) / _seconds(lambda: pair_plainly(*columns)) / 1e6,
    }
    found = interleave(setting.size(5, 1), actions)
    subject = Subject(
        "pairing_vs_python", GROUP, "begin/end pairing with parents", "M events/s", True, budget="6 M events/s"
    )
    return subject.against("a stack a thread in plain Python", found["numpy"], found["python"])


def _stretches(records: npt.NDArray[np.void]) -> list[Batch]:
    """As the engine pairs them: each with the begins that the one before left open in front."""
    from tracer.analyze.stream.pairing import pair

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


def main(path: Path) -> None:
    """Analyse one recording and print what it took: the process that is measured."""
    from tracer.jobs.analysis import WHOLE
    from tracer.jobs.analysis import analyse as analyse_here
    from tracer.store import Recording

    from tracer.analyze import Options  # isort: skip
    import tracer.analyze.engine  # isort: skip  # noqa: F401  # else loaded while measured

    before, start = memory_bytes("VmRSS"), time.process_time()
    analysis = analyse_here(WHOLE.part(Recording.open(path)), Options())
    cpu_s = time.process_time() - start
    print(json.dumps([analysis.accounting.events, cpu_s, memory_bytes("VmHWM") - before]))


def memory_bytes(name: str) -> int:
    """A size that this process's status has, such as VmRSS."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise KeyError(name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
