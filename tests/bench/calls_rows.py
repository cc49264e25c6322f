"""Rows of the storm of system calls: what an event costs the tracer and its caller, and what gets lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import median

from .calls import TRACERS, Calls, Load, Outcome
from .cgroup_cost import cgroup_costs_ns
from .measure import CannotRunError
from .peers import BccDocumented, BccEmpty, BpftraceCount, BpftracePrint, Perf, Splice
from .rows import Row, Subject
from .setting import Setting
from .tracers import Nothing, OursInMemory, OursToDisk, OursWithoutCgroups, Tracer

DRAIN = "Taking events out of the kernel: CPU time of the tracer for an event, in a storm of system calls"
CALL = "What a traced call pays: CPU time added to it, in the same storm"
LOSS = "Loss, one CPU for the tracer and one for the storm"
NS_EVENT, NS_CALL = "ns CPU/event", "ns CPU/call"

_RUNS, _RUN_CALLS = 20, 1_000_000
_SEARCH_STEPS, _SLOWEST_RATE, _FASTEST_RATE = 5, 50_000, 2_000_000
_SEARCH_S, _TRIES = 1.5, 3

_PACKS = "packs, compresses and checksums them (`packing`), for a file as small as `bytes_per_event` says"
_RING = (
    "a BPF program that only counts costs most of that already (`producer_vs_bpftrace_count`); ours also reads the "
    "clock, names the task and writes 80 bytes into a ring"
)

Outcomes = dict[type[Tracer], list[Outcome]]
Figure = Callable[[Outcome], float]


def rows(setting: Setting) -> Iterator[Row]:
    """Everything measured on the storm."""
    calls = Calls(setting.folder)
    fast = Load(calls=setting.size(1_500_000, 2_000))
    slow = Load(calls=setting.size(60_000, 500))
    loads = {kind: slow if kind is BpftracePrint else fast for kind in TRACERS}
    found, refused = calls.outcomes(loads, setting.size(5, 1))
    yield from _drain_rows(found, refused)
    yield from _call_rows(found, refused)
    yield from _cgroup_rows(found, setting)
    yield from _loss_rows(found, refused, calls, setting)


def _drain_rows(found: Outcomes, refused: dict[type[Tracer], str]) -> Iterator[Row]:
    whole: Figure = lambda outcome: outcome.collector_per_event_ns  # noqa: E731
    drain: Figure = lambda outcome: outcome.drain_per_event_ns  # noqa: E731
    memory = Subject("drain_vs_bcc_documented", DRAIN, "to memory", NS_EVENT, budget="25 ns, 100 times")
    yield _row(memory, found, refused, OursInMemory, BccDocumented, whole)
    yield _row(
        Subject("drain_vs_bcc_empty", DRAIN, "to memory", NS_EVENT), found, refused, OursInMemory, BccEmpty, whole
    )
    subject = Subject(
        "drain_vs_tracefs_splice", DRAIN, "to disk: the draining thread", NS_EVENT, budget="40 ns",
        note="Ours is the thread that empties the ring and hands batches on.",
        behind="it moves pages as they are and looks at no event; ours copies each out of the ring, which is as dear "
        "as memory that another CPU has just written, and hands it over (`hand_over`)",
    )  # fmt: skip
    yield _row(subject, found, refused, OursToDisk, Splice, drain, whole)
    once = Subject("once_after_first_event", DRAIN, "once, after the first event: naming kernel functions", "ms CPU")
    yield once.alone([outcome.first_ns / 1e6 for outcome in found[OursInMemory]])
    names = {Splice: "tracefs_splice", Perf: "perf", BpftracePrint: "bpftrace_printf"}
    behind = {
        Splice: f"it moves pages as they are; ours {_PACKS}",
        Perf: f"it writes the kernel's records as they are; ours {_PACKS}",
        BpftracePrint: f"ours {_PACKS}",
    }
    for peer, name in names.items():
        what = "to disk: everything, compressor and writer too"
        subject = Subject(f"record_vs_{name}", DRAIN, what, NS_EVENT, behind=behind[peer])
        yield _row(subject, found, refused, OursToDisk, peer, whole)


def _call_rows(found: Outcomes, refused: dict[type[Tracer], str]) -> Iterator[Row]:
    budgets = {"tracefs": "tracefs + 0", "perf": "perf x 0.35", "bpftrace_printf": "printf x 0.05"}
    peers = {"tracefs": Splice, "perf": Perf, "bpftrace_printf": BpftracePrint, "bpftrace_count": BpftraceCount}
    behind = dict.fromkeys(peers, _RING)
    behind["bpftrace_count"] = "it counts in the kernel and hands no event over: the floor of what a program costs"
    ours = _added(found, OursInMemory)
    for name, peer in peers.items():
        subject = Subject(
            f"producer_vs_{name}", CALL, "time added to a call", NS_CALL,
            budget=budgets.get(name, ""), behind=behind[name],
        )  # fmt: skip
        if peer in refused:
            yield subject.alone(ours, peer.label, f"{peer.label} can't run here: {refused[peer]}")
        else:
            yield subject.against(peer.label, ours, _added(found, peer))


def _cgroup_rows(found: Outcomes, setting: Setting) -> Iterator[Row]:
    """What the task's cgroup costs whom it is asked of, and whoever reads the number."""
    subject = Subject(
        "cgroup_id", CALL, "of it, the number of the task's cgroup", NS_CALL, budget="10 ns",
        note="Two programs at every call of one storm, ours and the same without it, by the kernel's statistics.",
    )  # fmt: skip
    try:
        yield subject.alone(cgroup_costs_ns(setting))
    except CannotRunError as error:
        yield subject.not_measured("none", str(error))
    pairs = list(zip(found[OursInMemory], found[OursWithoutCgroups], strict=True))
    subject = Subject(
        "cgroup_id_drain", DRAIN, "of it, looking for new cgroups", NS_EVENT,
        note="Ours less the same programs without it, in the same round.",
    )  # fmt: skip
    yield subject.alone([told.drain_per_event_ns - untold.drain_per_event_ns for told, untold in pairs])


