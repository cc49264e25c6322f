"""States of traced machines for tests of what shows them, written by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tracer.analyze.model import Episode, Finding, NotJudged, TierRow
from tracer.analyze.terms import Quality, Scope, Severity, Tier
from tracer.live.model import (
    BalloonNow,
    BalloonWindow,
    Flow,
    History,
    MemoryNow,
    Shrinking,
    Snapshot,
    Source,
    Standing,
    State,
    TierWindow,
    Waiting,
    Window,
)

MIB: Final = 1 << 20
PAGE: Final = 4096
TIERS: Final = ("proactive", "background", "direct (global)", "retry / throttled", "oom_notify", "oom_kill")
LENGTHS: Final = {"1s": 1.02, "10s": 10.1, "total": 26.3}


def source(**changes: object) -> Source:
    known = Source(
        name="guest.rtrace",
        host="guest1",
        kernel_release="6.1.0-18-amd64",
        start_utc_ns=1_700_000_000_000_000_000,
        balloon_driver="virtio_balloon",
        balloon_features=("DEFLATE_ON_OOM", "FREE_PAGE_REPORTING"),
        reclaim_path="shrinker",
        way="fentry, ring buffer",
        page_size_bytes=PAGE,
    )
    return replace(known, **changes)


def tier(label: str, mib: float = 0, busy: float = 0.0, spans: int = 0, **changes: object) -> TierWindow:
    size = int(mib * MIB)
    known = TierWindow(
        label=label,
        file_bytes=size,
        anon_bytes=0,
        lru_bytes=0,
        slab_bytes=0,
        balloon_bytes=0,
        busy_share=busy,
        waiting_share=0.0,
        spans=spans,
        quality=Quality.MEASURED,
    )
    return replace(known, **changes)


def window(name: str, tiers: dict[str, TierWindow] | None = None, **changes: object) -> Window:
    balloon = BalloonWindow(
        0, {"host": 0, "shrinker": 0, "oom_notifier": 0, "compaction": 0}, 0, 0, 0, Quality.MEASURED
    )
    rows = [(tiers or {}).get(label, tier(label)) for label in TIERS]
    known = Window(
        name=name,
        length_s=LENGTHS[name],
        tiers=rows,
        balloon=balloon,
        refault_bytes=0,
        psi_some=0.0,
        psi_full=0.0,
        waiting_share=0.0,
        kills=0,
    )
    return replace(known, **changes)


def quiet() -> Snapshot:
    """Nothing happens, and all of it is being seen."""
    curve = [200.0 * MIB] * 40
    return Snapshot(
        now_s=26.3,
        ended=None,
        standing=Standing(State.OK, 1.0, "no tier at work, nothing lost, everything that would show it is traced"),
        source=source(),
        flow=Flow(1234, 12.5, 0, False, 0.21, 0.001, 20 * MIB, 0.031, 61 * MIB),
        memory=MemoryNow(1024 * MIB, 612 * MIB, 300 * MIB, 5 * MIB, 12 * MIB, 20 * MIB, 288 * MIB),
        balloon=BalloonNow(424 * MIB, 424 * MIB, 1024 * MIB, Quality.MEASURED, "meminfo.Balloon_bytes"),
        windows={name: window(name) for name in LENGTHS},
        episode=None,
        episode_open=False,
        waiting=[],
        waiting_cgroups=[],
        shrinkers=[],
        history=History(1.0, {"available_bytes": curve, "psi_some": [0.0] * 40}),
        recent=History(0.5, {"available_bytes": curve[:20], "psi_some": [0.0] * 20}),
        findings=[],
    )


def finding(number: int, kind: str, severity: Severity, start_s: float, text: str, **changes: object) -> Finding:
    known = Finding(number, kind, severity, start_s, start_s + 2.0, text, Quality.MEASURED)
    return replace(known, **changes)


def storm() -> Snapshot:
    """The balloon's shrinker deflates it while its worker inflates it."""
    direct = tier("direct (global)", 3.2, 0.62, 80, balloon_bytes=14 * MIB, quality=Quality.INFERRED)
    tiers = {"background": tier("background", 20, 0.4, 9), "direct (global)": direct}
    balloon = BalloonWindow(
        15 * MIB,
        {"host": 0, "shrinker": 14 * MIB, "oom_notifier": 0, "compaction": 0},
        0,
        12,
        28 * MIB,
        Quality.MEASURED,
    )
    rows = [
        TierRow(Tier.BACKGROUND, 14.0, 2.1, 40, 1, 12, 9000, 300, 0, 0),
        TierRow(
            Tier.DIRECT, 14.2, 6.2, 812, 4, 2, 700, 100, 0, 90, balloon_pages=80_000, quality=Quality.INFERRED,
            scopes={Scope.GLOBAL: TierRow(Tier.DIRECT, 14.2, 6.2, 812, 4, 2, 700, 100, 0, 90, balloon_pages=80_000)},
        ),
    ]  # fmt: skip
    return replace(
        quiet(),
        standing=Standing(
            State.FIGHTING,
            14.0,
            "the balloon's shrinker deflates it and its worker inflates it again: 23 cycles in 12.3 s",
            waited_s=4.25,
            moved_bytes=812 * MIB,
            read_again_bytes=20 * MIB,
            finding=1,
        ),
        flow=Flow(2_345_678, 101_234.0, 0, False, 0.2, 0.12, 20 * MIB, 0.31, 61 * MIB),
        memory=MemoryNow(1024 * MIB, 112 * MIB, 9 * MIB, 5 * MIB, 12 * MIB, 20 * MIB, -3 * MIB),
        balloon=BalloonNow(400 * MIB, 624 * MIB, 1024 * MIB, Quality.INFERRED, "vmstat.nr_balloon_pages"),
        windows={
            name: window(
                name, tiers, balloon=balloon, psi_some=0.31, psi_full=0.002, waiting_share=1.4, refault_bytes=2 * MIB
            )
            for name in LENGTHS
        },
        episode=Episode(2, 14.0, 26.3, rows),
        episode_open=True,
        waiting=[
            Waiting("python3", 4321, "/system.slice/reader.service", "direct (global)", 0.81, 3.2, 0.31),
            Waiting("dd", 77, "/", "direct (global)", 0.2, 5.0, 0.012),
            Waiting("reclaim-tracer", 12, None, "direct (global)", None, 0.01, None, is_recorder=True),
        ],
        waiting_cgroups=[Waiting("/system.slice/reader.service", None, None, None, 0.81, 3.2, 0.31)],
        shrinkers=[
            Shrinking("vballoon_shrinker", 0.4, 12_000, 3.1, 80_000, 90_000, 0.889),
            Shrinking("super_cache_scan", 0.01, 90, 0.2, 1_200, None, None),
        ],
        history=History(1.0, {"available_bytes": [600.0 * MIB, 100.0 * MIB, None] * 8, "psi_some": [0.1, 0.3] * 12}),
        findings=[
            finding(1, "storm", Severity.CRITICAL, 14.0, "23 cycles of the balloon's shrinker and worker in 12.3 s"
                    " moved 812.0 MiB for nothing", open=True, cost=5.8, spans=[4, 8, 15, 16],
                    numbers={"cycles": 23.0, "wasted_pages": 207_872.0}),
            finding(2, "premature_tap", Severity.WARNING, 14.2, "the balloon was tapped while page cache could still be"
                    " freed"),
            finding(3, "reporting", Severity.INFO, 2.0, "the driver reported 12.0 MiB of free pages"),
        ],
        findings_left_out=4,
        not_judged=[NotJudged("refault", "refaults were not sampled")],
        marks=[(20.0, "restarted the reader")],
    )  # fmt: skip


