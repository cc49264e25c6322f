"""Processes that another process killed under memory pressure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from ....known_names import CONTAINER_RUNTIMES
from ...model import Analysis, Finding
from ...sizes import mib
from ...terms import Quality, Severity
from ..kind import Explanation, Kind, Need, found
from ..needs import USER_KILLS, WAITS

if TYPE_CHECKING:
    from ...contention.user_kills import Pressure, UserKill
    from ..evidence import Evidence

_PRESSURE: Final = frozenset({"psi.memory.some_total_us", "meminfo.MemAvailable_bytes"})
_PRESSURE_KNOWN: Final = Need(
    "neither waits for memory nor memory pressure were recorded",
    lambda evidence: WAITS.is_met(evidence) or bool(_PRESSURE & evidence.analysis.samples.keys()),
)
_NAMED: Final = 3
"""Victims that the sentence names."""


def _kills(evidence: Evidence) -> Iterator[Finding]:
    for kill in evidence.user_kills:
        start_s, end_s = evidence.seconds(kill.time_ns), evidence.seconds(kill.end_ns)
        held = evidence.held_pages(start_s) if evidence.balloon_seen and kill.of_machine else None
        path = evidence.cgroup_paths.get(kill.pressure.cgroup_id)
        text = (
            f"{kill.sender_comm or 'A process'} (pid {kill.sender}) killed {_victims(kill)} with SIGKILL"
            f"{' through cgroup.kill' * kill.by_cgroup}{_unknown(kill) or _under(kill, path)}."
        )
        if held:
            text += f" The balloon held {evidence.mib(held)}."
        yield found(
            _severity(kill),
            (start_s, end_s),
            text,
            _numbers(evidence, kill, held),
            cost=None,
            quality=Quality.INFERRED,
            cgroup=path,
        )


def _severity(kill: UserKill) -> Severity:
    """A person or a script may end a process at any time: only of those who do it for want of memory is it certain."""
    if kill.is_unknown:
        return Severity.INFO
    if kill.by_memory_killer:
        return Severity.CRITICAL
    evicted = kill.by_cgroup or kill.sender_comm in CONTAINER_RUNTIMES
    return Severity.WARNING if evicted and kill.pressure.memory_is_low else Severity.INFO


def _victims(kill: UserKill) -> str:
    named = [f"{name or 'a process'} (pid {pid})" for pid, name in kill.victims[:_NAMED]]
    if kill.processes == 1:
        return named[0]
    more = f" and {kill.processes - len(named):,} more" if kill.processes > len(named) else ""
    return f"{kill.processes:,} processes, {', '.join(named)}{more},"


def _under(kill: UserKill, path: str | None) -> str:
    return f" under memory pressure{_where(kill, path)}: {_pressure(kill.pressure)}"


def _unknown(kill: UserKill) -> str:
    """What is not known where nothing tells; empty where it is seen."""
    if not kill.is_unknown:
        return ""
    age_s = (kill.pressure.read_before_ns or 0) / 1e9
    return f"; whether memory was short is not known: it was read {age_s:.1f} s before, and nobody was seen to wait"


def _where(kill: UserKill, path: str | None) -> str:
    """Whose memory was short, where it was not the machine's."""
    if kill.of_machine:
        return ""
    return f" in {f'memory cgroup {path}' if path else 'its memory cgroup'} (the machine was not short of memory)"


def _pressure(pressure: Pressure) -> str:
    parts = []
    if pressure.waited_ns:
        parts.append(f"tasks waited {pressure.waited_ns / 1e9:.1f} s in direct reclaim in the 10 s before")
    if pressure.cgroup_ns:
        parts.append(f"tasks of that cgroup waited {pressure.cgroup_ns / 1e9:.1f} s at its limit in the 10 s before")
    if pressure.stalled_ns:
        parts.append(f"some task was stalled for {pressure.stalled_ns / 1e9:.1f} s in that time (PSI)")
    if pressure.available_bytes is not None and pressure.total_bytes:
        whole = f"{mib(pressure.available_bytes)} of {mib(pressure.total_bytes)}"
        parts.append(f"{whole} of memory {'were' if pressure.memory_is_low else 'was still'} available")
    if pressure.swap_is_low:
        parts.append("swap was nearly full")
    return ", ".join(parts)


