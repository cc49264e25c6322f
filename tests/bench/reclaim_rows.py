"""Rows of the reclaim storm: the load's slowdown, the tracer's CPU time, loss, bytes; and perf's own way to text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import median

from . import reclaim
from .peers import Perf, Splice
from .reclaim import BpftraceReclaim, Outcome, Record
from .rows import Row, Subject
from .setting import Setting
from .tracers import Nothing, Tracer

GROUP = "A real reclaim storm in a small memory cgroup, recorded to disk"

NOISE = "within the noise of reclaim itself where the range of the rounds includes 1"

CPU = (
    "a run has some 100,000 to 300,000 events only. Ours looks at the ring "
    "fifty times a second, reads counters four times a "
    "second, packs and compresses (`packing`); the peer moves records as they are or nearly so"
)

_PEERS = {"tracefs_splice": Splice, "perf": Perf, "bpftrace_printf": BpftraceReclaim}
_BYTES_NAMES = {"tracefs_splice": "bytes_per_event", "perf": "bytes_per_event_vs_perf"}
_BYTES_NAMES |= {"bpftrace_printf": "bytes_per_event_vs_bpftrace_printf"}

Figure = Callable[[Outcome], float]


def rows(setting: Setting) -> Iterator[Row]:
    """Every peer in every column."""
    turns, rounds = setting.size(150, 10), setting.size(5, 1)
    found, refused = reclaim.outcomes(reclaim.TRACERS, setting.folder, rounds, turns)
    plain = median(outcome.work_ns for outcome in found[Nothing])
    for name, peer in _PEERS.items():
        slowdown = f"{_percent(found[Record], plain)} over untraced"
        if peer in found:
            slowdown = f"ours {slowdown}, the peer {_percent(found[peer], plain)}."
        for subject, figure in _columns(name, slowdown):
            yield _row(subject, found, refused, peer, figure)
    lost = [float(outcome.lost) for outcome in found[Record]]
    yield Subject("reclaim_lost", GROUP, "events lost", "events").alone(lost, "none", _losses(found))


def _columns(name: str, slowdown: str) -> Iterator[tuple[Subject, Figure]]:
    work = Subject(
        f"reclaim_slowdown_vs_{name}", GROUP, "CPU time of the load's fixed work", "ms", note=slowdown, behind=NOISE
    )
    yield work, lambda outcome: outcome.work_ns / 1e6
    cpu = Subject(f"reclaim_cpu_vs_{name}", GROUP, "CPU time of the tracer", "ns CPU/event", behind=CPU)
    yield cpu, lambda outcome: outcome.collector_per_event_ns
    note = "the peer's lines lack the arguments." if name == "bpftrace_printf" else ""
    budget = "13 bytes" if name == "tracefs_splice" else ""
    size = Subject(_BYTES_NAMES[name], GROUP, "size of the file", "bytes/event", budget=budget, note=note)
    yield size, lambda outcome: outcome.bytes_per_event


def _percent(outcomes: list[Outcome], plain: float) -> str:
    return f"{100 * (median(outcome.work_ns for outcome in outcomes) / plain - 1):+.1f} %"


def _losses(found: dict[type[Tracer], list[Outcome]]) -> str:
    said = []
    for kind, outcomes in found.items():
        if kind is not Nothing:
            recorded, lost = (median(getattr(one, name) for one in outcomes) for name in ("recorded", "lost"))
            said.append(f"{kind.label} {recorded:,.0f} recorded, {lost:,.0f} lost")
    return "; ".join(said) + " (each says so of itself; medians)."


def _row(
    subject: Subject,
    found: dict[type[Tracer], list[Outcome]],
    refused: dict[type[Tracer], str],
    peer: type[Tracer],
    figure: Figure,
) -> Row:
    ours = [figure(outcome) for outcome in found[Record]]
    if peer in refused:
        return subject.alone(ours, peer.label, f"{peer.label} can't run here: {refused[peer]}")
    return subject.against(peer.label, ours, [figure(outcome) for outcome in found[peer]])
