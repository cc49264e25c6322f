"""What a scenario sees: a traced guest, its host, and afterwards what the engine found next to what really was."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from signal import SIGTERM
from typing import Final

import tracer

from .discards import Discards, Report
from .found import Found, Truth
from .guest import MIB, Guest
from .reclaim_truth import FOLD, Reading, ReclaimTruth
from .recorder import WAIT_S, Recorder
from .ways import DEFAULT, NONE, Recorders

PAGES_PER_MIB: Final = MIB // 4096
_COUNTERS: Final = (
    *("balloon_inflate", "balloon_deflate", "balloon_migrate", "oom_kill", "drop_slab", "pgscan_direct"),
    "workingset_refault_file",
)
_STILL_S: Final = 0.5
_STILL_ANSWERS: Final = 10


class Lab:
    """The guest as scenarios drive it. Only what happens in `tracing()` is on record.

    `beside` has the names of further recorders and their options.
    """

    def __init__(self, guest: Guest, beside: Recorders = NONE) -> None:
        self.guest, self._way = guest, DEFAULT
        self.full_mib = guest.balloon_bytes() // MIB
        self.truth = Truth()
        self._offset_ns = 0
        self._beside = beside
        self._recorders: dict[str, Recorder] = {}
        self._started: list[int] = []
        self._changed: dict[str, str] = {}
        self._swaps = False

    @contextmanager
    def tracing(self, way: str, options: tuple[str, ...]) -> Iterator[None]:
        """Record with our own tracer in the guest, and beside it. Where this fails the guest is of no more use.

        `way` is what its way to record is called, `options` are what `record` takes for it.
        """
        guest, self._way = self.guest, way
        reclaim = ReclaimTruth("pgsteal_kswapd" in guest.read("/proc/zoneinfo").decode(), [self._reading()])
        for name, further in {**self._beside, way: options}.items():
            self._recorders[name] = Recorder(guest, f"/mnt/{name or 'trace'}.rtrace", further)
            reclaim.beginning += self._readings_until_attached(self._recorders[name])
        self.truth = Truth(reclaim=reclaim, full_mib=self.full_mib)
        self._offset_ns = self._clock_offset_ns()
        self.sampled()
        before, actual, driver = guest.counters(), guest.balloon_bytes(), guest.driver_counters()
        was_hopeless, since = self.is_hopeless(), len(guest.discards())
        yield
        until = len(guest.discards())
        self.settle()
        self.sampled()
        after, reclaim.driven = guest.counters(), self._reading()
        self.truth.hopeless = was_hopeless, self.is_hopeless()
        self.truth.vmstat = {name: after.get(name, 0) - before.get(name, 0) for name in _COUNTERS}
        self.truth.driver = {name: value - driver[name] for name, value in guest.driver_counters().items()}
        self.truth.host_pages = (actual - guest.balloon_bytes()) // 4096
        for recorder in self._recorders.values():
            recorder.end()
        reclaim.ended = self._reading()
        self.truth.discards = Discards(guest.discards(), since, until)

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
        """Until all recorders have read the counters after now: what they flush after their next flush."""
        for _ in range(2):
            for recorder, size in [(recorder, recorder.size()) for recorder in self._recorders.values()]:
                recorder.flushed(size)

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
        self.guest.until(lambda: self._has_said(pid, word), WAIT_S, f"a load to say {word}")

    def is_said_or_over(self, pid: int, word: str) -> bool:
        """Whether a load has printed the word or has ended: was killed, as a rule."""
        return self.guest.ask("status", pid=pid) is not None or word in self.guest.output(pid)

    def said_or_over(self, pid: int, word: str) -> None:
        """Until that is so."""
        self.guest.until(lambda: self.is_said_or_over(pid, word), WAIT_S, f"a load to say {word}")

    def ended(self, pid: int) -> int:
        """A load's exit status, negative where a signal ended it."""
        return self.guest.finish(pid, WAIT_S)

    def stop(self, pid: int) -> None:
        """End a load and wait until its memory is free. Not by SIGKILL: under pressure that is a finding."""
        self.guest.kill(pid, SIGTERM)
        self.ended(pid)

    def stop_all(self) -> None:
        """End all loads that still run."""
        for pid in self._started:
            if self.guest.ask("status", pid=pid) is None:
                self.stop(pid)
        self._started.clear()

    def put(self, path: str, value: object) -> None:
        """Write one of the kernel's settings; `reset` writes what was there."""
        self._changed.setdefault(path, self.guest.read(path).decode().strip())
        self.guest.write(path, f"{value}".encode())

    def narrow_watermarks(self) -> None:
        """Leave kswapd so little between its wake-up and the minimum that tasks have to reclaim, too."""
        self.put("/proc/sys/vm/watermark_scale_factor", 1)
        self.put("/proc/sys/vm/min_free_kbytes", 1024)

    def swap_on(self) -> None:
        """The machine's disk for swap, until `reset`."""
        self.shell("mkswap /dev/vdd >/dev/null && swapon /dev/vdd")
        self._swaps = True

    def available_mib(self) -> int:
        """MemAvailable."""
        return self.guest.counters("/proc/meminfo")["MemAvailable"] // 1024

    def vmstat(self, name: str) -> int:
        """A counter of /proc/vmstat."""
        return self.guest.counters()[name]

    def is_hopeless(self) -> bool:
        """Whether kswapd has given up on a node."""
        return "node_unreclaimable:  1" in self.guest.read("/proc/zoneinfo").decode()

    def until_vmstat(self, name: str, at_least: int) -> None:
        """Until a counter of /proc/vmstat has reached a value."""
        self.guest.until(lambda: self.vmstat(name) >= at_least, WAIT_S, f"{name} to reach {at_least}")

    def shell(self, text: str) -> str:
        """A command in the guest."""
        return self.guest.shell(text, timeout_s=WAIT_S)

    def reset(self) -> None:
        """As it was: no load, no balloon, no swap, no cache, the kernel's own settings."""
        self.stop_all()
        for path, value in self._changed.items():
            self.guest.write(path, value.encode())
        self._changed.clear()
        if self._swaps:
            self.shell("swapoff /dev/vdd")
        self._swaps = False
        self.host_and_wait(self.full_mib)
        self.shell("echo 3 >/proc/sys/vm/drop_caches")

    def found(self, folder: Path, name: str, horizon_s: float) -> Found:
        """The recordings and the host's log, copied into the folder, through the engine with its option `horizon_s`."""
        rows = (json.dumps(row) + "\n" for row in self.truth.timeline)
        (folder / f"{name}.host.jsonl").write_text("".join(rows))
        (folder / f"{name}.vmstat.json").write_text(json.dumps(asdict(self.truth.reclaim)))
        beside = {other: self._seen(other, folder, name, horizon_s) for other in self._beside}
        return replace(self._seen(self._way, folder, name, horizon_s), beside=beside)

    def _seen(self, recorder: str, folder: Path, name: str, horizon_s: float) -> Found:
        recording = folder / (".".join(filter(None, (name, recorder))) + ".rtrace")
        self._recorders.pop(recorder).fetch(recording)
        trace = tracer.open(recording, horizon_s=horizon_s)
        metadata = trace.metadata
        return Found(
            trace.summary(),
            self.truth,
            metadata.start_ns,
            self.guest.image.kernel.name,
            metadata.transport,
            recorder,
            _reports(trace),
            metadata.programs,
        )

    def _readings_until_attached(self, recorder: Recorder) -> list[Reading]:
        """Wait until it says that it traces, which may be seconds after it does; the counters meanwhile."""
        readings: list[Reading] = []

        def attached() -> bool:
            is_attached = recorder.is_attached()
            readings.append(self._reading())
            return is_attached

        self.guest.until(attached, WAIT_S, "the tracer to attach")
        return readings

    def _reading(self) -> Reading:
        self.guest.write(FOLD, b"1")
        begin_ns = self.guest.ask("clock")["monotonic"]
        counters = self.guest.counters()
        return Reading.of(begin_ns, self.guest.ask("clock")["monotonic"], counters)

    def _has_said(self, pid: int, word: str) -> bool:
        status = self.guest.ask("status", pid=pid)
        if word in self.guest.output(pid):
            return True
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


def _reports(trace: tracer.Trace) -> tuple[Report, ...] | None:
    events = trace.events("virtballoon_free_page_report")[["nents", "reported_pages"]]
    if events.isna().to_numpy().any():
        return None
    return tuple((int(pieces), int(pages)) for pieces, pages in events.itertuples(index=False))