def starved() -> Snapshot:
    """Tasks wait and OOM notifiers give the last of it, somebody is killed, events are lost."""
    tiers = {
        "direct (global)": tier("direct (global)", 1.1, 0.97, 400, waiting_share=6.5),
        "retry / throttled": tier("retry / throttled", 0, 0.5, 30),
        "oom_notify": tier("oom_notify", 0, 0.1, 3, balloon_bytes=MIB),
        "oom_kill": tier("oom_kill", 0, 0.0, 1),
    }
    return replace(
        storm(),
        standing=Standing(
            State.STARVED,
            3.25,
            "6 tasks wait for memory, 97 % of the last second",
            where="/kubepods/pod1",
            waited_s=81.0,
        ),
        flow=Flow(90_000, 10_000.0, 512, True, None, None, None, 0.05, 60 * MIB),
        windows={name: window(name, tiers, psi_some=0.99, psi_full=0.8, waiting_share=6.5) for name in LENGTHS},
    )


def unknown() -> Snapshot:
    """An import that says next to nothing."""
    nothing = TierWindow("?", None, None, None, None, None, None, None, 0, Quality.UNKNOWN)
    empty = BalloonWindow(None, {"host": None, "shrinker": None}, None, None, None, Quality.UNKNOWN)
    return replace(
        quiet(),
        standing=Standing(State.BLIND, 0.0, "this trace has no events that would show reclaim"),
        source=source(
            kernel_release="", host="", balloon_driver=None, balloon_features=(), reclaim_path="", way="",
            start_utc_ns=0,
        ),
        flow=Flow(5, None, 0, True, None, None, None, None, None),
        memory=MemoryNow(None, None, None, None, None, None, None),
        balloon=BalloonNow(None, None, None, Quality.UNKNOWN, None),
        windows={
            name: replace(
                window(name, {label: replace(nothing, label=label) for label in TIERS}),
                balloon=empty, refault_bytes=None, psi_some=None, psi_full=None, waiting_share=None, kills=None,
            )
            for name in LENGTHS
        },
        waiting=[Waiting("cp", None, None, None, None, 0.5, None)],
        shrinkers=[Shrinking("shrink_a", None, None, 0.1, None, None, None)],
        history=History(1.0, {"available_bytes": [None] * 10}),
        recent=History(1.0, {"available_bytes": [None] * 10}),
        ended="cut",
    )  # fmt: skip


WRITTEN: Final = {"quiet": quiet, "storm": storm, "starved": starved, "unknown": unknown}
"""By name."""