def _added(found: Outcomes, kind: type[Tracer]) -> list[float]:
    """CPU time of a call less that of an untraced one in the same round."""
    return [traced.call_ns - plain.call_ns for traced, plain in zip(found[kind], found[Nothing], strict=True)]


def _loss_rows(found: Outcomes, refused: dict[type[Tracer], str], calls: Calls, setting: Setting) -> Iterator[Row]:
    subject = Subject(
        "recorded_at_full_speed", LOSS, "share of the calls recorded as fast as the storm goes, to disk", "%", True,
        behind="packing is slower than the storm, and its queue was full: see `packing`",
    )  # fmt: skip
    share: Figure = lambda outcome: 100 * outcome.recorded / outcome.calls  # noqa: E731
    yield _row(subject, found, refused, OursToDisk, BccDocumented, share)
    yield _lossless_runs(calls, setting)
    yield _lossless_row(calls, setting, refused)


def _lossless_row(calls: Calls, setting: Setting, refused: dict[type[Tracer], str]) -> Row:
    steps, seconds = setting.size(_SEARCH_STEPS, 1), 0.001 if setting.quick else _SEARCH_S
    subject = Subject(
        "lossless_rate", LOSS, "highest rate without loss, to memory", "M events/s", True,
        budget="1.9 M events/s or the storm's own limit",
        behind="the collector's CPU was taken away for longer than 16 MiB last: another process ran on it",
        note=f"Storms of {_SEARCH_S:g} s and 16 MiB of buffer; a rate counts where one of {_TRIES} loses nothing.",
    )  # fmt: skip
    ours = [lossless_rate(calls, OursInMemory, steps, seconds) / 1e6]
    if BccDocumented in refused:
        return subject.alone(ours, BccDocumented.label, refused[BccDocumented])
    return subject.against(BccDocumented.label, ours, [lossless_rate(calls, BccDocumented, steps, seconds) / 1e6])


def _lossless_runs(calls: Calls, setting: Setting) -> Row:
    load = Load(calls=setting.size(_RUN_CALLS, 1_000), first=0)
    runs = [calls.run(OursInMemory, load) for _ in range(setting.size(_RUNS, 1))]
    rate, lost = median(run.rate_per_s for run in runs), sum(run.lost for run in runs)
    subject = Subject(
        "runs_with_loss", LOSS, f"of {len(runs)} runs at the storm's own speed, to memory", "runs with loss", budget="0"
    )
    why = f"{rate / 1e6:.2f} M events/s; {lost:,} of {sum(run.calls for run in runs):,} lost."
    return subject.alone([float(sum(run.lost > 0 for run in runs))], why=why)


def lossless_rate(calls: Calls, kind: type[Tracer], steps: int, seconds: float) -> float:
    """Calls a second: the storm's own speed if that loses nothing, else found by halving on a logarithmic scale."""

    def holds(rate: int) -> Outcome | None:
        load = Load(calls=round((rate or _FASTEST_RATE) * seconds), rate=rate, first=0)
        tries = (calls.run(kind, load) for _ in range(_TRIES))
        return next((outcome for outcome in tries if outcome.lost == 0), None)

    if free := holds(0):
        return free.rate_per_s
    low, high = float(_SLOWEST_RATE), float(_FASTEST_RATE)
    for _ in range(steps):
        rate = (low * high) ** 0.5
        low, high = (rate, high) if holds(round(rate)) else (low, rate)
    return low


def _row(
    subject: Subject,
    found: Outcomes,
    refused: dict[type[Tracer], str],
    ours: type[Tracer],
    peer: type[Tracer],
    figure: Figure,
    peers_figure: Figure | None = None,
) -> Row:
    mine = [figure(outcome) for outcome in found[ours]]
    if peer in refused:
        return subject.alone(mine, peer.label, f"{peer.label} can't run here: {refused[peer]}")
    return subject.against(peer.label, mine, [(peers_figure or figure)(outcome) for outcome in found[peer]])
