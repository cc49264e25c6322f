"""From a recording to its findings, on real events: the labelled traces repeated in time (repeated_traces.py)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .analysis import Analysed, analyse
from .repeated_traces import TRACES, write_one, write_repeated
from .rows import Row, Subject
from .setting import Setting
from .synthetic_recording import write_recording

GROUP = "From a recording to its findings (real events, repeated)"
GROWING = "guest-host-reasserts"
"""The trace whose memory is measured at three lengths: of one repetition it has some 90,000 events."""


def rows(setting: Setting) -> Iterator[Row]:
    """Speed beside the synthetic recording's, and memory at three lengths."""
    yield _speed(setting)
    yield _growth(setting)


def _speed(setting: Setting) -> Row:
    rounds = setting.size(3, 1)
    synthetic_path = setting.folder / "synthetic.rtrace"
    write_recording(synthetic_path, setting.size(1_000_000, 25_000))
    real: dict[str, list[Analysed]] = {}
    synthetic: list[Analysed] = []
    names = TRACES[-1:] if setting.quick else TRACES
    for path in write_repeated(setting.folder, setting.size(10_000_000, 1), names):
        for _ in range(rounds):
            synthetic.append(analyse(synthetic_path))
            real.setdefault(path.stem.removeprefix("repeated-"), []).append(analyse(path))
    synthetic_path.unlink()
    turns = [[of_trace[number] for of_trace in real.values()] for number in range(rounds)]
    apart = [synthetic[number::rounds] for number in range(rounds)]
    speeds = ", ".join(f"{name} {_millions_per_s(of_trace):.2g}" for name, of_trace in real.items())
    subject = Subject(
        "repeated_to_findings_mevs", GROUP, f"{sum(one.events for one in turns[0]):,} real events analysed in a second "
        "of CPU time", "M events/s", True, budget="2 M events/s", note=f"By trace, M events/s: {speeds}.",
        behind="every tenth to fiftieth real event moves the balloon, few of the synthetic ones do",
    )  # fmt: skip
    return subject.against(
        "ours on synthetic events", list(map(_millions_per_s, turns)), list(map(_millions_per_s, apart))
    )


def _millions_per_s(runs: list[Analysed]) -> float:
    return sum(run.events for run in runs) / sum(run.cpu_s for run in runs) / 1e6


def _growth(setting: Setting) -> Row:
    found = [_analysed(setting, events) for events in (100_000, setting.size(1_000_000, 100_000))]
    found.append(_analysed(setting, setting.size(10_000_000, 100_000)))
    told = "; ".join(f"{one.events:,} events: {one.growth_bytes / 2**20:.0f} MiB" for one in found)
    subject = Subject("repeated_growth", GROUP, "memory the analysis adds at its peak", "MiB")
    return subject.alone([found[-1].growth_bytes / 2**20], why=f"{told}.")


def _analysed(setting: Setting, events: int) -> Analysed:
    path: Path = write_one(setting.folder, GROWING, events)
    analysed = analyse(path)
    path.unlink()
    return analysed
