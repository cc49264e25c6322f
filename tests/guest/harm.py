"""What a recorder costs a guest that is short of memory: the guest's own counters around each phase of its life."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from .guest import Guest

CGROUP: Final = "recorder"
_FOLDER: Final = f"/sys/fs/cgroup/{CGROUP}"
_INSTANCE: Final = "/sys/kernel/tracing/instances/lab"
_EVENTS: Final = f"{_INSTANCE}/events/vmscan/mm_vmscan_direct_reclaim"
_BUFFER_KIB: Final = 128
_DIRECT: Final = re.compile(r"^\s*(\S.*)-(\d+)\s+\[.*mm_vmscan_direct_reclaim_(begin|end): (?:.*nr_reclaimed=(\d+))?")
_KERNEL_THREADS: Final = ("kworker", "khugepaged", "kcompactd")
_OVERRUN: Final = re.compile(r"^(?:overrun|dropped events): (\d+)", re.MULTILINE)
_STOLEN: Final = ("pgsteal_kswapd", "pgsteal_direct", "pgsteal_khugepaged")


@dataclass(frozen=True)
class Moment:
    """The guest's counters at a time. Direct reclaim is that of the recorder's tasks; None where it can't be told.

    `loads_pages` were read from disk by the loads: what the page cache had to make room for without a recorder, too.
    """

    time_ns: int
    vmstat: dict[str, int]
    loads_pages: int | None
    own_stalls: int | None
    own_pages: int | None


@dataclass(frozen=True)
class Phase:
    """What happened between two moments. Pages of 4 KiB; None is unknown.

    `own_stalls` are direct reclaims that the recorder's tasks began, `own_pages` what they reclaimed in them.
    `extra_pages` were reclaimed beyond what the loads read from disk: below 0 where reading filled free memory.
    """

    seconds: float
    stalls: int
    reclaimed_pages: int
    extra_pages: int | None
    own_stalls: int | None
    own_pages: int | None
    oom_kills: int

    @classmethod
    def between(cls, since: Moment, until: Moment) -> Phase:
        """Differences."""
        grown = {name: value - since.vmstat.get(name, 0) for name, value in until.vmstat.items()}
        reclaimed = sum(grown.get(name, 0) for name in _STOLEN)
        read = _difference(since.loads_pages, until.loads_pages)
        return cls(
            seconds=round((until.time_ns - since.time_ns) / 1e9, 1),
            stalls=sum(value for name, value in grown.items() if name.startswith("allocstall")),
            reclaimed_pages=reclaimed,
            extra_pages=None if read is None else reclaimed - read,
            own_stalls=_difference(since.own_stalls, until.own_stalls),
            own_pages=_difference(since.own_pages, until.own_pages),
            oom_kills=grown.get("oom_kill", 0),
        )


@dataclass(frozen=True)
class Held:
    """Bytes charged to the recorder's memory cgroup; `peak` is the kernel's own, else the largest that was seen.

    Files that somebody had read before, the agent's Python among them, are charged to whom they were read by.
    """

    current: int | None = None
    anon: int | None = None
    file: int | None = None
    peak: int | None = None
    peak_is_kernels: bool = False


@dataclass
class Watch:
    """Counts direct reclaims of all but the guest's loads, from when it is made, and follows a recorder's cgroup."""

    guest: Guest
    loads: list[int] = field(default_factory=list)
    recorder: int = 0
    _peak_bytes: int = 0

    def __post_init__(self) -> None:
        events = " && ".join(
            f'echo \'comm != "stream" && comm != "hog"\' >{_EVENTS}_{end}/filter && echo 1 >{_EVENTS}_{end}/enable'
            for end in ("begin", "end")
        )
        self.guest.shell(f"mkdir {_INSTANCE} && echo {_BUFFER_KIB} >{_INSTANCE}/buffer_size_kb && {events}")
        self.guest.shell(f"mkdir {_FOLDER}")

    def moment(self) -> Moment:
        """The counters now."""
        guest = self.guest
        own = self._own_reclaim()
        return Moment(
            time_ns=guest.ask("clock")["monotonic"],
            vmstat=guest.counters(),
            loads_pages=self._loads_pages(),
            own_stalls=None if own is None else own[0],
            own_pages=None if own is None else own[1],
        )

    def sample(self) -> None:
        """Remember the largest charge, for kernels that don't."""
        self._peak_bytes = max(self._peak_bytes, self._number("memory.current") or 0)

    def held(self) -> Held:
        """What the cgroup is charged for now, and its peak so far."""
        self.sample()
        peak = self._number("memory.peak")
        stat = self._counters(f"{_FOLDER}/memory.stat")
        return Held(self._number("memory.current"), stat.get("anon"), stat.get("file"),
                    peak or self._peak_bytes or None, peak is not None)  # fmt: skip

    def resident(self) -> dict[str, int]:
        """The recorder's own memory, kB by the names of /proc/PID/status; nothing where it has ended."""
        counters = self._counters(f"/proc/{self.recorder}/status")
        return {name: value for name, value in counters.items() if name in {"RssAnon", "RssFile", "RssShmem", "VmLck"}}

    def _loads_pages(self) -> int | None:
        counters = [self._counters(f"/proc/{pid}/io") for pid in self.loads]
        if not all("read_bytes" in each for each in counters):
            return None
        return sum(each["read_bytes"] for each in counters) // 4096

    def _own_reclaim(self) -> tuple[int, int] | None:
        if self._has_overrun():
            return None
        if not self.recorder:
            return 0, 0
        return own_reclaim(self.guest.read(f"{_INSTANCE}/trace").decode(errors="replace"), self.recorder)

    def _has_overrun(self) -> bool:
        stats = (
            self.guest.read(f"{_INSTANCE}/per_cpu/cpu{cpu}/stats").decode() for cpu in range(self.guest.hardware.cpus)
        )
        return any(int(count) for text in stats for count in _OVERRUN.findall(text))

    def _number(self, name: str) -> int | None:
        path = f"{_FOLDER}/{name}"
        return int(self.guest.read(path)) if self._is_there(path) else None

    def _counters(self, path: str) -> dict[str, int]:
        return self.guest.counters(path) if self._is_there(path) else {}

    def _is_there(self, path: str) -> bool:
        return int(self.guest.ask("size", path=path)) >= 0


def own_reclaim(trace: str, recorder: int) -> tuple[int, int]:
    """Direct reclaims begun, and pages reclaimed in them, by tasks that are the recorder or younger, by tracefs' text.

    Kernel threads are not its own; loads are not in the trace.
    """
    found = filter(None, map(_DIRECT.match, trace.splitlines()))
    own = [each for each in found if int(each[2]) >= recorder and not each[1].startswith(_KERNEL_THREADS)]
    return sum(each[3] == "begin" for each in own), sum(int(each[4] or 0) for each in own)


def _difference(since: Any, until: Any) -> int | None:
    return None if since is None or until is None else until - since
