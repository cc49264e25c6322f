"""What a scenario sees: a traced guest, its host, and afterwards what the engine found next to what really was."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGINT
from typing import Any, Final

import tracer

from .guest import MIB, Guest
from .machine import Hardware

PAGES_PER_MIB: Final = MIB // 4096
WAIT_S: Final = 300
"""Generous: an emulated guest on a busy machine. Nothing waits for it that goes well."""
_RECORDING: Final = "/mnt/trace.rtrace"
_COUNTERS: Final = ("balloon_inflate", "balloon_deflate", "balloon_migrate", "oom_kill", "drop_slab", "pgscan_direct")
_STILL_S: Final = 0.5
_STILL_ANSWERS: Final = 10


@dataclass
class Truth:
    """What host and guest say themselves, over the time traced. `timeline` is the host's, in the guest's clock.

    `driver` has what the lab's own balloon counted itself; nothing where the balloon is virtio's.
    """

    vmstat: dict[str, int] = field(default_factory=dict)
    driver: dict[str, int] = field(default_factory=dict)
    host_pages: int = 0
    timeline: list[dict[str, int]] = field(default_factory=list)

    def host_acted(self, begin_ns: int, end_ns: int) -> bool:
        """Whether the host set a target in this time."""
        return any("target_mib" in row and begin_ns <= row["time_ns"] <= end_ns for row in self.timeline)


@dataclass(frozen=True)
class Found:
    """The engine's result, and the truth to hold it against."""

    summary: dict[str, Any]
    truth: Truth
    start_ns: int
    kernel: str

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
    def classes(self) -> set[str]:
        """Of its cycles."""
        return {cycle["class"] for cycle in self.summary["cycles"]}

    @property
    def kinds(self) -> set[str]:
        """Of its findings."""
        return {finding["kind"] for finding in self.summary["findings"]}

    @property
    def tiers(self) -> dict[str, dict[str, Any]]:
        """The ladder by name."""
        return {tier["tier"]: tier for tier in self.summary["tiers"]}

    @property
    def kills(self) -> int:
        """OOM kills."""
        return sum(tier["sources"]["process"]["kills"] for tier in self.tiers.values())

    def texts(self, kind: str) -> str:
        """What its findings of a kind say."""
        return "\n".join(finding["text"] for finding in self.summary["findings"] if finding["kind"] == kind)

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
        vmstat = self.truth.vmstat
        seen = (self.balloon["inflated_pages"], sum(self.leaked.values()), self.balloon["net_pages"])
        really = (vmstat["balloon_inflate"], vmstat["balloon_deflate"], self.truth.host_pages)
        assert seen == really, f"inflated, leaked, net by the tracer {seen}, by vmstat and the host {really}"
        if driver := self.truth.driver:
            causes = {cause: driver[f"leaked_{cause}_pages"] for cause in self.leaked}
            assert (self.leaked, seen[0]) == (causes, driver["inflated_pages"]), (
                f"{self.leaked}, by the driver {driver}"
            )

    def require_nothing_lost(self) -> None:
        """Every event arrived, every block is whole."""
        recording = self.summary["recording"]
        damage = {name: recording[name] for name in ("lost", "bad_blocks", "cut_bytes")}
        assert not any(damage.values()), f"{damage}, by kind {recording['lost_by_kind']}"


