"""SYNTHETIC analyses for the report's tests: made up by hand, no kernel produced any of these numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tracer.analyze.accounting import Accounting
from tracer.analyze.balloon_result import BalloonResult, BalloonStep
from tracer.analyze.curves import Quantity, Timeline
from tracer.analyze.model import Analysis, Conflict, Cycle, Episode, Finding, ShrinkerStat, Stall, Storm, TierRow
from tracer.analyze.terms import Cause, CycleClass, Quality, Severity, Tier
from tracer.metadata import BalloonInfo, Metadata, PlanRow, SourceState
from tracer.report import RecordingFacts

HOSTILE = "</script><img src=x onerror=window.pwned=1>\u2028\x1b[31m"
DURATION_S = 42.0
MIB_PAGES = 256
INFLATED_WHILE = "The balloon inflated by 13.0 MiB while kswapd, woken by it, reclaimed 15.6 MiB."
THREE_CYCLES = "Three notifier-reinflate cycles in a row moved 78.0 MiB for nothing."


def facts(**changes: object) -> RecordingFacts:
    """Of a recording without loss."""
    metadata = Metadata(
        tool_version="0.0-synthetic",
        kernel_release="6.1.0-synthetic",
        machine="x86_64",
        host="synthetic-guest",
        start_utc_ns=1_760_000_000_000_000_000,
        cpus=2,
        memory_total_bytes=1 << 30,
        balloon=BalloonInfo("virtio_balloon", "virtio0", ("deflate_on_oom",), "oom_notifier"),
        plan=(
            PlanRow("shrink_slab_start", "vmscan:mm_shrink_slab_start", SourceState.USED),
            PlanRow(
                "balloon_work", "kprobe:update_balloon_size_func", SourceState.REFUSED, "kprobes are not compiled in"
            ),
            PlanRow("lru_shrink_inactive", "vmscan:mm_vmscan_lru_shrink_inactive", SourceState.USED),
            PlanRow("direct_reclaim_begin", "vmscan:mm_vmscan_direct_reclaim_begin", SourceState.USED),
            PlanRow("mark_victim", "oom:mark_victim", SourceState.USED),
            PlanRow("balloon_work", "workqueue:workqueue_execute_start", SourceState.USED),
            PlanRow(
                "throttled", "vmscan:mm_vmscan_throttled", SourceState.ABSENT, "this kernel has no such tracepoint"
            ),
        ),
        absent_fields={"shrink_slab_start": ("memcg_id",)},
        command=("stress", "--vm", "1"),
    )
    return replace(RecordingFacts("synthetic.rtrace", metadata), **changes)


def quiet() -> Analysis:
    """Nothing happened and nothing was sampled."""
    return Analysis(
        duration_s=5.0,
        accounting=Accounting(),
        balloon=BalloonResult(),
        tiers=[],
        episodes=[],
        conflicts=[],
        cycles=[],
        storms=[],
        findings=[],
        shrinkers=[],
        stalls=[],
        steps=[],
        timeline=Timeline(0.01, {}),
        samples={},
    )


def ladder(start_s: float, part: float = 1.0) -> list[TierRow]:
    """A ladder that goes up to the OOM notifier."""
    pages = round(part * 100 * MIB_PAGES)
    return [
        TierRow(Tier.PROACTIVE, start_s, 0.02, 3, 1, None, lru_pages=pages // 50, quality=Quality.INFERRED),
        TierRow(
            Tier.BACKGROUND,
            start_s + 0.3,
            4.2 * part,
            31,
            1,
            8,
            pages,
            pages // 4,
            slab_objects={"super_cache_scan": 8123},
        ),
        TierRow(
            Tier.DIRECT,
            start_s + 1.1,
            2.9 * part,
            412,
            6,
            2,
            pages // 2,
            pages // 8,
            slab_pages=pages // 20,
            slab_objects={"super_cache_scan": 5120, "mb_cache_scan": 77, "shadow_lru_isolate": 900, "x_scan": 3},
            quality=Quality.INFERRED,
        ),
        TierRow(Tier.RETRY, start_s + 2.4, 0.8 * part, 55, 4),
        TierRow(Tier.OOM_NOTIFY, start_s + 3.0, 0.03 * part, 12, 2, balloon_pages=round(40 * MIB_PAGES * part)),
    ]


def _bursts(seed: int, at: list[float], bucket_s: float, height: float) -> np.ndarray:
    random = np.random.default_rng(seed)
    time = np.arange(0, DURATION_S, bucket_s)
    envelope = sum(np.exp(-(((time - center) / 1.2) ** 2)) for center in at)
    return np.round(envelope * height * random.random(len(time)))


def _timeline() -> Timeline:
    bucket_s = 0.05
    centers = [8.0, 16.0, 18.5, 21.0, 33.0]
    busy = {
        label: _bursts(i, centers, bucket_s, 100) / 100 * bucket_s for i, label in enumerate(("background", "direct"))
    }
    return Timeline(
        bucket_s,
        {
            "background.file_pages": _bursts(1, centers, bucket_s, 300),
            "background.anon_pages": _bursts(2, centers, bucket_s, 70),
            "direct.file_pages": _bursts(3, centers[1:], bucket_s, 160),
            "direct.anon_pages": _bursts(4, centers[1:], bucket_s, 60),
            "proactive.lru_pages": _bursts(5, [2.0], bucket_s, 40),
            "slab.objects": _bursts(6, centers, bucket_s, 900),
            "background.busy_s": busy["background"],
            "direct.busy_s": busy["direct"] * 0.6,
            "retry.busy_s": np.where(busy["direct"] > 0.04, 0.01, 0.0),
        },
    )


def _steps() -> list[BalloonStep]:
    steps = [BalloonStep(3 + i * 0.05, 3.02 + i * 0.05, MIB_PAGES * 5, None, Quality.INFERRED) for i in range(40)]
    for burst in (16.0, 18.5, 21.0):
        steps += [
            BalloonStep(burst + i * 0.1, burst + 0.001 + i * 0.1, -MIB_PAGES, Cause.OOM_NOTIFIER, Quality.INFERRED)
            for i in range(13)
        ]
        steps.append(BalloonStep(burst + 1.5, burst + 1.9, 13 * MIB_PAGES, None, Quality.INFERRED))
    steps.append(BalloonStep(36.0, 36.5, -40 * MIB_PAGES, Cause.HOST, Quality.INFERRED))
    return sorted(steps, key=lambda step: step.start_s)


def _samples() -> dict[str, Quantity]:
    time = np.arange(0, DURATION_S, 0.25)
    used = np.interp(time, [0, 3, 5, 15, 22, 34, 42], [200, 220, 420, 700, 760, 690, 400]) * (1 << 20)
    wave = np.sin(time * 2) * (4 << 20)
    total = float(1 << 30)
    balloon = np.interp(time, [0, 3, 5, 16, 17.3, 17.9, 36, 36.5, 42], [0, 0, 200, 200, 187, 200, 200, 160, 160])
    values = {
        "meminfo.MemTotal_bytes": np.full_like(time, total),
        "meminfo.MemAvailable_bytes": total - used + wave,
        "meminfo.MemFree_bytes": (total - used) * 0.4 + wave,
        "vmstat.nr_active_file": used / 4096 * 0.2,
        "vmstat.nr_inactive_file": used / 4096 * 0.15,
        "vmstat.nr_active_anon": used / 4096 * 0.1,
        "vmstat.nr_inactive_anon": used / 4096 * 0.2,
        "vmstat.nr_slab_reclaimable": np.full_like(time, 9000.0),
        "vmstat.balloon_inflate": np.maximum.accumulate(balloon) * MIB_PAGES + 50,
        "vmstat.balloon_deflate": (np.maximum.accumulate(balloon) - balloon) * MIB_PAGES + 50,
        "psi.memory.some_total_us": np.cumsum(np.exp(-(((time - 18) / 3) ** 2))) * 1.5e5,
        "psi.memory.full_total_us": np.cumsum(np.exp(-(((time - 18) / 3) ** 2))) * 0.4e5,
    }
    return {name: Quantity(time, series) for name, series in values.items()}


def storm(hostile: bool = False) -> Analysis:
    """A storm of notifier-reinflate cycles with conflicts, stalls and loss: something in every part of the report."""
    comm = HOSTILE if hostile else "stress-ng-vm"
    cycles = [
        Cycle(i, CycleClass.NOTIFIER_REINFLATE, at, at + 2.0, 13 * MIB_PAGES, 13 * MIB_PAGES, 26 * MIB_PAGES, 0.4, 1)
        for i, at in enumerate((16.0, 18.5, 21.0), 1)
    ]
    text = f"Task {comm} waited 2.40 s in direct reclaim while the balloon held 187 MiB."
    wasted = sum(cycle.wasted_pages for cycle in cycles)
    return Analysis(
        duration_s=DURATION_S,
        accounting=Accounting(
            events=184_223,
            spans=40_112,
            lost={"shrink_slab_start": 1200},
            lost_stretches=[(26.0, 27.4, 1200)],
            begins_without_end=2,
            ends_without_begin=1,
        ),
        balloon=BalloonResult(
            inflated_pages=239 * MIB_PAGES,
            leaked_pages={Cause.HOST: 40 * MIB_PAGES, Cause.SHRINKER: 0, Cause.OOM_NOTIFIER: 39 * MIB_PAGES},
            wasted_pages=wasted,
            puffs=14,
            work_spans=300,
            worker_s=3.1,
            reclaim_path="oom_notifier",
        ),
        tiers=ladder(2.0, 2.0),
        episodes=[
            Episode(1, 6.0, 10.5, ladder(6.0, 0.4)[:2]),
            Episode(2, 14.5, 24.0, ladder(14.5)),
            Episode(3, 31, 35, ladder(31, 0.5)[:3]),
        ],
        conflicts=[
            Conflict(1, 15.0, 17.0, {"self": 0.4, "induced": 0.9, "foreign": 0.1}, 4000, 3328),
            Conflict(2, 32.0, 33.5, {"self": 0.0, "induced": 0.3, "foreign": 0.0}, 900, 512),
        ],
        cycles=cycles,
        storms=[Storm(1, CycleClass.NOTIFIER_REINFLATE, 16.0, 23.0, 3, wasted)],
        findings=[
            Finding(1, "conflict", Severity.WARNING, 15.0, 17.0, INFLATED_WHILE, Quality.INFERRED),
            Finding(2, "storm", Severity.CRITICAL, 16.0, 23.0, THREE_CYCLES, Quality.INFERRED),
            Finding(3, "stall", Severity.INFO, 16.2, 18.6, text, Quality.MEASURED),
        ],
        shrinkers=[
            ShrinkerStat(
                "super_cache_scan", 20_400, 3_100_000, 91_000, 1.82, 41_000, 2_300_000, 18_400_000, 0.81, 0.62
            ),
            ShrinkerStat("mb_cache_scan", 8_000, 41_000, 77, 0.04, 900, 12_000, 90_000, 0.01, 0.02),
            ShrinkerStat(
                comm if hostile else "workingset_shadow_shrinker_count",
                11_712,
                700_000,
                900,
                0.35,
                9_000,
                140_000,
                2_000_000,
                0.18,
                0.36,
            ),
        ],
        stalls=[
            Stall(comm, 4312, Tier.DIRECT, 210, 2.4, 310_000_000),
            Stall(comm, 4312, Tier.RETRY, 40, 0.7, 100_000_000),
            Stall("kworker/0:1", 77, Tier.DIRECT, 12, 0.41, 40_000_000),
        ],
        steps=_steps(),
        timeline=_timeline(),
        samples=_samples(),
    )


def enormous() -> Analysis:
    """As many steps and samples as the analysis keeps, and more of everything else than a page can show."""
    many = 5000
    base = storm()
    random = np.random.default_rng(7)
    time = np.sort(random.random(4097)) * DURATION_S
    step_time = np.sort(random.random(8192)) * DURATION_S
    names = list(base.samples)
    return replace(
        base,
        cycles=[replace(base.cycles[0], id=i, start_s=i * 0.008, end_s=i * 0.008 + 0.003) for i in range(many)],
        conflicts=[replace(base.conflicts[0], id=i, start_s=i * 0.008, end_s=i * 0.008 + 0.002) for i in range(many)],
        episodes=[
            Episode(i, i * 0.008, i * 0.008 + random.random() * 0.008, ladder(i * 0.008, 0.1)) for i in range(many)
        ],
        findings=[replace(base.findings[i % 3], id=i, start_s=i * 0.008) for i in range(many)],
        stalls=[replace(base.stalls[0], pid=i) for i in range(many)],
        shrinkers=[replace(base.shrinkers[0], name=f"shrinker_{i}") for i in range(many)],
        storms=[replace(base.storms[0], id=i) for i in range(many)],
        steps=[
            BalloonStep(t, t, -1 if i % 2 else 1, Cause.HOST if i % 2 else None, Quality.INFERRED)
            for i, t in enumerate(step_time)
        ],
        timeline=Timeline(
            DURATION_S / 4096,
            {
                name: random.random(4096) * 10
                for name in (f"{t.label}.{s}_pages" for t in Tier for s in ("file", "anon"))
            }
            | {f"{t.label}.busy_s": random.random(4096) * DURATION_S / 4096 for t in Tier},
        ),
        samples={name: Quantity(time, random.random(len(time)) * 1e9) for name in names},
    )
