"""What recording costs a guest that has no memory to spare: `python -m tests.guest.small`; `small.jsonl` and a table.

A balloon that took its part before and stands still, without DEFLATE_ON_OOM, so that nothing but reclaim and the OOM
killer gives memory back; and a reader of more page cache than there is room for. `record` is started as a user does.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from pathlib import Path
from signal import SIGINT
from typing import Any, Final

import tracer

from .carried import carry
from .debian import LabError
from .guest import Guest
from .harm import CGROUP, Held, Phase, Watch
from .kernels import FULL, KERNELS
from .lab import Lab
from .machine import Hardware, why_impossible
from .pool import workers_here
from .recorder import WAIT_S
from .small_table import HEAD, row_text
from .ways import DEFAULT, PROGRAMS, on, options_of

SIZES_MIB: Final = (128, 192, 256)
"""Of the memory that the balloon leaves."""
HELD_MIB: Final = 64
_PAUSE_MS: Final = 100
"""After each MiB. kswapd nearly keeps up with that; what the reader stalls all the same is in the phase `before`."""
LOOK_S: Final = 10
"""How long each phase is in which nothing begins or ends."""
FAILED: Final = "failed"
"""What a row is that the lab could not measure to its end."""
_LISTS: Final = ("file", "anon", "lru")
"""Sources of a tier that are off the LRU lists."""
_SAID: Final = 2000
_STATES: Final = {0: "recorded", 3: "refused", -9: "killed"}
_RECORDING: Final = "/tmp/disk/trace.rtrace"


@dataclass
class Row:
    """One guest: what became of the recorder in it, and what each phase of its life cost. None is unknown."""

    kernel: str
    memory_mib: int
    way: str = DEFAULT
    available_mib: int | None = None
    state: str = FAILED
    said: str = ""
    phases: dict[str, Phase] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)
    resident_kib: dict[str, dict[str, int]] = field(default_factory=dict)
    recorded: dict[str, Any] = field(default_factory=dict)


class SmallGuest:
    """A guest of that size, kept short, and the phases of a recorder in it, `running_s` of them before a storm."""

    def __init__(self, lab: Lab, row: Row, options: tuple[str, ...], running_s: float = LOOK_S) -> None:
        self._lab, self._guest, self._row, self._options = lab, lab.guest, row, options
        self._running_s = running_s
        lab.shell("mke2fs /dev/vdd >/dev/null 2>&1 && mkdir /tmp/disk && mount -t ext4 /dev/vdd /tmp/disk")
        lab.host_and_wait(lab.full_mib - HELD_MIB)
        self._watch = Watch(lab.guest)
        self._pid = 0

    def run(self, folder: Path) -> None:
        """All phases, as far as the recorder lives."""
        self._keep_short()
        self._phase("before", lambda: self._for_seconds(LOOK_S))
        if not self._starts():
            return
        self._phase("running", lambda: self._for_seconds(self._running_s))
        self._phase("storm", self._storm)
        del self._watch.loads[1:]
        self._phase("ending", self._end)
        if self._row.state == _STATES[0]:
            self._row.recorded = self._recorded(folder)

    def _keep_short(self) -> None:
        """A reader of twice what is available, once the page cache is full."""
        lab, guest = self._lab, self._guest
        read_mib = str(2 * lab.available_mib())
        lab.said(lab.load("stream", "/dev/vdc", read_mib), "read")
        self._watch.loads.append(guest.start("load", "stream", "/dev/vdc", read_mib, "0", str(_PAUSE_MS)))
        self._row.available_mib = lab.available_mib()

    def _starts(self) -> bool:
        self._phase("starting", self._start)
        return not self._is_over()

    def command(self) -> tuple[str, ...]:
        """What records, as a user starts it."""
        return "reclaim-tracer", "record", "--force", "-o", _RECORDING, *self._options

    def fetch(self, target: Path) -> None:
        """Copy the recording out."""
        self._guest.fetch(_RECORDING, target)

    def _start(self) -> None:
        self._pid = self._watch.recorder = self._guest.start(*self.command(), cgroup=CGROUP)
        self._watched(lambda: "Tracing." in self._guest.errors(self._pid) or self._is_over(), "the recorder to start")

    def _is_over(self) -> bool:
        status = self._guest.ask("status", pid=self._pid)
        if status is None:
            return False
        self._row.said = self._guest.errors(self._pid).strip()[-_SAID:]
        self._row.state = _STATES.get(status, f"ended with {status}")
        return True

    def _watched(self, condition: Callable[[], bool], what: str) -> None:
        """Wait, with an eye on what the recorder is charged for."""
        self._guest.until(lambda: self._watch.sample() or condition(), WAIT_S, what)

    def _storm(self) -> None:
        """All that is available taken by a hog that grows beside two readers at full speed."""
        guest, lab = self._guest, self._lab
        hog = guest.start("load", "hog", str(lab.available_mib() * 2 // 3), "20", oom_score_adj=1000)
        readers = [guest.start("load", "stream", "/dev/vdc", str(3 * self._row.available_mib), "1") for _ in range(2)]
        self._watch.loads += readers
        for pid in readers:
            guest.finish(pid, WAIT_S)
        lab.stop(hog)

    def _end(self) -> None:
        self._guest.kill(self._pid, SIGINT)
        self._watched(self._is_over, "the recorder to end")

    def _for_seconds(self, seconds: float) -> None:
        guest = self._guest
        until_ns = guest.ask("clock")["monotonic"] + int(seconds * 1e9)
        guest.until(lambda: guest.ask("clock")["monotonic"] >= until_ns, WAIT_S, "seconds to pass")

    def _phase(self, name: str, act: Callable[[], None]) -> None:
        since = self._watch.moment()
        act()
        self._row.phases[name] = Phase.between(since, self._watch.moment())
        self._row.held[name] = self._watch.held()
        if self._pid:
            self._row.resident_kib[name] = self._watch.resident()

    def _recorded(self, folder: Path) -> dict[str, Any]:
        """What the recording says of itself and of its recorder."""
        target = folder / f"{self._row.kernel}-{self._row.memory_mib}{self._row.way and '.'}{self._row.way}.rtrace"
        self.fetch(target)
        summary = tracer.open(target).summary()
        recording, own = summary["recording"], summary["recorder"]
        pages = [
            source["pages"] for tier in summary["tiers"] for name, source in tier["sources"].items() if name in _LISTS
        ]
        return {
            "bytes": target.stat().st_size,
            "events": recording["events"],
            "lost": recording["lost"],
            "own_pages": own["pages"],
            "own_stall_s": own["stall_s"],
            "pages": None if None in pages else sum(pages),
        }


def measure(
    kernel: str,
    memory_mib: int,
    folder: Path,
    way: str = DEFAULT,
    options: tuple[str, ...] = (),
    *,
    own_time: bool = False,
) -> Row:
    """What `record` with these options cost such a guest. Raises LabError where it does not boot."""
    row = Row(kernel, memory_mib, way)
    hardware = on(Hardware(memory_mib=memory_mib + HELD_MIB, balloon=(), own_time=own_time), way)
    with Guest(kernel, hardware) as guest:
        try:
            if not hardware.compiler:
                carry(guest)
            SmallGuest(Lab(guest), row, (*options_of(way), *options)).run(folder)
        except LabError as error:
            row.said = str(error)[-_SAID:]
            print(error, file=sys.stderr)
    return row


def main() -> int:
    """1 where one of them could not be had."""
    options = _parser().parse_args()
    if reason := why_impossible():
        print(f"guests: {reason}", file=sys.stderr)
        return 3
    options.output.mkdir(parents=True, exist_ok=True)
    kernels, sizes = options.kernel or [FULL], options.memory or SIZES_MIB
    wanted = [(kernel, mib, options.output, options.by) for kernel in kernels for mib in sizes]
    print(HEAD, flush=True)
    with (options.output / "small.jsonl").open("a") as log, ThreadPoolExecutor(options.jobs) as pool:
        trials = [pool.submit(measure, *each, tuple(options.record), own_time=options.own_time) for each in wanted]
        rows: list[Row] = []
        for trial in as_completed(trials):
            rows.append(trial.result())
            log.write(json.dumps(asdict(rows[-1])) + "\n")
            log.flush()
            print(row_text(asdict(rows[-1])), flush=True)
    return int(any(row.state == FAILED for row in rows))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.guest.small", description=__doc__)
    parser.add_argument("--kernel", action="append", choices=sorted(KERNELS))
    parser.add_argument("--memory", action="append", type=int, metavar="MIB", help="what the balloon leaves")
    parser.add_argument("--record", action="append", default=[], metavar="OPTION", help="for the tracer's `record`")
    parser.add_argument("--by", choices=(PROGRAMS,), default=DEFAULT, help="carried along, in a guest without bcc")
    parser.add_argument("--own-time", action="store_true", help="the guest's clock counts what it executes")
    parser.add_argument("--jobs", type=int, default=workers_here(), help="guests at once")
    parser.add_argument("-o", "--output", type=Path, default=Path("out/small"), metavar="FOLDER")
    return parser


if __name__ == "__main__":
    sys.exit(main())