class Lab:
    """The guest as scenarios drive it. Only what happens in `tracing()` is on record."""

    def __init__(self, guest: Guest, options: tuple[str, ...] = ()) -> None:
        self.guest, self._options = guest, options
        self.full_mib = guest.balloon_bytes() // MIB
        self.truth = Truth()
        self._offset_ns = 0
        self._tracing = False
        self._started: list[int] = []

    @contextmanager
    def tracing(self) -> Iterator[None]:
        """Record with our own tracer in the guest, which the OOM killer leaves alone."""
        guest = self.guest
        options = ("-o", _RECORDING, "--queue-size", str(queue_mib(guest.hardware)), *self._options)
        pid = guest.start("reclaim-tracer", "record", "--force", *options, oom_score_adj=-1000)
        guest.until(lambda: "Tracing." in guest.errors(pid) or self._gone(pid), WAIT_S, "the tracer to attach")
        self._tracing = True
        self.sampled()
        self.truth = Truth()
        self._offset_ns = self._clock_offset_ns()
        before, actual, driver = guest.counters(), guest.balloon_bytes(), guest.driver_counters()
        yield
        self.settle()
        self.sampled()
        after = guest.counters()
        self.truth.vmstat = {name: after.get(name, 0) - before.get(name, 0) for name in _COUNTERS}
        self.truth.driver = {name: value - driver[name] for name, value in guest.driver_counters().items()}
        self.truth.host_pages = (actual - guest.balloon_bytes()) // 4096
        self._tracing = False
        guest.kill(pid, SIGINT)
        if status := guest.finish(pid, WAIT_S):
            raise guest.error(f"the tracer ended with {status}: {guest.errors(pid)}")

    def host(self, mib: int) -> None:
        """The host's target for the guest's memory, from now on."""
        self._log({"target_mib": mib})
        self.guest.set_target(mib)

    def host_and_wait(self, mib: int) -> None:
        """... and until it is reached, and the tracer has seen that."""
        self.host(mib)
        self.guest.until(lambda: self.actual_mib() == mib, WAIT_S, f"the balloon to reach {mib} MiB")
        self.sampled()

    def sampled(self) -> None:
        """Until the tracer has read the counters after now: what it flushes after its next flush."""
        if not self._tracing:
            return
        for _ in range(2):
            size = self.guest.ask("size", path=_RECORDING)
            self.guest.until(
                lambda size=size: self.guest.ask("size", path=_RECORDING) > size, WAIT_S, "the tracer to flush"
            )

    def actual_mib(self) -> int:
        """What the guest has now, by the host."""
        actual = self.guest.balloon_bytes()
        if not self.truth.timeline or self.truth.timeline[-1].get("actual_bytes") != actual:
            self._log({"actual_bytes": actual})
        return actual // MIB

    def settle(self) -> None:
        """Until the balloon has not moved for a while, in which the guest has run: it answered, again and again."""
        last, answers, since_s = (-1, -1, -1), 0, time.monotonic()

        def still() -> bool:
            nonlocal last, answers, since_s
            counters = self.guest.counters()
            now = (self.actual_mib(), counters["balloon_inflate"], counters["balloon_deflate"])
            if now != last:
                last, answers, since_s = now, 0, time.monotonic()
            answers += 1
            return answers > _STILL_ANSWERS and time.monotonic() - since_s > _STILL_S

        self.guest.until(still, WAIT_S, "the balloon to be still")

    def load(self, name: str, *arguments: object, cgroup: str = "") -> int:
        """Start one of the loads in `inside/loads.py`, the OOM killer's first choice."""
        pid = self.guest.start("load", name, *map(str, arguments), cgroup=cgroup, oom_score_adj=1000)
        self._started.append(pid)
        return pid

    def said(self, pid: int, word: str) -> None:
        """Until a load has printed the word. Raises GuestError where it ends before."""
        self.guest.until(lambda: word in self.guest.output(pid) or self._gone(pid), WAIT_S, f"a load to say {word}")

    def ended(self, pid: int) -> int:
        """A load's exit status, negative where a signal ended it."""
        return self.guest.finish(pid, WAIT_S)

    def stop(self, pid: int) -> None:
        """Kill a load and wait until its memory is free."""
        self.guest.kill(pid)
        self.ended(pid)

    def available_mib(self) -> int:
        """MemAvailable."""
        return self.guest.counters("/proc/meminfo")["MemAvailable"] // 1024

    def vmstat(self, name: str) -> int:
        """A counter of /proc/vmstat."""
        return self.guest.counters()[name]

    def until_vmstat(self, name: str, at_least: int) -> None:
        """Until a counter of /proc/vmstat has reached a value."""
        self.guest.until(lambda: self.vmstat(name) >= at_least, WAIT_S, f"{name} to reach {at_least}")

    def shell(self, text: str) -> str:
        """A command in the guest."""
        return self.guest.shell(text, timeout_s=WAIT_S)

    def reset(self) -> None:
        """As it was: no load, no balloon, no cache."""
        for pid in self._started:
            if self.guest.ask("status", pid=pid) is None:
                self.stop(pid)
        self._started.clear()
        self.host_and_wait(self.full_mib)
        self.shell("echo 3 >/proc/sys/vm/drop_caches")

    def found(self, folder: Path, name: str) -> Found:
        """The recording and the host's log, copied into the folder, through the engine."""
        recording = folder / f"{name}.rtrace"
        self.guest.fetch(_RECORDING, recording)
        rows = (json.dumps(row) + "\n" for row in self.truth.timeline)
        (folder / f"{name}.host.jsonl").write_text("".join(rows))
        trace = tracer.open(recording)
        return Found(trace.summary(), self.truth, trace.metadata.start_ns, self.guest.image.kernel.name)

    def _gone(self, pid: int) -> bool:
        status = self.guest.ask("status", pid=pid)
        if status is not None:
            raise self.guest.error(f"process {pid} ended with {status}: {self.guest.errors(pid)}")
        return False

    def _clock_offset_ns(self) -> int:
        """Guest's clock minus host's, from the quickest of some answers."""
        best = (1 << 62, 0)
        for _ in range(5):
            sent = time.monotonic_ns()
            there = self.guest.ask("clock")["monotonic"]
            took = time.monotonic_ns() - sent
            best = min(best, (took, there - sent - took // 2))
        return best[1]

    def _log(self, row: dict[str, int]) -> None:
        self.truth.timeline.append({"time_ns": time.monotonic_ns() + self._offset_ns, **row})


def queue_mib(hardware: Hardware) -> int:
    """The recorder's `--queue-size`: 32 MiB, 322,000 events, of a guest with 1 GiB.

    The recording goes to a tmpfs, and writing there waits for memory like all else in a guest whose balloon has left it
    too little: longer than it takes to fill the default of 8 MiB.
    """
    return hardware.memory_mib // 32
