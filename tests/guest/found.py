"""What the engine found next to what really was."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tracer.analyze.findings.registry import KIND_BY_NAME

from .discards import Discards, Report
from .reclaim_truth import Held, ReclaimTruth


@dataclass
class Truth:
    """What host and guest say themselves, over the time traced, `timeline` by the host. All in the guest's clock.

    `reclaim` has the counters of reclaimed pages. `driver` has what the lab's own balloon counted itself; nothing where
    the balloon is virtio's. `hopeless`: whether kswapd had given up on a node before and after, by /proc/zoneinfo.
    `discards` are what the host took back, where it was asked to note that; `hinted_pages` are what the guest had
    allocated for hints, at least and at most, where a scenario counted them. `full_mib` is the guest's memory.
    `cgroups` are pages and waiting that the kernel counted for memory cgroups, where a scenario read them.
    """

    vmstat: dict[str, int] = field(default_factory=dict)
    reclaim: ReclaimTruth = field(default_factory=ReclaimTruth)
    driver: dict[str, int] = field(default_factory=dict)
    hopeless: tuple[bool, bool] = (False, False)
    discards: Discards = field(default_factory=Discards)
    hinted_pages: tuple[int, int] = (0, 0)
    host_pages: int = 0
    full_mib: int = 0
    cgroups: dict[str, dict[str, int]] = field(default_factory=dict)
    timeline: list[dict[str, int]] = field(default_factory=list)

    def host_acted(self, begin_ns: int, end_ns: int) -> bool:
        """Whether the host set a target in this time."""
        return any("target_mib" in row and begin_ns <= row["time_ns"] <= end_ns for row in self.timeline)


@dataclass(frozen=True)
class Found:
    """The engine's result by the way it was recorded, and the truth to hold it against.

    `programs` is how the BPF programs came.
    `reports` are those of free page reporting, by its events; None where one of them does not tell its pages.
    `beside` has what other recorders saw of the same, by name.
    """

    summary: dict[str, Any]
    truth: Truth
    start_ns: int
    kernel: str
    transport: str
    recorder: str
    reports: tuple[Report, ...] | None = ()
    programs: str = ""
    beside: dict[str, Found] = field(default_factory=dict)

    @property
    def balloon(self) -> dict[str, Any]:
        """The summary's `balloon`."""
        value: dict[str, Any] = self.summary["balloon"]
        return value

    @property
    def leaked(self) -> dict[str, int]:
        """Pages by cause."""
        value: dict[str, int] = self.balloon["leaked_pages"]
        return value

    @property
    def seen(self) -> tuple[int, int, int]:
        """Pages inflated, leaked, net, by the tracer."""
        return self.balloon["inflated_pages"], sum(self.leaked.values()), self.balloon["net_pages"]

    @property
    def really(self) -> tuple[int, int, int]:
        """The same by the guest's counters and, net, by the host."""
        vmstat = self.truth.vmstat
        return vmstat["balloon_inflate"], vmstat["balloon_deflate"], self.truth.host_pages

    @property
    def is_measured(self) -> bool:
        """Whether the balloon's pages are, and by whom they were taken."""
        return bool(self.balloon["quality"] == "measured")

    @property
    def plan(self) -> dict[str, str]:
        """The source used for each kind of event that has one."""
        return {kind: source for kind, source in self.summary["recording"]["plan"].items() if source}

    @property
    def counted_by(self) -> str:
        """Which source counted the balloon's pages: those of its worker's runs, else those between two readings."""
        return self.plan.get("balloon_run_pages") or self.plan.get("balloon_pages", "")

    @property
    def sees_ooms(self) -> bool:
        """Whether it saw when OOM notifiers had done."""
        return bool({"oom_notify_end", "oom_notifier_end"} & set(self.plan))

    @property
    def classes(self) -> set[str]:
        """Of its cycles."""
        return {cycle["class"] for cycle in self.summary["cycles"]}

    @property
    def kinds(self) -> set[str]:
        """Of its findings, but for estimates, which are told wherever they can be made."""
        return {kind for finding in self.summary["findings"] if not KIND_BY_NAME[kind := finding["kind"]].estimate}

    @property
    def tiers(self) -> dict[str, dict[str, Any]]:
        """The ladder by name."""
        return {tier["tier"]: tier for tier in self.summary["tiers"]}

    @property
    def kills(self) -> int:
        """OOM kills."""
        return sum(tier["sources"]["process"]["kills"] for tier in self.tiers.values())

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """Its findings of a kind."""
        return [finding for finding in self.summary["findings"] if finding["kind"] == kind]

    def texts(self, kind: str) -> str:
        """What its findings of a kind say."""
        return "\n".join(finding["text"] for finding in self.of_kind(kind))

    def overlap_s(self, who: str) -> float:
        """Seconds of conflict with `self`, `induced` or `foreign` reclaim."""
        return sum(conflict["overlap_s"][who] for conflict in self.summary["conflicts"])

    def host_acted_in(self, cycle: dict[str, Any]) -> bool:
        """Whether the host set a target between a cycle's first leak and its end: by the host's own log."""
        begin_s = cycle["leak_start_s"]
        return self.truth.host_acted(self.start_ns + int(begin_s * 1e9), self.start_ns + int(cycle["end_s"] * 1e9))

    def require_no_fight(self) -> None:
        """No cycle, no storm, no page leaked under pressure, no kill."""
        assert (self.summary["cycles"], self.summary["storms"]) == ([], [])
        assert (self.leaked["shrinker"], self.leaked["oom_notifier"], self.kills) == (0, 0, 0)

    def require_true_pages(self) -> None:
        """Pages by the tracer = the guest's counters = what the host gave and took."""
        seen, really = self.seen, self.really
        assert seen == really, f"inflated, leaked, net by the tracer {seen}, by vmstat and the host {really}"
        if driver := self.truth.driver:
            # It leaks for no other causes than it counts.
            causes = {cause: driver.get(f"leaked_{cause}_pages", 0) for cause in self.leaked}
            assert (self.leaked, seen[0]) == (causes, driver["inflated_pages"]), (
                f"{self.leaked}, by the driver {driver}"
            )

    @property
    def reclaimed(self) -> dict[str, Held]:
        """Pages off the LRU by tier and by list, next to the kernel's counters."""
        return self.truth.reclaim.held(self.tiers, self.start_ns)

    @property
    def refaults(self) -> tuple[int, int]:
        """Pages of files read again after eviction, by the guest's counter, at least and at most."""
        return self.truth.reclaim.bounds(self.start_ns, "workingset_refault_file")

    def require_true_reclaim(self) -> None:
        """Pages reclaimed by tier and by list = the guest's counters, to the page where they are measured."""
        wrong = {name: held for name, held in self.reclaimed.items() if not held.is_true}
        assert not wrong, f"pages reclaimed are not what /proc/vmstat says: {wrong}"

    def require_true_kills(self) -> None:
        """The OOM killer was at work where the guest's counter says so, and nowhere else."""
        told, killed = "oom_kill" in self.tiers, self.truth.vmstat["oom_kill"] > 0
        assert told == (self.kills > 0) == killed, f"tier told {told}, kills {self.kills}, by vmstat {killed}"

    def require_true_user_kills(self, processes: int) -> None:
        """So many processes were killed from user space under pressure; the lab's own loads do not end so."""
        told = sum(round(kill["numbers"]["processes"]) for kill in self.of_kind("user_kill"))
        assert told == processes, f"{told} processes killed from user space, really {processes}"

    def require_true_hopelessness(self) -> None:
        """kswapd has given up where /proc/zoneinfo says so, as far as the kernel has events for it."""
        if "kswapd_reclaim_fail" not in self.plan:
            return
        before, after = self.truth.hopeless
        left_open = any(
            finding["kind"] == "kswapd_gave_up" and "reason" not in finding["numbers"]
            for finding in self.summary["findings"]
        )
        assert left_open <= after, "kswapd has given up for good, by /proc/zoneinfo it has not"
        assert after <= (left_open or before), "kswapd has given up by /proc/zoneinfo, and nobody tells"

    def require_stated_error(self) -> None:
        """What is inferred says by how many pages it is less and more than what really happened.

        Pages that are the counters' own are held against nothing, which is to be said, and have to be right.
        """
        seen, really = self.seen, self.really
        stated = self.balloon["missed_pages"], self.balloon["extra_pages"]
        if self.counted_by.startswith("samples:"):
            assert stated == (None, None), f"nothing else counted pages; said missed, extra {stated}"
            self.require_true_pages()
            return
        short = [true - told for told, true in zip(seen[:2], really[:2], strict=True)]
        found = sum(max(0, pages) for pages in short), sum(max(0, -pages) for pages in short)
        assert found == stated, f"in, out {seen}, really {really}; said missed, extra {stated}"

    def require_nothing_lost(self) -> None:
        """Every event arrived, every block is whole."""
        recording = self.summary["recording"]
        damage = {name: recording[name] for name in ("lost", "bad_blocks", "cut_bytes")}
        assert not any(damage.values()), f"{damage}, by kind {recording['lost_by_kind']}"