def _numbers(evidence: Evidence, kill: UserKill, held: int | None) -> dict[str, float]:
    pressure = kill.pressure
    numbers = {
        "sender_pid": kill.sender,
        "pid": kill.victims[0][0],
        "processes": kill.processes,
        "by_cgroup": int(kill.by_cgroup),
        "stall_s": pressure.waited_ns / 1e9 if WAITS.is_met(evidence) else None,
        "cgroup_stall_s": pressure.cgroup_ns / 1e9 if pressure.cgroup_id else None,
        "psi_some_s": None if pressure.stalled_ns is None else pressure.stalled_ns / 1e9,
        "available_bytes": pressure.available_bytes,
        "balloon_pages": held,
    }
    return {name: value for name, value in numbers.items() if value is not None}


def _together(_analysis: Analysis, kills: Sequence[Finding], _page_bytes: int) -> str:
    if len(kills) == 1:
        return ""
    return (
        f"{sum(round(kill.numbers['processes']) for kill in kills):,} processes in {len(kills):,} such kills in total"
    )


KIND: Final = Kind(
    name="user_kill",
    number=21,
    title="A process was killed from user space under memory pressure",
    clause="a process was killed from user space",
    needs=(USER_KILLS, _PRESSURE_KNOWN),
    rule=_kills,
    together=_together,
    explanation=Explanation(
        meaning="Something other than the kernel killed processes while memory was short: a memory-pressure "
        "daemon (systemd-oomd, earlyoom, oomd, nohang, Android's lmkd), a container runtime on behalf of "
        "kubelet, or a person. The kernel's OOM killer, and with it the balloon's OOM notifier, never "
        "ran: a balloon that deflates only then keeps its memory.",
        computed="A SIGKILL that one process sent to another (`signal:signal_generate`; the kernel's own kills are "
        "`oom_kill`) counts if, in the 10 s before, tasks waited in direct reclaim for 0.5 s in total, or "
        "some task was stalled for 0.5 s (PSI some), or at most a tenth of the memory was available: the "
        "machine was short. Waiting at memory cgroups' own limits is not counted there and subtracted from "
        "PSI. It counts if tasks of the victim's cgroup waited at their limit for 0.5 s: then only that "
        "cgroup was short. The victim's cgroup is known if the victim itself waited at its limit. From "
        "a task with the name of a known memory killer, any waiting or stall, or swap that is nine tenths "
        "full, is enough, and it is critical. From a container runtime, or through `cgroup.kill`, it is a "
        "warning while memory was low. Others are information. Signals of one sender less than a second "
        "apart are one finding. That pressure was the reason is inferred. SIGTERM, which earlyoom sends "
        "first, is not traced. `cgroup.kill` is recognised by the signal's code and scope. A kill by a known "
        "memory killer is also told, as information, if available memory was last read more than 0.5 s before (up "
        "to 2 s on a quiet machine): it may have fallen since, and nothing tells.",
        causes=(
            "A user-space memory killer acts on pressure before the kernel would.",
            "kubelet evicts a pod because the node has little memory left; the container runtime sends the signal.",
            "A service stop or a timeout that happened to coincide with pressure: check the sender.",
        ),
        advice=(
            (
                "Read the sender's log (`journalctl -u systemd-oomd`, `-u earlyoom`, `-u kubelet`): it says which "
                "limit was reached."
            ),
            (
                "If the balloon held memory: lower the host's target. DEFLATE_ON_OOM does not help, because the "
                "kernel's OOM path was never reached."
            ),
            ("If it did not: the guest is too small for its load; give it more memory or swap, or limit the load."),
            "If only a memory cgroup was short: raise its limit (memory.high, memory.max), or limit its load.",
            (
                "If the wrong process was killed: exclude it (ManagedOOMPreference=avoid, earlyoom --avoid, a "
                "pod's priority and requests)."
            ),
        ),
        helped="No `user_kill` under the same load, and less waiting in direct reclaim.",
        references=(
            "include/trace/events/signal.h: signal_generate; include/uapi/asm-generic/siginfo.h: SI_FROMUSER()",
            "kernel/cgroup/cgroup.c: __cgroup_kill() sends SIGKILL to each task of the cgroup (Linux 5.14)",
            "man systemd-oomd.service, oomd.conf; earlyoom(1); Kubernetes: Node-pressure Eviction",
        ),
    ),
)
